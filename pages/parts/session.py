"""Session keys and caches: every one of them is named here and nowhere else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from digitcore.datasets import Dataset, Part, Split, load_dataset
from digitcore.datasets.splits import mean_images
from digitcore.errors import DatasetError, DigitcoreError, InvalidSetting
from digitcore.experiments import Experiment, Plan
from digitcore.experiments.comparison import RunsComparison, compare
from digitcore.experiments.plans import plan_from_json
from digitcore.experiments.summary import plan_words, readable_experiments
from digitcore.experiments.tables import part_predictions
from digitcore.images.pictures import read_picture
from digitcore.parameters import did_you_mean, link_problem, shortened
from digitcore.quiz import QuizRound, QuizScore
from digitcore.runs import Run, RunSpec
from digitcore.runs.arrays import RunArrays
from digitcore.runs.choice import MOST_CHOSEN, choice_from_text, choice_to_text
from digitcore.runs.prediction import RunModel
from digitcore.runs.store import KeptExperiment
from digitcore.runs.training import split_for, split_of_run
from digitcore.specs.links import DEFAULT_RECIPE, query_to_spec, readable_query, spec_to_query
from digitcore.specs.titles import nearest_recipe
from digitcore.specs.views import VIEWS, read_number, view_of_query
from pages.parts import press, shared, visitor

_RUN, _RUNS = "run", "runs"
_AT_HOME, _PAGE, _SPEC, _RECIPE, _SHOWN_RUN = "at_home", "page", "spec", "recipe", "shown_run"
_LINK, _SUBJECT, _VIEW, _PROBLEMS = "link", "subject", "view", "link_problems"
# What the form's training goes on from: the parent of its spec, and the spec of the run whose end that is.
_PARENT, _ORIGIN = "form_parent", "form_origin"
_FORM, _TOLD, _INSTEAD = "form_number", "told", "shown_instead"
_FORM_PREFIX = "form_"
# Visits of pages after which a form's widgets have the names of an earlier one: by then the browser has forgotten it.
_N_FORMS = 8
# A selectbox takes None for "nothing chosen yet".
ANY_CLASS = -1
PLAYING = "weights_playing"
STEPS_FOLLOWED, STEPS_IMAGE = "steps_followed", "steps_image"
_QUIZ, _QUIZ_SUBJECT, _QUIZ_TELLS, _SCORES = "quiz", "quiz_subject", "quiz_tells", "quiz_scores"
_LABEL_ISSUES, _ROBUSTNESS = "label_issues_of", "robustness_of"
_EXPERIMENT, _MISSING, EXPERIMENT_KIND = "experiment", "missing_experiment", "experiment_kind"
# Whether the link names a run that is not kept here.
_MISSES_RUN = "misses_run"
# Letters, twice as many as a digest has.
_MOST_OF_DIGEST = 40
_EXPERIMENT_CHOICE = "experiment_choice_"
_STARTED, _RANGE_TEST = "experiment_started", "range_test"
_DRAW_SEED, _OPENED, _CHANGES = "draw_seed", "opened_image", "changes_version"
_PICTURE = "picture_brought"
_MOST_DRAWS = 2**32 - 1
_COMPARED, _COMPARED_VERSION = "compared", "compared_version"
_COMPARED_PROBLEMS, _DELETED = "compared_problems", "deleted_runs"
_ANNOUNCED, _SAID = "announced", "said"
# Of each chart that can be clicked: how often it was drawn anew without what was clicked.
_CHART_VERSION = "_chart_version"


# Shared by all users of the server.


@st.cache_resource(show_spinner="Loading the images ...")
def dataset(name: str) -> Dataset:
    """A data set, loaded once for all."""
    return load_dataset(name)


@st.cache_resource(show_spinner=False, ttl=10)
def recent_experiments(kind: str) -> dict[str, tuple[KeptExperiment, str]]:
    """The latest experiments of a kind that this version can read, each with its plan in words, by digest."""
    kept = readable_experiments(shared.engine().store.recent_experiments(kind))
    return {each.digest: (each, plan_words(plan_from_json(each.plan))) for each in kept}


def linked_experiment() -> Experiment | None:
    """The experiment that the address names, if this version can read it."""
    with contextlib.suppress(InvalidSetting):
        return experiment(shown_experiment()) if shown_experiment() else None
    show_experiment(None)
    return None


def experiment(digest: str) -> Experiment | None:
    """How an experiment stands; one that does not run here is looked up anew only when the store notes a change."""
    running = {each.digest: each for each in shared.experiments().active()}
    if digest in running:
        return running[digest]
    kept = shared.engine().store.load_experiment(digest)
    if kept is None:
        return None
    known = _kept_experiment(digest, kept.state, kept.seconds, kept.stop_requested)
    # Its trainings end a little later than it does, of which its own row says nothing.
    return known if known.settled or known.state == "running" else shared.experiments().experiment(digest)


@st.cache_resource(show_spinner=False, ttl=60, max_entries=16)
def _kept_experiment(digest: str, kept_state: str, seconds: float, stop_requested: bool) -> Experiment:
    return shared.experiments().experiment(digest)


def start_experiment(plan: Plan) -> None:
    """Start an experiment and let the page show it."""
    st.session_state.update({_EXPERIMENT: shared.experiments().start(plan, visitor.name()).digest, _STARTED: True})
    recent_experiments.clear()


def done_runs(experiment: Experiment) -> tuple[str, ...]:
    """Digests of the members that are done, in order."""
    digests = dict.fromkeys(member.digest for member in experiment.members if member.digest in experiment.runs)
    return tuple(digest for digest in digests if experiment.runs[digest].state == "done")


def runs_with_epochs(digests: Sequence[str]) -> list[Run]:
    """The runs of these digests, whole."""
    return [shared.engine().run(digest) for digest in digests]


def pooled_predictions(
    digests: Sequence[str], part: str = "validation"
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Truth and prediction of a part's images of several runs together, and the names of the classes."""
    pairs = [part_predictions(run, arrays_of(run), part) for run in runs_with_epochs(digests)]
    truth, prediction = (np.concatenate(each) for each in zip(*pairs, strict=True))
    return truth, prediction, dataset(shared.engine().run(digests[0]).spec.dataset).class_names


def recent_runs() -> list[Run]:
    """The latest runs, without their epochs."""
    return _recent_runs(shared.engine().n_ended)


# Other servers on the same store are looked at every ten seconds.
@st.cache_resource(show_spinner=False, ttl=10, max_entries=2)
def _recent_runs(n_ended: int) -> list[Run]:
    return shared.engine().store.recent(evaluated=True)


def past_runs() -> list[Run]:
    """The latest runs, those of experiments among them: how long trainings take here."""
    return _past_runs(shared.engine().n_ended)


@st.cache_resource(show_spinner=False, ttl=10, max_entries=2)
def _past_runs(n_ended: int) -> list[Run]:
    return shared.engine().store.recent(evaluated=True, background=True)


def forget_recent_runs() -> None:
    """Look the latest runs up again: one is in the background no more, or begins anew."""
    _recent_runs.clear()


def split_of(spec: RunSpec) -> Split:
    """The parts of the data that ``spec`` asks for."""
    return _split(spec.dataset, spec.split.model_dump_json(), _spec=spec)


# The same for all models and seeds.
@st.cache_resource(show_spinner=False, max_entries=32)
def _split(dataset_name: str, split_json: str, _spec: RunSpec) -> Split:
    return split_for(_spec, dataset(dataset_name))


def parts_of(run: Run) -> Split:
    """The parts of the data that a run was evaluated on."""
    return _parts(run.digest, run.created_at, _run=run)


@st.cache_resource(show_spinner=False, max_entries=32)
def _parts(digest: str, created_at: datetime, _run: Run) -> Split:
    return split_of_run(_run.spec, arrays_of(_run), dataset(_run.spec.dataset))


@st.cache_resource(show_spinner=False, max_entries=8)
def means_of(spec: RunSpec) -> np.ndarray:
    """The mean image of each class in the training part that ``spec`` asks for; not to be changed."""
    return mean_images(split_of(spec).train)


def arrays_of(run: Run) -> RunArrays:
    """The weights and probabilities of a run that has ended; not to be changed."""
    # A run that was stopped and trained again has other arrays, and another time.
    return shared.arrays.get(
        (run.digest, run.created_at, run.covered), lambda: shared.engine().arrays(run.digest).without_checkpoint()
    )


def probabilities_of(run: Run, part: Part) -> np.ndarray:
    """What a run's model made of every image of a part, ``(n_images, n_classes)``; not to be changed."""
    return arrays_of(run).probabilities[part.name]


def model_of(run: Run) -> RunModel:
    """The trained model of a run that has ended."""

    def restored() -> RunModel:
        return RunModel(run, arrays_of(run), dataset(run.spec.dataset).class_names)

    return shared.models.get((run.digest, run.created_at), restored)


def comparison_of(models: Mapping[str, Sequence[Run]], part: str) -> RunsComparison:
    """What some models say together on a part, computed once for all.

    Raises
    ------
    ComparisonError
        If they cannot be compared.
    """
    runs = [(name, run.digest, run.created_at) for name, members in models.items() for run in members]
    return _comparison(tuple(runs), part, _models=models)


@st.cache_resource(show_spinner=False, max_entries=16)
def _comparison(runs: tuple[Any, ...], part: str, _models: Mapping[str, Sequence[Run]]) -> RunsComparison:
    own = {run.digest: run for members in _models.values() for run in members}
    return compare(_models, lambda digest: arrays_of(own[digest]), part=part)


# One user's own.


def max_text_length() -> int:
    """Characters of a text that a user types or a link brings."""
    return shared.engine().settings.max_text_length


def enter_dashboard() -> None:
    """Note that the page about to be shown is one of the dashboard's."""
    st.session_state[_AT_HOME] = True


@dataclass
class _Link:
    """An address that was opened, and what of it the page has taken.

    Attributes
    ----------
    query : dict of str to str
        Its parameters that are short enough to be read, digests shortened.
    view : dict of str to str
        Those of them that say how the page looks.
    problems : list of str
        What is wrong with it, a sentence each.
    taken : set of str
        Parameters that the page has asked for.
    drawn : bool
        Whether the page has been drawn to its end since.
    """

    query: dict[str, str]
    view: dict[str, str]
    problems: list[str]
    taken: set[str] = field(default_factory=set)
    drawn: bool = False


def enter_page(name: str) -> bool:
    """Note which page is shown; True when it was another one before.

    The page's state leads and the address follows, but for a link that was opened, and Back and Forward in the browser:
    there each widget takes its value from the address.
    """
    if _AT_HOME not in st.session_state:
        # Until dashboard.py has run once, Streamlit takes `pages/` for an app of its own: the first visitor of a server
        # who comes by a link to a page would get that page without the navigation.
        PagesManager.uses_pages_directory = False
        st.rerun()
    before = st.session_state.get(_PAGE)
    entered = before != name
    if entered:
        # The form's widgets are others at each visit, so that none shows what one of the last visit showed.
        # Their names come round again: Streamlit keeps a record of each widget for as long as the tab is open.
        visit = (st.session_state.get(_FORM, 0) + 1) % _N_FORMS
        for key in [key for key in st.session_state if str(key).startswith(f"{_FORM_PREFIX}{visit}_")]:
            del st.session_state[key]
        st.session_state.update({_PAGE: name, _FORM: visit, _LINK: None, _SUBJECT: {}})
        press.forget()
        if name != "steps":
            # A training that is followed batch by batch holds a model: who comes back begins anew.
            st.session_state.pop(STEPS_FOLLOWED, None)
    # A click on the name of a page leads to its bare address, which says nothing.
    if before is None or (entered and st.query_params) or came_through_history():
        _open_link(name)
    elif (link := st.session_state.get(_LINK)) is not None and not link.drawn:
        # The run that opened it was interrupted, and Streamlit drops what an unfinished run has set.
        link.taken.clear()
    st.session_state[_VIEW] = {}
    return entered


def came_through_history() -> bool:
    """Whether the user has gone back or forward in the browser."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _open_link(page: str) -> None:
    try:
        most = max_text_length()
    except DigitcoreError:
        # Without a store there is nothing to show: the page says so.
        return
    given = st.query_params.to_dict()
    # A digest that is too long is shortened, not left out: the page says that there is no such run.
    digests = {name: text[:_MOST_OF_DIGEST] for name, text in given.items() if name in (_RUN, _EXPERIMENT)}
    query, problems = readable_query({**given, **digests}, most)
    st.session_state[_LINK] = _Link(query, view_of_query(query, page), problems)
    for key in [key for key in st.session_state if key == run_key() or str(key).startswith(_EXPERIMENT_CHOICE)]:
        del st.session_state[key]
    # What was clicked in a chart is not what the address says.
    for key in [key for key in st.session_state if str(key).endswith(_CHART_VERSION)]:
        st.session_state[key] += 1


def _take_link(name: str) -> _Link | None:
    """The link that was opened, unless the page has asked for this part of it before."""
    link = st.session_state.get(_LINK)
    if link is None or name in link.taken:
        return None
    link.taken.add(name)
    return link


def linked_value(
    name: str, key: str, start: Any, read: Callable[[str], Any], options: Collection | None = None
) -> tuple[Any, bool]:
    """Return a widget's :func:`widget_value`, and whether the address has just set it.

    Parameters
    ----------
    name : str
        Of the parameter in the address.
    key : str
        Of the widget.
    start : Any
        The value of an address without the parameter.
    read : callable
        Makes a value of the parameter's text, and raises InvalidSetting where it cannot.
    options : collection, optional
        The valid values.
    """
    link = _take_link(name)
    if link is not None:
        st.session_state[key] = start
        try:
            st.session_state[key] = read(link.view[name]) if name in link.view else start
        except InvalidSetting as problem:
            link.problems.append(link_problem(problem, "the default was taken"))
    return widget_value(key, start, options), link is not None


def note_view(name: str, text: str | None) -> None:
    """Note what the address is to say of a widget; None where it has its default."""
    view = st.session_state[_VIEW]
    view.pop(name, None)
    if text is not None:
        view[name] = text


def write_address() -> None:
    """Put the view that was drawn into the address: what the page is about, and what was chosen on it."""
    link, later = st.session_state.get(_LINK), {}
    if link is not None:
        # Where there is a form, it says what it does not know.
        if not link.drawn and _SPEC not in link.taken:
            link.problems += _unknown_names(link)
        link.drawn = True
        # What the page does not ask for yet, such as of a map that is still being computed.
        later = {name: text for name, text in link.view.items() if name not in link.taken}
    query = {**st.session_state.get(_SUBJECT, {}), **later, **st.session_state.get(_VIEW, {})}
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def _unknown_names(link: _Link) -> list[str]:
    """Return a sentence for each parameter of a link that the page does not have."""
    known = {*link.taken, *VIEWS[st.session_state[_PAGE]], *st.session_state[_SUBJECT]}
    return [
        f"In the link, the parameter {shortened(name)} is unknown: it was left out.{did_you_mean(name, known)}"
        for name in link.query
        if name not in known
    ]


def spec() -> RunSpec:
    """The configuration of the form; opening a link, or Back and Forward in the browser, sets it."""
    link = _take_link(_SPEC)
    if _SPEC not in st.session_state and (link is None or not link.query) and _fill_from_shown_run():
        return st.session_state[_SPEC]
    if link is not None or _SPEC not in st.session_state:
        query, view = (link.query, link.view) if link is not None else ({}, {})
        recipe, opened, problems = query_to_spec(query, ignored=[_RUN, _EXPERIMENT, *view])
        st.session_state[_PROBLEMS] = [*problems, *_take_linked(query)]
        put_spec(opened, recipe)
    return st.session_state[_SPEC]


def _fill_from_shown_run() -> bool:
    """Fill the form with the run that a link to another page opened; True if there is one."""
    run = shared.engine().run(shown_run()) if shown_run() else None
    if run is not None:
        fill_form(run.spec)
    return run is not None


def _take_linked(query: dict[str, str]) -> list[str]:
    """Show the run and the experiment that a link names; return a sentence for each that is not there."""
    problems, page = [], st.session_state[_PAGE]
    no_run = _RUN in query and shared.engine().run(query[_RUN]) is None
    st.session_state[_MISSES_RUN] = no_run
    if _RUN in query and not no_run:
        st.session_state[_SHOWN_RUN] = query[_RUN]
    elif page == "train" and not _is_active(shown_run()):
        st.session_state[_SHOWN_RUN] = None
    if no_run:
        problems.append(f"The run {shortened(query[_RUN])} of the link is not kept on this server.")
    no_experiment = _EXPERIMENT in query and not _is_readable(query[_EXPERIMENT])
    if page == "experiments" or (_EXPERIMENT in query and not no_experiment):
        st.session_state[_EXPERIMENT] = None if no_experiment else query.get(_EXPERIMENT)
        st.session_state[_MISSING] = query[_EXPERIMENT] if no_experiment else None
    elif no_experiment:
        problems.append(missing_experiment_text(query[_EXPERIMENT]))
    return problems


def missing_experiment_text(name: str) -> str:
    """Say that the experiment of a link is not there."""
    return f"The experiment {shortened(name)} of the link is not kept on this server, or cannot be read by it."


def _is_readable(digest: str) -> bool:
    with contextlib.suppress(InvalidSetting):
        return experiment(digest) is not None
    return False


def _is_active(digest: str | None) -> bool:
    return any(run.digest == digest for run in shared.engine().active())


def _form_keys() -> list[str]:
    own = form_key("")
    return [str(key) for key in st.session_state if str(key).startswith(own)]


def recipe_name() -> str:
    """The recipe that the form started from."""
    return st.session_state.get(_RECIPE, DEFAULT_RECIPE)


def put_spec(new: RunSpec, recipe: str) -> None:
    """Set the configuration from outside the form; the form's widgets follow.

    The form describes a training: what was done to the weights after it is left out.
    """
    new = new.as_trained
    for key in _form_keys():
        st.session_state.pop(key, None)
    st.session_state.update({_RECIPE: recipe, _PARENT: new.parent, _ORIGIN: new.parent})
    keep_spec(new)


def go_on_in_form(run: Run, n_more: int) -> None:
    """Fill the form with a training that goes on from the end of a run, so many epochs longer, whatever is changed."""
    n_epochs = len(run.epochs)
    parent = run.spec.with_changes(parameters={"epochs": n_epochs, "patience": None})
    fill_form(run.spec.with_changes(parameters={"epochs": n_epochs + n_more}))
    # With no setting changed yet, it is merely a longer training, which has no parent.
    st.session_state.update({_PARENT: parent, _ORIGIN: run.spec})


def start_from_scratch() -> None:
    """Let the form's training go on from nothing."""
    put_spec(spec_in_form().with_changes(parent=None), recipe_name())


def parent_in_form() -> RunSpec | None:
    """What the form's training goes on from."""
    return st.session_state.get(_PARENT)


def origin_of(spec: RunSpec) -> RunSpec | None:
    """The run, as its spec, that a training can go on from: the one whose end the parent is, or the one shown."""
    if spec.parent is not None:
        return st.session_state.get(_ORIGIN)
    run = shared.engine().run(shown_run()) if shown_run() else None
    return None if run is None else run.spec


def spec_in_form() -> RunSpec:
    """The configuration that the form had when it was drawn last."""
    return st.session_state[_SPEC]


def apply_spec(new: RunSpec) -> None:
    """Fill the form of the present page with a spec, and draw the page anew."""
    put_spec(new, recipe_name())
    st.rerun()


def keep_spec(new: RunSpec) -> None:
    """Keep the configuration that the form's widgets describe; the address will name it."""
    query = spec_to_query(new, recipe_name())
    page, shown = st.session_state.get(_PAGE), shown_run()
    # A run that is shown beside other settings is found again after a reload, above all one that is being trained.
    on_train = page == "train" and (not _is_kept(new) or is_changed_of(shown, new))
    if shown and shown != new.digest and (_is_active(shown) or on_train):
        query[_RUN] = shown
    if page == "experiments" and (named := shown_experiment() or missing_experiment()):
        query[_EXPERIMENT] = named
    st.session_state.update({_SPEC: new, _SUBJECT: query})


def is_changed_of(digest: str | None, spec: RunSpec) -> bool:
    """Whether a run is what the training of ``spec`` came to, with its weights changed afterwards."""
    run = shared.engine().run(digest) if digest else None
    return run is not None and run.spec.surgery is not None and run.spec.as_trained == spec


def _is_kept(spec: RunSpec) -> bool:
    return shared.engine().run(spec.digest) is not None


def form_value(name: str, start: Any, options: Collection | None = None) -> tuple[str, Any]:
    """The key of a widget of the form, and its :func:`widget_value`."""
    key = form_key(name)
    return key, widget_value(key, start, options)


def forget_form_value(name: str) -> None:
    """Forget a widget of the form that is not drawn."""
    st.session_state.pop(form_key(name), None)


def is_drawn(group: str) -> bool:
    """Return True if the widgets of a group of the form are drawn: while it is unfolded, and once more after that.

    A change just before a group is folded may reach the server together with the folding.
    """
    return bool(st.session_state.get(group) or st.session_state.get(form_key(f"{group}_drawn")))


def note_drawn(groups: Iterable[str], *, keep: bool) -> None:
    """Note which groups of the form are unfolded, so that :func:`is_drawn` knows which ones are folded next time.

    Parameters
    ----------
    groups : iterable of str
        Keys of the groups.
    keep : bool
        Draw the groups that are drawn now once more: the form is not valid, so the spec does not have their values yet.
    """
    for group in groups:
        st.session_state[form_key(f"{group}_drawn")] = is_drawn(group) if keep else bool(st.session_state.get(group))


def form_bounds(name: str, low: float, high: float, value: float) -> tuple[float, float]:
    """The ends of a slider of the form: wider where the value lies outside, and they stay so when it is moved.

    With other ends it would be another slider, and the hand on the keyboard would lose it.
    """
    key = form_key(f"{name}_bounds")
    low, high = st.session_state.get(key, (low, high))
    st.session_state[key] = (min(low, value), max(high, value))
    return st.session_state[key]


def widget_value(key: str, start: Any, options: Collection | None = None) -> Any:
    """The value of a widget: ``start`` until the user has touched it, or when the options have it no more."""
    value = st.session_state.setdefault(key, start)
    if options is not None and value not in options:
        value = st.session_state[key] = start if start in options else next(iter(options))
    return value


def set_value(key: str, value: Any) -> Any:
    """Give a widget a value before it is drawn, and return it."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return value


def form_key(name: str) -> str:
    """The key of a widget of the form, another one at each visit of a page."""
    return f"{_FORM_PREFIX}{st.session_state[_FORM]}_{name}"


def tell(problem: str) -> None:
    """Let the page that is drawn next say what a click could not do."""
    st.session_state.setdefault(_TOLD, []).append(problem)


def take_told() -> list[str]:
    """What the last clicks could not do, a sentence each, once."""
    return st.session_state.pop(_TOLD, [])


def link_problems() -> list[str]:
    """What was wrong with the settings of the link that was opened last, a sentence each."""
    problems = st.session_state.get(_PROBLEMS, [])
    if st.session_state[_PAGE] == "train" and st.session_state.get(_MISSES_RUN):
        own = spec_in_form()
        if shown_run() in (None, own.digest) and _is_kept(own):
            return [*problems, "The run of the form's settings is shown instead."]
    return problems


def view_problems() -> list[str]:
    """What was wrong with the view that an opened link asks for, a sentence each, until another page is shown."""
    link = st.session_state.get(_LINK)
    return [] if link is None else link.problems


def shown_run() -> str | None:
    """Digest of the run that the pages show."""
    return st.session_state.get(_SHOWN_RUN)


def show_run(run: Run | RunSpec) -> None:
    """Let the pages show this run, or that of this spec."""
    st.session_state[_SHOWN_RUN] = run.digest


def announced() -> str | None:
    """What a screen reader was told about last, such as a run's digest."""
    return st.session_state.get(_ANNOUNCED)


def note_announced(subject: str) -> None:
    """Note what a screen reader is told about."""
    st.session_state[_ANNOUNCED] = subject


def said_at(words: str) -> float:
    """Return since when this is the last thing that a screen reader was told, in seconds since 1970."""
    last, at = st.session_state.get(_SAID, ("", 0.0))
    if words != last:
        # A clock may be set back.
        at = max(time.time(), at + 0.001)
        st.session_state[_SAID] = (words, at)
    return at


def run_key() -> str:
    """The key of the widget that chooses a run: one a page, as widgets of two pages share no value."""
    return f"run_choice_{st.session_state[_PAGE]}"


def linked_run() -> str | None:
    """Digest of the run that an opened link names, until a run is shown, else of the one shown last."""
    link = st.session_state.get(_LINK)
    digest = None if link is None or _RUN in link.taken else link.query.get(_RUN)
    st.session_state[_SUBJECT] = {_RUN: digest} if digest else {}
    return digest or shown_run()


def say_instead(run: Run, sentence: str) -> None:
    """Note why this page shows a run that is not the one asked for."""
    st.session_state[_INSTEAD] = (st.session_state[_PAGE], run.digest, sentence)


def said_instead(run: Run) -> list[str]:
    """Why this page shows this run and not the one asked for: a sentence, until another run is chosen, or none."""
    page, digest, sentence = st.session_state.get(_INSTEAD, (None, None, ""))
    if (page, digest) == (st.session_state[_PAGE], run.digest):
        return [sentence]
    st.session_state.pop(_INSTEAD, None)
    return []


def link_run(run: Run) -> None:
    """Let the pages show this run; the address will name it."""
    _take_link(_RUN)
    show_run(run)
    st.session_state[_SUBJECT] = {_RUN: run.digest}


# The Experiments page: which one is shown.


def shown_experiment() -> str | None:
    """Digest of the experiment that was started or opened last."""
    return st.session_state.get(_EXPERIMENT)


def missing_experiment() -> str | None:
    """The digest in a link to an experiment that is not kept here; None once another one is chosen or started."""
    return st.session_state.get(_MISSING)


def show_experiment(digest: str | None) -> None:
    """Let the page show this experiment; the address will name it."""
    if digest is not None:
        st.session_state[_MISSING] = None
    if shown_experiment() != digest:
        st.session_state[_EXPERIMENT] = digest
        keep_spec(st.session_state[_SPEC])


def experiment_key(kind: str) -> str:
    """The key of the widget that chooses an experiment of a kind."""
    return f"{_EXPERIMENT_CHOICE}{kind}"


def take_started() -> bool:
    """Whether an experiment has just been started, once."""
    return st.session_state.pop(_STARTED, False)


def want_range_test(new: RunSpec | None, ends: tuple[float, float, int] | None = None) -> None:
    """Note which range test the user has asked for; None for none."""
    st.session_state[_RANGE_TEST] = None if new is None else (new.digest, ends)


def wants_range_test(new: RunSpec, ends: tuple[float, float, int]) -> bool:
    """Whether the user has asked for this range test."""
    return st.session_state.get(_RANGE_TEST) == (new.digest, ends)


def open_run(run: Run) -> None:
    """Go to the Train page with a run and its settings."""
    shared.engine().bring_forward(run.digest)
    forget_recent_runs()
    show_run(run)
    open_in_form(run.spec)


def open_in_form(new: RunSpec) -> None:
    """Fill the form with a spec and go to the Train page."""
    fill_form(new)
    st.switch_page("pages/train.py")


def fill_form(new: RunSpec) -> None:
    """Fill the form with a spec, as changes to the recipe that is nearest to it."""
    put_spec(new, nearest_recipe(new, recipe_name()))


# The Mistakes page: a cell of the confusion matrix, and the order of the images.


def matrix_key(matrix: str) -> str:
    """The key of a confusion matrix, "cell" on Mistakes, "change" on Compare: a new key forgets what was clicked."""
    return chart_key(f"{matrix}_matrix")


def chart_key(name: str) -> str:
    """The key of a chart that can be clicked: after Back it is another one, without what was clicked."""
    return f"{name}_{st.session_state.setdefault(f'{name}{_CHART_VERSION}', 0)}"


def forget_click(matrix: str) -> None:
    """Forget the clicked cell: the row and column were chosen by hand, or none is chosen any more."""
    name = f"{matrix}_matrix{_CHART_VERSION}"
    st.session_state[name] = st.session_state.get(name, 0) + 1


def outlined_cell(matrix: str, n_classes: int, drawn: Hashable) -> tuple[int | None, int | None]:
    """The cell that a matrix outlines by itself: the one chosen when it was drawn, as clicks bring their own outline.

    Parameters
    ----------
    matrix : str
        As for :func:`matrix_key`.
    n_classes : int
        Of the matrix.
    drawn : Hashable
        What the matrix shows: another value means that it is drawn anew.
    """
    if any(key not in st.session_state for key in cell_keys(matrix, n_classes)):
        # The page was left, and its boxes have forgotten what was chosen.
        choose_cell(matrix, n_classes, None, None)
        forget_click(matrix)
    drawing, name = (matrix_key(matrix), drawn), f"{matrix}_outlined"
    if st.session_state.get(name, (None,))[0] != drawing:
        st.session_state[name] = (drawing, chosen_cell(matrix, n_classes))
    return st.session_state[name][1]


def cell_keys(matrix: str, n_classes: int) -> tuple[str, str]:
    """The keys of the widgets that hold the chosen row and column of a matrix of so many classes."""
    return f"{matrix}_truth_{n_classes}", f"{matrix}_prediction_{n_classes}"


def choose_cell(matrix: str, n_classes: int, truth: int | None, prediction: int | None) -> None:
    """Choose a row and a column; None is any."""
    for key, chosen in zip(cell_keys(matrix, n_classes), (truth, prediction), strict=True):
        st.session_state[key] = ANY_CLASS if chosen is None else chosen


def chosen_cell(matrix: str, n_classes: int) -> tuple[int | None, int | None]:
    """The chosen row and column; None is any."""
    chosen = (st.session_state[key] for key in cell_keys(matrix, n_classes))
    return tuple(None if index == ANY_CLASS else index for index in chosen)


def draw_seed() -> int:
    """Seed of the random order."""
    return st.session_state.setdefault(_DRAW_SEED, 0)


def link_draw() -> None:
    """Let the address hold the seed of the random order."""
    seed, _ = linked_value("draw", _DRAW_SEED, 0, lambda text: read_number("draw", text, 0, _MOST_DRAWS))
    note_view("draw", str(seed) if seed else None)


def draw_again() -> None:
    """Take the next seed."""
    st.session_state[_DRAW_SEED] = draw_seed() + 1


def search_label_issues(run: Run, *, wanted: bool = True) -> None:
    """Search the labels of a run's training part, or give that up."""
    st.session_state[_LABEL_ISSUES] = run.digest if wanted else None


def searches_label_issues(run: Run) -> bool:
    """Whether the labels of a run's training part are searched."""
    return st.session_state.get(_LABEL_ISSUES) == run.digest


def measure_robustness(run: Run, *, wanted: bool = True) -> None:
    """Measure a run's accuracy under corruptions, or give that up."""
    st.session_state[_ROBUSTNESS] = run.digest if wanted else None


def measures_robustness(run: Run) -> bool:
    """Whether a run's accuracy under corruptions is measured."""
    return st.session_state.get(_ROBUSTNESS) == run.digest


# The Predict page: which image is looked at, and the key of the box that says where it comes from.
IMAGE_SOURCE = "image_source"


def open_image(part: str, position: int) -> None:
    """Go to the Predict page with an image of a part of the shown run's data."""
    st.session_state[_OPENED] = (part, position)
    st.switch_page("pages/predict.py")


def open_drawing_pad() -> None:
    """Go to the Predict page to draw an image for the shown run."""
    choose_image_source("draw")
    st.switch_page("pages/predict.py")


def choose_image_source(source: str) -> None:
    """Let the Predict page ask for an image in this way, before the box for it is drawn."""
    st.session_state[IMAGE_SOURCE] = source


def take_opened_image() -> tuple[str, int] | None:
    """The image that another page opened, once."""
    return st.session_state.pop(_OPENED, None)


def gray_of(file: UploadedFile, most_megapixels: float) -> np.ndarray:
    """The grey values of a picture that the user has brought, read once however often the page runs.

    Raises
    ------
    DigitcoreError
        As :func:`digitcore.images.pictures.read_picture` does.
    """
    kept = st.session_state.get(_PICTURE)
    if kept is None or kept[0] != file.file_id:
        try:
            kept = (file.file_id, read_picture(file.getvalue(), most_megapixels=most_megapixels), "")
        except DatasetError as problem:
            kept = (file.file_id, None, str(problem))
        st.session_state[_PICTURE] = kept
    _, gray, problem = kept
    if gray is None:
        raise DatasetError(problem)
    return gray


def change_key(name: str) -> str:
    """The key of a slider that changes the image."""
    return f"change_{st.session_state.setdefault(_CHANGES, 0)}_{name}"


def forget_changes() -> None:
    """Let the image be as it was: sliders with new keys stand at their defaults."""
    st.session_state[_CHANGES] += 1


def why_keys(suggested: tuple[int, int]) -> tuple[str, str]:
    """The keys of the two classes to compare: others for other suggestions, so that the suggestions are followed."""
    return tuple(f"why_{name}_{suggested[0]}_{suggested[1]}" for name in ("class", "beside"))


# The Compare page: the runs that were chosen, and what can be undone.


def compared() -> list[str]:
    """The chosen entries, see :mod:`digitcore.runs.choice`; a link that was opened sets them."""
    link = _take_link(_RUNS)
    if link is not None:
        entries, problems = choice_from_text(link.query.get(_RUNS, ""))
        st.session_state.update({_COMPARED: entries, _COMPARED_PROBLEMS: problems})
        redraw_compared()
    return list(st.session_state.get(_COMPARED, []))


def compared_problems() -> list[str]:
    """What was wrong with the link to a comparison, a sentence each, once."""
    return st.session_state.pop(_COMPARED_PROBLEMS, [])


def choose_compared(entries: Sequence[str]) -> None:
    """Compare these entries; of too many, the first ones."""
    chosen = list(dict.fromkeys(entries))
    if len(chosen) > MOST_CHOSEN:
        tell(f"At most {MOST_CHOSEN} can be compared at a time: remove one before you choose another.")
        redraw_compared()
    st.session_state[_COMPARED] = chosen[:MOST_CHOSEN]


def redraw_compared() -> None:
    """Let the table of runs show what is chosen: it was not chosen in the table."""
    st.session_state[_COMPARED_VERSION] = compared_version() + 1


def compared_version() -> int:
    """Number of times that runs were chosen elsewhere than in the table."""
    return st.session_state.get(_COMPARED_VERSION, 0)


def link_compared() -> None:
    """Let the address name the chosen entries."""
    text = choice_to_text(st.session_state.get(_COMPARED, []))
    st.session_state[_SUBJECT] = {_RUNS: text} if text else {}


def note_deleted(digests: Sequence[str], entries: Sequence[str]) -> None:
    """Note which runs were deleted, and what was compared before."""
    st.session_state[_DELETED] = (list(digests), list(entries))


def last_deleted() -> tuple[list[str], list[str]] | None:
    """The runs that were deleted last, and what was compared before; None if that was undone."""
    return st.session_state.get(_DELETED)


def forget_deleted() -> None:
    """Stop offering to undo a deletion."""
    st.session_state.pop(_DELETED, None)


# The Quiz page: a round, what it is about, and the scores of this session.


def quiz() -> QuizRound | None:
    """The round under way or just over."""
    return st.session_state.get(_QUIZ)


def quiz_subject() -> tuple[str, str] | None:
    """Digest of the run and name of the part that the quiz is about."""
    return st.session_state.get(_QUIZ_SUBJECT)


def put_quiz(round_: QuizRound | None, subject: tuple[str, str], *, tells: bool = False) -> None:
    """Begin a round, in which each answer may be told right or wrong at once, or give it up."""
    st.session_state.update({_QUIZ: round_, _QUIZ_SUBJECT: subject, _QUIZ_TELLS: tells})


def quiz_tells() -> bool:
    """Whether each answer of the round is told right or wrong at once."""
    return st.session_state.get(_QUIZ_TELLS, False)


def answer_quiz(answer: int, number: int) -> None:
    """Answer the image with this number; a key pressed twice answers once."""
    if len(quiz().answers) == number:
        st.session_state[_QUIZ] = quiz().answered(answer, time.time())


def keep_score(run: Run, round_: QuizRound, score: QuizScore) -> None:
    """Keep the score of a round that is over, once."""
    st.session_state.setdefault(_SCORES, {}).setdefault(run.digest, {})[round_.started_at] = score


def scores_of(run: Run) -> list[QuizScore]:
    """The scores of this session with a run, in order."""
    return list(st.session_state.get(_SCORES, {}).get(run.digest, {}).values())
