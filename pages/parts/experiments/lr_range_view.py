"""The learning-rate range test: asked for, waited for, shown."""

from __future__ import annotations

import math

import streamlit as st

from digitcore.charts import lr_range_chart
from digitcore.evaluation.lr_range import suggested_learning_rate
from digitcore.experiments.lr_range import HIGHEST, LOWEST, N_STEPS, lr_range_test
from digitcore.glossary import explain
from digitcore.models.hyperparameters import LEARNING_RATE
from digitcore.runs import RunSpec
from digitcore.runs.computations import Computation
from digitcore.specs.titles import HEADING_PARTS, spec_title
from pages.parts import layout, messages, press, session, shared, view, visitor
from pages.parts.reading.reading_guide import show_empty, show_guide
from pages.parts.waiting import tell_end, wait_for

_TASK = "The LR range test"


def show(spec: RunSpec) -> None:
    """Ask for the ends, start the test, and show what it found."""
    ends = _ask_ends()
    summary, button = layout.with_button("start")
    title = messages.plain(spec_title(spec, varied=["learning_rate"], most=HEADING_PARTS))
    summary.markdown(f"**LR range test of {title}** :gray[· {ends[2]} batches]")
    if press.button("Start", key="start_range", place=button, type="primary", width="stretch"):
        session.want_range_test(spec, ends)
    if not session.wants_range_test(spec, ends):
        words = "Press **Start**: one short training tries all learning rates between the ends."
        show_empty(words, "lr_range")
        return
    if spec.members > 1:
        st.caption(f"The test trains the first of the {spec.members} models that vote.")
    computation, key = _test(spec, ends), _key(spec, ends)
    if computation.state == "failed":
        tell_end(_TASK, key, failed=True)
        st.error(messages.plain(computation.reason))
        st.button("Try again", on_click=shared.engine().forget_computation, args=(key,))
    elif computation.state == "running":
        wait_for(
            lambda: [_test(spec, ends)],
            f"{_TASK} is running.",
            task=_TASK,
            subject=key,
            stop=lambda: _stop(spec, ends),
            key="stop_range",
            height=layout.CHART_HEIGHT,
        )
    else:
        tell_end(_TASK, key)
        _show_found(spec, computation)


def _ask_ends() -> tuple[float, float, int]:
    low, high, steps = st.columns(3)
    ends, shared = (LEARNING_RATE.minimum, LEARNING_RATE.maximum), {"format": "%.6g", "persist_state": "session"}
    lowest = view.number(low, "from", "From", *ends, LOWEST, key="range_low", **shared)
    highest = view.number(high, "to", "To", *ends, HIGHEST, key="range_high", **shared)
    n_steps = view.slider(
        steps,
        "batches",
        "Batches",
        50,
        1000,
        N_STEPS,
        step=50,
        key="range_steps",
        persist_state="session",
        help=explain("LR range test"),
    )
    return lowest, highest, n_steps


def _test(spec: RunSpec, ends: tuple[float, float, int]) -> Computation:
    return shared.engine().compute(_key(spec, ends), lr_range_test, spec.canonical_json, *ends, visitor=visitor.name())


def _key(spec: RunSpec, ends: tuple[float, float, int]) -> str:
    return f"rates-{spec.digest}-" + "-".join(f"{end:g}" for end in ends)


def _stop(spec: RunSpec, ends: tuple[float, float, int]) -> None:
    shared.engine().cancel_computation(_key(spec, ends), visitor.name())
    session.want_range_test(None)


def _show_found(spec: RunSpec, computation: Computation) -> None:
    table = computation.result
    suggested = suggested_learning_rate(table)
    found = not math.isnan(suggested)
    words, button = layout.with_button("open")
    rounded = float(f"{suggested:.2g}") if found else None
    words.markdown(
        f"Suggested learning rate: **{rounded:g}**"
        if found
        else "The loss never falls clearly: try more batches, or a higher upper end.",
        help=explain("loss", "nats"),
    )
    if found and press.button("Open in Train", key="open_rate", place=button, width="stretch"):
        session.open_in_form(spec.with_changes(parameters={"learning_rate": rounded}))
    show_guide("lr_range")
    st.altair_chart(lr_range_chart(table, suggested=suggested if found else None), width="stretch")
    st.download_button("Save as CSV", table.to_csv(index=False).encode(), "learning-rates.csv", "text/csv")
