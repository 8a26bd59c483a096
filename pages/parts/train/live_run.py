"""A training as the user follows it: the plan before, progress and curves meanwhile, the figures after."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from digitcore.charts import curves_chart, learning_rate_chart, value_limits
from digitcore.datasets import DATASETS
from digitcore.evaluation import curves_table, epochs_table
from digitcore.glossary import explain
from digitcore.models.architecture import layers_table
from digitcore.runs import Run, RunSpec
from digitcore.runs.engine import STARTED_BY_ANOTHER
from digitcore.runs.progress import ExpectedTime, expected_time, milestone_text, progress_of
from digitcore.runs.summary import comparison_text, end_text, has_schedule, learning_rates_of, validation_name
from digitcore.specs.recipes import recipe_of
from digitcore.specs.titles import HEADING_DIFFERENCES, spec_title
from digitcore.wording import about_text, counted, duration_text, percent_interval_text, percent_text
from pages.parts import announcer, layout, part_lock, session, shared, view, visitor
from pages.parts.charts import Frame, drawable
from pages.parts.messages import attempt, plain
from pages.parts.reading.reading_guide import show_heading
from pages.parts.train import next_steps, verdict_view

POLL_SECONDS = 0.5
# A training this short is waited for: drawing it live would take longer than the training.
BLINK_SECONDS = 0.6
# Below this, training on every slider move feels like drawing.
LIVE_SECONDS = 0.5
# Five stand beside each other on a laptop, two on a phone.
FIGURE_WIDTH = 156
BUTTON_HELP = {
    "Trained": "These settings were trained; the result was kept.",
    "Go on": "Goes on from where it was stopped: the result is the same as if it never had been.",
}
ACCURACY_HELP = {
    "train": explain("accuracy", "train part", "interval"),
    "validation": explain("accuracy", "validation part", "interval"),
    "test": explain("accuracy", "test part", "interval"),
}


def show_plan(spec: RunSpec, problem: str) -> None:
    """Show what will be trained, how long it will take, and the button that starts it."""
    if problem:
        st.error(plain(problem))
    run = shared.engine().run(spec.digest)
    expected = expected_time(spec, session.past_runs(), n_done=_n_done(spec, run))
    summary, button = layout.with_button("train")
    summary.markdown(f"**{plain(spec_title(spec, most=HEADING_DIFFERENCES))}** :gray[· {_expectation(run, expected)}]")
    with button:
        _ask_train(spec, run, expected.seconds, disabled=bool(problem))
    _show_starting()
    quick = not DATASETS[spec.dataset].is_downloaded and expected.seconds < LIVE_SECONDS
    if quick and st.toggle("Train as I move the sliders", key="train_live", persist_state="session"):
        _train(spec, expected.seconds)
    with view.expander(st, "open_layers", "The model, layer by layer"):
        entry = DATASETS[spec.dataset]
        table = layers_table(spec.model, spec.parameters, entry.image_shape, entry.n_classes)
        heads = {
            "layer": st.column_config.TextColumn("Layer", help=explain("layer")),
            "output_shape": st.column_config.TextColumn("Output shape", help=explain("output shape")),
            "n_parameters": st.column_config.NumberColumn("Parameters", help=explain("parameters")),
        }
        words = "Layers of the model with output shape and number of parameters"
        st.dataframe(table, hide_index=True, column_config=heads, alt=words)
        st.caption(f"{table['n_parameters'].sum():,} parameters in all.")
    part_lock.ask_lock(spec)


def show_run(spec: RunSpec) -> None:
    """Show the run of ``spec``, or the one that this user started or opened last."""
    run, note = _chosen_run(spec)
    if run is None:
        words = "Nothing trained yet with these settings: press **Train**, and the curves grow here."
        st.info(words, icon=layout.EMPTY)
        # Empty axes show where, and the browser has the chart library loaded when the first epoch comes.
        show_curves(Run(spec, "queued"))
        return
    if note:
        words, button = layout.with_button("settings")
        words.caption(note)
        button.button(
            "Show its settings", key="show_settings", on_click=session.fill_form, args=(run.spec,), width="stretch"
        )
    _live(run.digest, run.active)


def show_curves(run: Run) -> None:
    """Draw loss and accuracy of every epoch side by side, and below them the learning rate unless it is constant."""
    # Empty axes are the same for all settings of as many epochs, and each move of a slider draws them.
    key = run.digest if run.epochs else f"{validation_name(run)} {run.spec.parameters['epochs']} {run.spec.forks}"
    for column, measure in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        chart = _curves(key, run.created_at, run.state, len(run.epochs), measure, run.covered, _run=run)
        column.vega_lite_chart(chart, width="stretch")
    if has_schedule(run.spec) and (run.active or run.epochs):
        n_epochs = None if run.active else len(run.epochs)
        st.vega_lite_chart(_rates(run.digest, run.created_at, n_epochs, _run=run), width="stretch")


@st.cache_resource(show_spinner=False, max_entries=256)
def _rates(digest: str, created_at: datetime | None, n_epochs: int | None, _run: Run) -> dict[str, Any]:
    return drawable(learning_rate_chart(learning_rates_of(_run)))


# Of a run that has ended it is the same at each rerun, and of one in training the same for all who watch.
@st.cache_resource(show_spinner=False, max_entries=512)
def _curves(
    key: str, created_at: datetime | None, run_state: str, n_epochs: int, measure: str, covered: bool, _run: Run
) -> dict[str, Any]:
    watched = validation_name(_run)
    stops_early = _run.evaluated and _run.spec.parameters["patience"] is not None
    best = _run.evaluation.best_epoch if stops_early else None
    n_planned = _run.spec.parameters["epochs"] if _run.active else None
    table = curves_table(epochs_table(_run.epochs), measure, held_out_name=watched)
    last, few = n_planned or len(_run.epochs) or 1, len(_run.epochs) < 2
    limits = value_limits(table["value"], measure)
    return _curves_frame(measure, watched, best, _run.spec.forks, last, few, limits, _table=table).drawn(table)


@st.cache_resource(show_spinner=False, max_entries=256)
def _curves_frame(
    measure: str,
    watched: str,
    best: int | None,
    forks: tuple[int, ...],
    last: int,
    few: bool,
    limits: tuple[float, float],
    _table: pd.DataFrame,
) -> Frame:
    chart = curves_chart(_table, measure=measure, held_out_name=watched, best_epoch=best, forks=forks, n_epochs=last)
    return Frame(chart, _table)


def _n_done(spec: RunSpec, run: Run | None) -> int:
    """Return how many epochs of a training are there already, to go on from."""
    engine = shared.engine()
    if run is not None and run.epochs and engine.can_go_on(run.digest):
        return len(run.epochs)
    origin = session.origin_of(spec) if spec.parent is not None else None
    return spec.n_inherited if origin is not None and engine.can_go_on(origin.digest) else 0


def _expectation(run: Run | None, expected: ExpectedTime) -> str:
    if run is not None and run.state == "done":
        return f"trained in {duration_text(run.seconds)}"
    return expected.words


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


def _ask_train(spec: RunSpec, run: Run | None, expected_seconds: float, *, disabled: bool) -> None:
    state_now = run.state if run is not None else "new"
    labels = {"queued": "Training ...", "running": "Training ...", "done": "Trained", "new": "Train"}
    if run is not None and not run.active and run.epochs and shared.engine().can_go_on(run.digest):
        labels |= dict.fromkeys(("cancelled", "failed"), "Go on")
    asked = st.button(
        labels.get(state_now, "Train again"),
        # One button, whatever it says: else the next one stands below it for a moment and pushes the page down.
        key="train",
        type="primary",
        width="stretch",
        disabled=disabled or state_now in ("queued", "running", "done"),
        help=BUTTON_HELP.get(labels.get(state_now, "")),
    )
    if asked:
        _train(spec, expected_seconds)
        st.rerun()


def _train(spec: RunSpec, expected_seconds: float) -> None:
    if DATASETS[spec.dataset].is_downloaded:
        # Here, where a spinner shows it and a failure is told at once.
        session.dataset(spec.dataset)
    engine = shared.engine()
    run = engine.submit(spec, continues=session.origin_of(spec), visitor=visitor.name())
    session.show_run(run)
    session.note_announced(run.digest)
    # Not where others are before it: the page of who waits would stand still.
    if run.active and expected_seconds < BLINK_SECONDS and len(engine.active()) <= engine.n_workers:
        with contextlib.suppress(TimeoutError):
            engine.wait(run.digest, BLINK_SECONDS)


def _chosen_run(spec: RunSpec) -> tuple[Run | None, str]:
    engine, shown = shared.engine(), session.shown_run()
    own = engine.run(spec.digest)
    other = engine.run(shown) if shown and shown != spec.digest else None
    if other is not None and other.active:
        return other, f"Training **{plain(spec_title(other.spec))}**. The form has other settings by now."
    if own is not None:
        session.show_run(own)
        return own, ""
    if other is not None:
        return (
            other,
            f"These are the results of **{plain(spec_title(other.spec))}**; the form has other settings by now.",
        )
    return None, ""


def _live(digest: str, active: bool) -> None:
    @view.fragment(run_every=POLL_SECONDS if active else None)
    def live() -> None:
        run = shared.engine().run(digest)
        if active and not run.active:
            st.rerun()
        _show_progress(run) if run.active else _show_result(run)
        # Empty axes until the first epoch comes: then nothing on the page moves.
        if run.epochs or run.active:
            show_heading("Curves", "curves", help_text=explain("epoch", "loss", "accuracy"))
            show_curves(run)

    live()


def _show_progress(run: Run) -> None:
    if run.reason:
        st.warning(plain(run.reason))
    progress = progress_of(run)
    if run.state == "queued":
        text = "Waiting for a free worker"
    elif not run.epochs:
        text = f"Epoch 1 of {progress.n_epochs} ..."
    else:
        last = run.epochs[-1]
        left = f" · {about_text(progress.seconds_left)} left" if progress.seconds_left else ""
        text = (
            f"Epoch {progress.n_done} of {progress.n_epochs}{left} · "
            f"loss {last.train_loss:.4f} · accuracy {percent_text(last.train_accuracy, 1)}"
        )
        if progress.n_done == progress.n_epochs:
            text = f"All {progress.n_epochs} epochs done, evaluating ..."
    bar, stop = layout.with_button("stop")
    bar.progress(progress.fraction, text=text)
    engine, name = shared.engine(), visitor.name()
    may_stop = engine.may_stop(run.digest, name)
    stop.button(
        "Stop",
        on_click=attempt,
        args=(engine.cancel, run.digest, name),
        width="stretch",
        key="stop",
        disabled=not may_stop,
    )
    if not may_stop:
        st.caption(STARTED_BY_ANOTHER)
    if run.epochs:
        announcer.announce(run.digest, milestone_text("The training", progress.fraction))


def _show_result(run: Run) -> None:
    if run.state == "failed":
        st.error(plain(run.reason))
    elif run.reason:
        st.warning(plain(run.reason))
    if run.state == "cancelled":
        st.info(
            f"Stopped after {len(run.epochs):,} of {run.spec.parameters['epochs']:,} epochs; what was learned is kept."
        )
    if run.evaluated:
        _show_figures(run)
    verdict_view.show(run)
    next_steps.show(run)
    if run.evaluated:
        _show_recipe(run)
    announcer.announce(run.digest, end_text(run), is_end=True)


def _show_recipe(run: Run) -> None:
    recipe = recipe_of(run.spec)
    if recipe is not None:
        with view.expander(st, "open_recipe", "About this recipe"):
            st.markdown(f"{plain(recipe.summary)} From: {plain(recipe.source)}.")
            for note in recipe.notes:
                st.markdown(f"- {plain(note)}")


def _show_figures(run: Run) -> None:
    recipe = recipe_of(run.spec)
    with st.container(horizontal=True):
        for name, part in run.figures.items():
            interval = percent_interval_text(part.accuracy_low, part.accuracy_high)
            # In one line, at 100 % too.
            note = f"Interval {interval}".replace(" ", "\u00a0") + f"  \n{part.n_right:,} of {part.n_images:,} right"
            _show_figure(f"{name.title()} accuracy", percent_text(part.accuracy), note, ACCURACY_HELP[name])
        if run.covered:
            _show_figure("Test accuracy", part_lock.LOCKED, "Not opened yet", ACCURACY_HELP["test"])
        time = duration_text(run.seconds)
        _show_figure("Training time", time, counted(len(run.epochs), "epoch"), explain("training time", "epoch"))
        if recipe is not None:
            note = comparison_text(run, recipe)
            _show_figure("Published", percent_text(recipe.accuracy), note, explain("published"))
    if run.covered:
        part_lock.offer_opening([run])
    else:
        part_lock.show_looks(run)


def _show_figure(label: str, value: str, note: str, help_text: str) -> None:
    with st.container(width=FIGURE_WIDTH, gap=None):
        st.metric(label, value, help=help_text)
        st.caption(note)
