"""What will be trained, how long it will take, and the button that starts it."""

from __future__ import annotations

import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.datasets import DATASETS
from digitcore.glossary import explain
from digitcore.models.architecture import layers_table
from digitcore.runs import Run, RunSpec
from digitcore.runs.progress import ExpectedTime, expected_time
from digitcore.specs.titles import HEADING_PARTS, spec_title
from digitcore.wording import duration_text, unbroken
from pages.parts import layout, part_lock, press, session, shared, view, visitor, waiting
from pages.parts.messages import plain
from pages.parts.train.presenting import Presentation

POLL_SECONDS = 0.5
# A training this short is waited for: drawing it live would take longer than the training.
BLINK_SECONDS = 0.6
# Above this, training at every move of a slider is no tuning any more. The default recipe takes half a second on two
# quiet cores, and twice as long on busy ones.
LIVE_SECONDS = 2.0
# Session keys of this file: the run that the button says is done, and since when, on this machine's steady clock; and
# the run that the last move of a slider started.
_DONE, _LIVE = "train_done", "train_live_run"
# Until then a click on the button that has just changed is one too many on the one before.
SECOND_CLICK_SECONDS = 1.0
# Key of the box with the model's layers.
LAYERS = "open_layers"
TRAIN, SEE_MISTAKES, GO_ON, TRAIN_AGAIN = "Train", "See its mistakes", "Go on", "Train again"
BUTTON_HELP = {
    SEE_MISTAKES: "These settings were trained, and the result was kept: look at the images that the model gets wrong.",
    GO_ON: "Goes on from where it was stopped: the result is the same as if it never had been.",
}


def show_plan(spec: RunSpec, problem: str, form: DeltaGenerator, presentation: Presentation, *, is_main: bool) -> bool:
    """Show what will be trained, how long it will take, and the button that starts it.

    For data sets of the package itself the ``form`` has a switch that starts a training at each move of a slider, as
    long as it takes no longer than two seconds. The button is secondary unless it is the page's main one.
    Returns True if the button is shown as that of a training under way.
    """
    if problem:
        st.error(plain(problem))
    run = shared.engine().run(spec.digest)
    expected = expected_time(spec, session.past_runs(), n_done=_n_done(spec, run))
    # Before the run is described: what has been trained here at once is done by then.
    if not presentation.on and _ask_live(spec, form, expected.seconds) and run is None and not problem:
        _train_live(spec, expected.seconds)
        run = shared.engine().run(spec.digest)
    summary, button = layout.with_button("train")
    with summary, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        # Seen by who does not see the page: the navigation says it to the others, and the room is needed.
        st.title("Train", anchor=False, width="content")
        title = plain(spec_title(spec, most=HEADING_PARTS))
        st.markdown(f"**{title}** :gray[· {_expectation(run, expected)}]", width="content")
    with button:
        _ask_train(spec, run, expected.seconds, presentation, disabled=bool(problem), is_main=is_main)
    _show_starting()
    return run is not None and run.active


def _ask_live(spec: RunSpec, form: DeltaGenerator, expected_seconds: float) -> bool:
    if DATASETS[spec.dataset].is_downloaded:
        return False
    is_slow = expected_seconds > LIVE_SECONDS
    wanted = form.toggle(
        "Train as I move the sliders",
        key="train_live",
        persist_state="session",
        disabled=is_slow,
        help=f"Only for trainings of up to {LIVE_SECONDS:g} seconds: these take longer." if is_slow else None,
    )
    return bool(wanted) and not is_slow


def _train_live(spec: RunSpec, expected_seconds: float) -> None:
    """Train a spec, unless the training of an earlier move is still under way: the page comes back when that ends."""
    before = st.session_state.get(_LIVE)
    under_way = shared.engine().run(before) if before else None
    if under_way is None or not under_way.active:
        st.session_state[_LIVE] = spec.digest
        start_training(spec, expected_seconds)


def show_layers(spec: RunSpec, presentation: Presentation) -> None:
    """Show what the model of the form is made of, folded."""
    if presentation.on:
        return
    box = view.expander(st, LAYERS, "The model, layer by layer")
    # Folded it need not be made anew at each move of a slider.
    if box.open:
        with box:
            _show_table_of_layers(spec)
    part_lock.ask_lock(spec)


def _show_table_of_layers(spec: RunSpec) -> None:
    entry = DATASETS[spec.dataset]
    table = layers_table(spec.model, spec.parameters, entry.image_shape, entry.n_classes)
    heads = {
        "layer": st.column_config.TextColumn("Layer", help=explain("layer")),
        "output_shape": st.column_config.TextColumn("Output shape", help=explain("output shape")),
        "n_parameters": st.column_config.NumberColumn("Parameters", format="%,d", help=explain("parameters")),
    }
    words = "Layers of the model with output shape and number of parameters"
    st.dataframe(table, hide_index=True, column_config=heads, alt=words)
    where = f"each of the {spec.members} models" if spec.members > 1 else "all"
    st.caption(f"{table['n_parameters'].sum():,} parameters in {where}.")


def _n_done(spec: RunSpec, run: Run | None) -> int:
    """Return how many epochs of a training are there already, to go on from."""
    engine = shared.engine()
    if run is not None and run.epochs and engine.can_go_on(run.digest):
        return len(run.epochs)
    origin = session.origin_of(spec) if spec.parent is not None else None
    return spec.n_inherited if origin is not None and engine.can_go_on(origin.digest) else 0


def _expectation(run: Run | None, expected: ExpectedTime) -> str:
    if run is not None and run.state == "done":
        # With spaces at which no line breaks.
        return f"trained in {duration_text(run.seconds)}".replace(" ", "\u00a0")
    # How long it still takes is said beside its progress, by what it has taken so far.
    return "training ..." if run is not None and run.active else unbroken(expected.words)


def _show_starting() -> None:
    """Say that the first training has to wait for the workers, for as long as it has to."""
    starting = shared.engine().is_starting
    if not starting:
        return

    @st.fragment(run_every=POLL_SECONDS)
    def note() -> None:
        if not shared.engine().is_starting:
            st.rerun()
        st.caption("The training processes are getting ready: what you start now begins as soon as they are.")

    note()


def _ask_train(
    spec: RunSpec,
    run: Run | None,
    expected_seconds: float,
    presentation: Presentation,
    *,
    disabled: bool,
    is_main: bool,
) -> None:
    state_now = run.state if run is not None else "new"
    labels = {"queued": "Training ...", "running": "Training ...", "done": SEE_MISTAKES, "new": TRAIN}
    if presentation.on:
        labels["done"] = "Trained"
    if run is not None:
        labels |= dict.fromkeys(("cancelled", "failed"), end_label(run))
    asked = press.button(
        labels[state_now],
        # One button, whatever it says: the next one would stand below it for a moment and push the page down, and the
        # keyboard would lose it.
        key="train",
        type="primary" if is_main else "secondary",
        width="stretch",
        disabled=disabled or state_now in ("queued", "running") or labels[state_now] == "Trained",
        help=BUTTON_HELP.get(labels[state_now]),
        shortcut=presentation.key("train") if state_now != "done" else None,
    )
    if state_now == "done":
        _open_mistakes(run, asked=asked)
    elif asked:
        start_training(spec, expected_seconds)
        st.rerun()


def end_label(run: Run) -> str:
    """Return what the button says that trains a run to its end which was stopped or has failed."""
    return GO_ON if run.epochs and shared.engine().can_go_on(run.digest) else TRAIN_AGAIN


def _open_mistakes(run: Run, *, asked: bool) -> None:
    """Go where the run's mistakes are, unless the click was meant for the button that stood there a moment ago."""
    digest, since = st.session_state.get(_DONE, ("", 0.0))
    if digest != run.digest:
        since = time.monotonic()
        st.session_state[_DONE] = (run.digest, since)
    if asked and time.monotonic() - since > SECOND_CLICK_SECONDS:
        if not session.is_changed_of(session.shown_run(), run.spec):
            session.show_run(run)
        st.switch_page("pages/mistakes.py")


def start_training(spec: RunSpec, expected_seconds: float) -> None:
    """Train a spec and let the pages show it; one that takes no longer than a blink is waited for."""
    if DATASETS[spec.dataset].is_downloaded:
        # Here, where a spinner shows it and a failure is told at once.
        session.dataset(spec.dataset)
    engine = shared.engine()
    run = engine.submit(spec, continues=session.origin_of(spec), visitor=visitor.name())
    session.show_run(run)
    session.note_announced(run.digest)
    # Not where others are before it: the page of who waits would stand still.
    if run.active and expected_seconds < BLINK_SECONDS and len(engine.active()) <= engine.n_workers:
        waiting.wait_for_run(run.digest, BLINK_SECONDS)
