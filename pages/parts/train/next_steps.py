"""What can follow a training: more epochs of it, or other settings from its last epoch on."""

from __future__ import annotations

import streamlit as st

from digitcore.datasets import DATASETS
from digitcore.evaluation import Kind
from digitcore.models.hyperparameters import EPOCHS
from digitcore.runs import Run
from digitcore.runs.progress import more_epochs
from digitcore.wording import article
from pages.parts import press, session, shared, visitor
from pages.parts.messages import attempt, plain


def show(run: Run, verdict: Kind | None = None) -> None:
    """Show a button for each step that can follow a training that has ended, in the row that is being drawn.

    After one that has diverged, as its ``verdict`` tells, more epochs of the same are none.
    """
    n_more = _more_epochs(run)
    more = other = False
    if n_more and verdict != "diverged" and not run.spec.ends_its_schedule and _is_whole(run):
        more = press.button(
            f"+{n_more:,} epochs",
            key="more_epochs",
            help=f"The result is that of one training of {len(run.epochs) + n_more:,} epochs, bit for bit.",
        )
    # Models that vote have no weights in common.
    if n_more and run.spec.members == 1:
        other = press.button(
            "Other settings from here",
            key="other_settings",
            help=f"Keeps the weights after epoch {len(run.epochs):,} and goes on with what you then change in the "
            "form, such as the learning rate, the dropout or the number of training images.",
        )
    subject, words = DATASETS[run.spec.dataset].subject, "Let this model read what you draw."
    if run.evaluated and press.button(f"Draw {article(subject)} {plain(subject)}", key="draw", help=words):
        session.show_run(run)
        session.open_drawing_pad()
    if other:
        session.go_on_in_form(run, n_more)
    if more:
        attempt(_train_longer, run, n_more)
    if other or more:
        st.rerun()  # the form, too: this is drawn by a fragment


def _is_whole(run: Run) -> bool:
    return run.state == "done" and len(run.epochs) == run.spec.parameters["epochs"]


def _more_epochs(run: Run) -> int:
    """Return how many more epochs to offer; 0 where a training cannot go on from here."""
    n_epochs = len(run.epochs)
    # One that was stopped among its parent's epochs has none of its own yet.
    if not (n_epochs > run.spec.n_inherited and shared.engine().can_go_on(run.digest)):
        return 0
    # A training of as many epochs as a stopped one has would have had other learning rates, if they follow a schedule
    # to its end.
    if run.spec.ends_its_schedule and not _is_whole(run):
        return 0
    return max(min(more_epochs(n_epochs), EPOCHS.maximum - n_epochs), 0)


def _train_longer(run: Run, n_more: int) -> None:
    longer = run.spec.with_changes(parameters={"epochs": len(run.epochs) + n_more})
    started = shared.engine().submit(longer, continues=run.spec, visitor=visitor.name())
    session.fill_form(longer)
    session.show_run(started)
    session.note_announced(started.digest)
