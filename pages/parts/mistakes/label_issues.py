"""Training images whose label may be wrong, found by models that have not been trained on them."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import streamlit as st

from digitcore.datasets import Part
from digitcore.evaluation.label_issues import (
    find_label_issues,
    label_issues_table,
    label_issues_warning,
    out_of_fold_accuracy,
)
from digitcore.glossary import explain
from digitcore.runs import Run
from digitcore.runs.computations import Computation
from digitcore.runs.out_of_fold import N_FOLDS, fold_probabilities, joined_folds
from digitcore.wording import duration_text, percent_text
from pages.parts import layout, messages, session, shared, view, visitor
from pages.parts.tiles import Tile, show_tiles
from pages.parts.waiting import tell_end, wait_for

MOST_SHOWN = 60
_TASK = "The search for label issues"


def show(run: Run) -> None:
    """Offer the search, show how far it is, and what it found."""
    st.header("Label issues", help=explain("label issue", "fold"))
    models = "models" if run.spec.members == 1 else f"votes of {run.spec.members} models"
    st.caption(
        f"Training images whose label the model confidently contradicts. {N_FOLDS} {models} are trained, each without "
        "a fifth of the training part, and each judges the fifth that it has not seen."
    )
    asked, in_vain = view.costly(
        "labels",
        key=f"labels_{run.digest}",
        asked=session.searches_label_issues(run),
        ask=lambda: session.search_label_issues(run),
        is_known=lambda: all(shared.engine().computations.knows(_fold_key(run, fold)) for fold in range(N_FOLDS)),
    )
    if not asked:
        if in_vain:
            st.info("The link shows what this search finds: press the button to start it here.")
        seconds = duration_text(N_FOLDS * run.seconds)
        layout.start_place("label_issues").button(
            "Look for wrong labels",
            on_click=session.search_label_issues,
            args=(run,),
            help=f"Takes {seconds} or less.",
            width="stretch",
        )
        return
    folds, subject = _folds(run), f"label-issues-{run.digest}"
    failed = next((fold for fold in folds if fold.state == "failed"), None)
    if failed is not None:
        tell_end(_TASK, subject, failed=True)
        st.error(messages.plain(failed.reason))
        st.button("Try again", on_click=_forget_folds, args=(run,))
    elif all(fold.state == "done" for fold in folds):
        tell_end(_TASK, subject)
        _show_issues(session.parts_of(run).train, run, folds)
    else:
        wait_for(
            lambda: _folds(run),
            "models are trained",
            task=_TASK,
            subject=subject,
            stop=lambda: _stop(run),
            key="stop_label_issues",
            height=200,
        )


def _folds(run: Run) -> list[Computation]:
    engine, spec, name = shared.engine(), run.spec, visitor.name()
    return [
        engine.compute(_fold_key(run, fold), fold_probabilities, spec.canonical_json, fold, visitor=name)
        for fold in range(N_FOLDS)
    ]


def _stop(run: Run) -> None:
    for fold in range(N_FOLDS):
        shared.engine().cancel_computation(_fold_key(run, fold), visitor.name())
    session.search_label_issues(run, wanted=False)


def _forget_folds(run: Run) -> None:
    for fold in range(N_FOLDS):
        shared.engine().forget_computation(_fold_key(run, fold))


def _fold_key(run: Run, fold: int) -> str:
    return f"fold-{run.digest}-{fold}"


@st.fragment
@messages.caught()
def _show_issues(part: Part, run: Run, folds: list[Computation]) -> None:
    n_issues, accuracy, table = _found(run.digest, run.created_at, _part=part, _run=run, _folds=folds)
    share, warning = percent_text(n_issues / part.n_images), label_issues_warning(accuracy)
    st.markdown(
        f"**{n_issues:,}** of {part.n_images:,} training images ({share}) are suspected of a wrong label. Out of fold, "
        f"the models were right on **{percent_text(accuracy)}** of the images."
    )
    if warning:
        st.warning(messages.plain(warning))
    if not n_issues:
        return
    tiles = [
        Tile(
            position=int(row.position),
            truth=row.label,
            wrong=row.suggestion,
            words=f"Image {row.position} of the train part\n"
            f"Labelled {row.label}: {percent_text(row.label_probability, 1)}\n"
            f"Rather {row.suggestion}: {percent_text(row.suggestion_probability, 1)}",
            alt=f"Image {row.position}, labelled {row.label}, rather {row.suggestion}",
        )
        for row in table.itertuples(index=False)
    ]
    show_tiles(part, tiles, key="label_issue_tiles")
    st.caption(
        f"{len(tiles)} of them, the least probable label first: the label in blue, the suggestion in red. Some may "
        "only be hard to read: look at an image before you call its label wrong."
    )


@st.cache_resource(show_spinner=False, max_entries=8)
def _found(
    digest: str, created_at: datetime, _part: Part, _run: Run, _folds: list[Computation]
) -> tuple[int, float, pd.DataFrame]:
    """Return how many labels are suspected, the accuracy out of fold, and the table of the first issues."""
    probabilities = joined_folds(_part, _run.spec.random_state, [fold.result for fold in _folds])
    found = find_label_issues(_part.labels, probabilities)
    table = label_issues_table(_part.labels, probabilities, found[:MOST_SHOWN], _part.dataset.class_names)
    return len(found), out_of_fold_accuracy(_part.labels, probabilities), table
