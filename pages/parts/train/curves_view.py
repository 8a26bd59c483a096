"""Loss and accuracy over the epochs, beside those of the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from digitcore.charts import curves_chart, learning_rate_chart, value_limits
from digitcore.evaluation import curves_table, epochs_table
from digitcore.runs import Run
from digitcore.runs.summary import has_schedule, learning_rates_of, validation_name
from pages.parts import shared, view
from pages.parts.charts import Frame, drawable

# Lower than those of other pages: below them the first layer's images fit on the same screen.
HEIGHT = 190


def ask_log() -> bool:
    """Let the user choose a logarithmic axis for the loss."""
    words = "A logarithmic axis shows what happens to the loss once it is small."
    return view.toggle(st, "log", "Logarithmic loss", key="curves_log", help=words)


def show_curves(run: Run, base: Run | None = None, *, log: bool = False) -> None:
    """Draw loss and accuracy of every epoch side by side, and below them the learning rate unless it is constant.

    The curves of the baseline stand behind, in grey. The axis of the loss is logarithmic on demand.
    """
    # Empty axes are the same for all settings of as many epochs, and each move of a slider draws them.
    own = run.digest if run.epochs else f"{validation_name(run)} {run.spec.parameters['epochs']} {run.spec.forks}"
    of_base = None if base is None else (base.digest, base.created_at, len(base.epochs), base.covered)
    for column, measure in zip(st.columns(2, gap="small"), ("loss", "accuracy"), strict=True):
        is_log = log and measure == "loss"
        key = (own, run.created_at, run.state, len(run.epochs), run.covered, measure, is_log, of_base)
        chart = shared.curves.get(key, lambda measure=measure, is_log=is_log: _curves(measure, run, base, log=is_log))
        column.vega_lite_chart(chart, width="stretch")
    if has_schedule(run.spec) and (run.active or run.epochs):
        n_epochs = None if run.active else len(run.epochs)
        key = ("learning rate", run.digest, run.created_at, n_epochs)
        chart = shared.curves.get(key, lambda: drawable(learning_rate_chart(learning_rates_of(run))))
        st.vega_lite_chart(chart, width="stretch")


def _curves(measure: str, run: Run, base: Run | None, *, log: bool) -> dict[str, Any]:
    watched = validation_name(run)
    # Of models that vote each has its own best epoch.
    stops_early = run.evaluated and run.spec.parameters["patience"] is not None and run.spec.members == 1
    best = run.evaluation.best_epoch if stops_early else None
    n_planned = run.spec.parameters["epochs"] if run.active else None
    table = curves_table(epochs_table(run.epochs), measure, held_out_name=watched)
    ghost = None
    if base is not None:
        ghost = curves_table(epochs_table(base.epochs), measure, held_out_name=validation_name(base))
    if log:
        # A loss of 0 has no place on the axis.
        table = table[table["value"] > 0]
    last, n_points = n_planned or len(run.epochs) or 1, min(len(run.epochs), 2)
    values = table["value"]
    if ghost is not None:
        # The axis ends there.
        ghost = ghost[(ghost["epoch"] <= last) & ((ghost["value"] > 0) | (not log))]
        values = pd.concat([values, ghost["value"]])
    tables = [table] if ghost is None or ghost.empty else [table, ghost]
    limits = value_limits(values, measure, log=log)
    frame = _frame(measure, watched, best, run.spec.forks, last, n_points, limits, log, len(tables), _tables=tables)
    return frame.drawn(*tables)


# For all runs of as many epochs whose values lie between the same ends.
@st.cache_resource(show_spinner=False, max_entries=256)
def _frame(
    measure: str,
    watched: str,
    best: int | None,
    forks: tuple[int, ...],
    last: int,
    n_points: int,
    limits: tuple[float, float],
    log: bool,
    n_tables: int,
    _tables: Sequence[pd.DataFrame],
) -> Frame:
    # A frame tells tables apart by what they hold; what stands in these is replaced.
    table, *ghosts = [each.assign(part=each["part"] + place * "*") for place, each in enumerate(_tables)]
    chart = curves_chart(
        table,
        measure=measure,
        held_out_name=watched,
        best_epoch=best,
        forks=forks,
        n_epochs=last,
        log=log,
        ghost=ghosts[0] if ghosts else None,
        height=HEIGHT,
    )
    return Frame(chart, table, *ghosts)
