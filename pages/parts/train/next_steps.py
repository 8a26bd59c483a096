"""What can follow a training: more epochs of it, or other settings from its last epoch on."""

from __future__ import annotations

import streamlit as st

from digitcore.models.hyperparameters import EPOCHS
from digitcore.runs import Run
from digitcore.runs.progress import more_epochs
from pages.parts import session, shared, visitor
from pages.parts.messages import attempt


def show(run: Run) -> None:
    """Show a button for each step that can follow a training that has ended."""
    n_epochs = len(run.epochs)
    # One that was stopped among its parent's epochs has none of its own yet.
    if not (n_epochs > run.spec.n_inherited and shared.engine().can_go_on(run.digest)):
        return
    n_more = min(more_epochs(n_epochs), EPOCHS.maximum - n_epochs)
    if n_more < 1:
        return
    is_whole = run.state == "done" and n_epochs == run.spec.parameters["epochs"]
    if run.spec.ends_its_schedule and not is_whole:
        return  # a training of as many epochs as it has would have had other learning rates
    # Likewise one of more epochs.
    can_be_longer = is_whole and not run.spec.ends_its_schedule
    with st.container(horizontal=True, gap="small", key="next_steps"):
        more = False
        if can_be_longer:
            more = st.button(
                f"+{n_more:,} epochs",
                key="more_epochs",
                help=f"The result is that of one training of {n_epochs + n_more:,} epochs, bit for bit.",
            )
        other = st.button(
            "Other settings from here",
            key="other_settings",
            help=f"Keeps the weights after epoch {n_epochs:,} and goes on with what you then change in the form, such "
            "as the learning rate, the dropout or the number of training images.",
        )
    if other:
        session.go_on_in_form(run, n_more)
    if more:
        attempt(_train_longer, run, n_more)
    if other or more:
        st.rerun()  # the form, too: this is drawn by a fragment


def _train_longer(run: Run, n_more: int) -> None:
    longer = run.spec.with_changes(parameters={"epochs": len(run.epochs) + n_more})
    started = shared.engine().submit(longer, continues=run.spec, visitor=visitor.name())
    session.fill_form(longer)
    session.show_run(started)
    session.note_announced(started.digest)
