"""Session keys and shared objects: every one of them is named here and nowhere else."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from datetime import datetime

import numpy as np
import streamlit as st

from digitcore.datasets import Dataset, Split, load_dataset
from digitcore.datasets.splits import mean_images
from digitcore.errors import DigitcoreError
from digitcore.links import DEFAULT_RECIPE, query_to_spec, spec_to_query
from digitcore.runs import Engine, Run, RunSpec
from digitcore.runs.training import split_for

_RUN = "run"
_PAGE, _SPEC, _RECIPE, _SHOWN_RUN = "page", "spec", "recipe", "shown_run"
_WRITTEN, _DRAWN, _PROBLEMS = "written_query", "drawn_form", "link_problems"
_FORM_PREFIX = "form_"


# Shared by all users of the server.


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this server.

    Raises
    ------
    DigitcoreError
        If the store cannot be opened; the next call tries again.
    """
    return Engine()


@st.cache_resource(show_spinner=False)
def start_engine() -> threading.Thread:
    """Start the workers beside the first page, so that the first training need not wait for them."""
    thread = threading.Thread(target=_start_workers, name="start-engine", daemon=True)
    thread.start()
    return thread


def _start_workers() -> None:
    # The page that needs the engine says what is wrong with it.
    with contextlib.suppress(DigitcoreError):
        engine().start()


@st.cache_resource(show_spinner="Loading the images ...")
def dataset(name: str) -> Dataset:
    """A data set, loaded once for all."""
    return load_dataset(name)


@st.cache_resource(show_spinner=False, ttl=10)
def recent_runs(*, evaluated: bool = True) -> list[Run]:
    """The latest runs, without their epochs."""
    return engine().store.recent(evaluated=evaluated)


def forget_recent_runs() -> None:
    """Look the latest runs up again: one has just ended."""
    recent_runs.clear()


@st.cache_resource(show_spinner=False, max_entries=8)
def split_of(spec: RunSpec) -> Split:
    """The parts of the data that ``spec`` asks for."""
    return split_for(spec, dataset(spec.dataset))


@st.cache_resource(show_spinner=False, max_entries=8)
def means_of(spec: RunSpec) -> np.ndarray:
    """The mean image of each class in the training part that ``spec`` asks for; not to be changed."""
    return mean_images(split_of(spec).train)


def arrays_of(run: Run) -> Mapping[str, np.ndarray]:
    """The weights and probabilities of a run that has ended; not to be changed."""
    return _arrays(run.digest, run.created_at)


@st.cache_resource(show_spinner=False, max_entries=8)
def _arrays(digest: str, created_at: datetime) -> Mapping[str, np.ndarray]:
    # A run that was stopped and trained again has other arrays, and another time.
    return engine().arrays(digest)


# One user's own.


def enter_page(name: str) -> bool:
    """Note which page is shown; True when it was another one before."""
    entered = st.session_state.get(_PAGE) != name
    st.session_state[_PAGE] = name
    return entered


def spec(*, entered: bool) -> RunSpec:
    """The configuration of the form; opening a link, or Back and Forward in the browser, sets it.

    Parameters
    ----------
    entered : bool
        Whether the user has just come from another page: then an empty address says nothing.
    """
    query = st.query_params.to_dict()
    if _SPEC not in st.session_state or _went_elsewhere(query, entered):
        recipe, opened, problems = query_to_spec(query, ignored=[_RUN])
        st.session_state[_PROBLEMS] = problems
        if _RUN in query:
            st.session_state[_SHOWN_RUN] = query[_RUN]
        put_spec(opened, recipe)
    return st.session_state[_SPEC]


def _went_elsewhere(query: dict[str, str], entered: bool) -> bool:
    if query == st.session_state[_WRITTEN] or (entered and not query):
        return False
    # A quick hand moves the next slider before the browser knows the address that the last one led to.
    return _form_values() == st.session_state[_DRAWN]


def _form_values() -> dict[str, object]:
    return {str(key): value for key, value in st.session_state.items() if str(key).startswith(_FORM_PREFIX)}


def recipe_name() -> str:
    """The recipe that the form started from."""
    return st.session_state.get(_RECIPE, DEFAULT_RECIPE)


def put_spec(new: RunSpec, recipe: str) -> None:
    """Set the configuration from outside the form; the form's widgets follow."""
    for key in _form_values():
        del st.session_state[key]
    st.session_state[_RECIPE] = recipe
    keep_spec(new)


def keep_spec(new: RunSpec) -> None:
    """Keep the configuration that the form's widgets describe, and put it into the address."""
    query = spec_to_query(new, recipe_name())
    # A training that was started before the form was changed is found again after a reload.
    if any(run.digest == shown_run() != new.digest for run in engine().active()):
        query[_RUN] = shown_run()
    st.session_state.update({_SPEC: new, _WRITTEN: query, _DRAWN: _form_values()})
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def form_key(name: str) -> str:
    """The key of a widget of the form."""
    return _FORM_PREFIX + name


def link_problems() -> list[str]:
    """What was wrong with the link that was opened last, a sentence each."""
    return st.session_state.get(_PROBLEMS, [])


def shown_run() -> str | None:
    """Digest of the run that the pages show."""
    return st.session_state.get(_SHOWN_RUN)


def show_run(run: Run) -> None:
    """Let the pages show this run."""
    st.session_state[_SHOWN_RUN] = run.digest


def linked_run() -> str | None:
    """Digest of the run that the address names, else of the one shown last."""
    return st.query_params.get(_RUN) or shown_run()


def link_run(run: Run) -> None:
    """Let the pages show this run, and name it in the address."""
    show_run(run)
    st.query_params[_RUN] = run.digest
