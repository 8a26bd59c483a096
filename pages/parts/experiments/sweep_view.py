"""What a sweep says: points, a heat map or parallel lines, and the best point."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from digitcore.charts import importance_chart, parallel_chart, sweep_chart, sweep_heat_chart
from digitcore.experiments import Axis, Experiment, Sweep
from digitcore.experiments.summary import point_words, sweep_warnings
from digitcore.experiments.tables import (
    FEWEST_FOR_IMPORTANCE,
    axis_scale,
    best_spec,
    heat_table,
    importance_table,
    line_table,
    parallel_table,
    points_table,
)
from digitcore.glossary import explain
from digitcore.wording import percent_text
from pages.parts import layout, press, session
from pages.parts.messages import plain
from pages.parts.reading.reading_guide import show_guide

CHOSEN_BY_LOCKED = (
    "These points are compared by the test part, which is locked: open the figures of single runs, or run the sweep "
    "with a validation part."
)


def show(experiment: Experiment, table: pd.DataFrame) -> None:
    """Show the points that have come, and the best of them."""
    sweep = experiment.plan
    names = [axis.name for axis in sweep.axes]
    points = points_table(table, names)
    if not points["best"].any() and any(run.covered and run.evaluated for run in experiment.runs.values()):
        st.info(CHOSEN_BY_LOCKED, icon=":material/lock:")
        return
    if not points["best"].any():
        layout.show_coming("The first point is being trained.")
        return
    _show_best(experiment, points, names)
    for warning in sweep_warnings(sweep, table):
        st.warning(warning)
    show_guide(_guide_of(sweep))
    _show_points(experiment.digest, experiment.n_ended, _experiment=experiment, _points=points)


def _guide_of(sweep: Sweep) -> str:
    """Return the guide of the chart that shows a sweep."""
    if len(sweep.axes) == 1:
        return "sweep"
    return "heat" if len(sweep.axes) == 2 and sweep.n_random is None else "parallel"


def _show_best(experiment: Experiment, points: pd.DataFrame, names: list[str]) -> None:
    best = points[points["best"]].iloc[0]
    spread = f" ± {100 * best['sd']:.2f} points over {best['n']} seeds" if best["n"] > 1 else ""
    words, button = layout.with_button("open")
    so_far = "Best so far" if experiment.state == "running" else "Best"
    words.markdown(f"{so_far}: **{plain(point_words(best, names))}**, {percent_text(best['mean'])}{spread}")
    if press.button("Open in Train", key="open_best", place=button, width="stretch"):
        session.open_in_form(best_spec(experiment))


@st.cache_data(show_spinner=False, max_entries=32)
def _show_points(digest: str, n_ended: int, _experiment: Experiment, _points: pd.DataFrame) -> None:
    axes = _experiment.plan.axes
    titles = {axis.name: axis.record.label for axis in axes}
    if len(axes) == 1:
        scale = axis_scale(axes[0])
        st.altair_chart(sweep_chart(line_table(_points, axes[0]), title=titles[axes[0].name], scale=scale))
    elif len(axes) == 2 and _experiment.plan.n_random is None:
        table = heat_table(_points, *axes)
        x, y = (titles[axis.name] for axis in axes)
        st.altair_chart(sweep_heat_chart(table, x_title=x, y_title=y), width="content")
    else:
        _show_many(_points, axes)


def _show_many(points: pd.DataFrame, axes: Sequence[Axis]) -> None:
    titles = {axis.name: axis.record.label for axis in axes}
    shown = parallel_table(points, axes)
    st.altair_chart(parallel_chart(shown, list(titles.items())), width="stretch")
    # Before its heading, which would stand above nothing meanwhile.
    table = importance_table(points, list(titles))
    st.header("Most important settings", help=explain("importance"))
    if table["importance"].isna().all():
        st.caption(f"Available from {FEWEST_FOR_IMPORTANCE} points of different accuracy on.")
    elif not table["importance"].any():
        st.caption(
            "**Nothing matters here**: from the settings and accuracies of the other points, a point's accuracy can be "
            "predicted no better than by chance. The differences may be noise: more points or more seeds per point "
            "would tell."
        )
    else:
        explained = percent_text(table["importance"].sum(), 0)
        st.caption(f"Together these settings explain {explained} of the differences in accuracy.")
        st.altair_chart(importance_chart(table.assign(title=table["name"].map(titles))), width="stretch")
