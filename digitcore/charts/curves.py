"""Loss or accuracy over the epochs of one training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import altair as alt
import pandas as pd

from digitcore.charts._axes import (
    AXIS_TITLES,
    epoch_axis,
    measure_axis,
    part_scale,
    value_limits,
)
from digitcore.charts._end_names import PADDING, end_names
from digitcore.charts._theme import REMARK, finished
from digitcore.errors import InvalidSetting
from digitcore.images import palette

_HEIGHT = 300
# Below this accuracy a name under its line would cover the labels of the epochs.
LOW_ACCURACY = 0.15
# Pixels between a line and the words on this side of it.
_BESIDE = {"left": 5, "center": 0, "right": -5}


def curves_chart(
    table: pd.DataFrame,
    *,
    measure: Literal["loss", "accuracy"] = "loss",
    held_out_name: str = "validation",
    best_epoch: int | None = None,
    forks: Sequence[int] = (),
    n_epochs: int | None = None,
    log: bool = False,
    ghost: pd.DataFrame | None = None,
    height: int = _HEIGHT,
) -> alt.LayerChart:
    """Draw loss or accuracy over the epochs, one line per part.

    Parameters
    ----------
    table : DataFrame
        ``epoch``, ``part``, ``value`` from :func:`digitcore.evaluation.curves_table`; may be empty.
    measure : {"loss", "accuracy"}
        What the values are.
    held_out_name : str
        The part beside "train"; it keeps its colour and its name stands at the end of its line.
    best_epoch : int, optional
        Epoch to mark with a vertical line.
    forks : sequence of int, optional
        Epochs to mark after which the training went on with other settings.
    n_epochs : int, optional
        Epochs asked for. While a training lives it fixes the axis, so that the lines grow and nothing rescales.
    log : bool
        Logarithmic loss axis; a loss of 0 is left out of it.
    ghost : DataFrame, optional
        Table of another training, such as the baseline, whose curves are drawn thin and grey behind these. Epochs
        beyond the end of the axis are left out.
    height : int
        Of the axes, in pixels.

    Raises
    ------
    InvalidSetting
        If ``measure`` is unknown, or ``log`` is asked for accuracy.
    """
    if measure not in AXIS_TITLES:
        raise InvalidSetting(f"measure must be one of {', '.join(AXIS_TITLES)}, got {measure!r}")
    if log and measure == "accuracy":
        raise InvalidSetting("log must be off for accuracy: only the loss has a logarithmic axis")
    if log:
        table = table[table["value"] > 0]
    last = n_epochs or int(table["epoch"].max() if len(table) else 1)
    parts = ["train", held_out_name]
    shown = table["value"]
    if ghost is not None:
        ghost = ghost[(ghost["epoch"] <= last) & ((ghost["value"] > 0) | (not log))]
        shown = pd.concat([shown, ghost["value"]])
    limits = value_limits(shown, measure, log=log)
    low = LOW_ACCURACY if measure == "accuracy" and limits[0] < LOW_ACCURACY else None
    lines = alt.Chart(table).encode(
        x=epoch_axis(last, names_at_end=True),
        y=measure_axis(measure, log, limits=limits),
        color=alt.Color("part:N", scale=part_scale(parts), legend=None),
        tooltip=_curve_tooltips(measure),
    )
    # A line of one point is invisible, so its point is drawn; otherwise points only make thin lines easier to hit. To a
    # screen reader a group without points would be a picture without a name.
    few = not table.duplicated("part").any()
    layers = [
        lines.mark_line(strokeWidth=2),
        lines.mark_point(filled=True, size=70, opacity=1 if few else 0, aria=not table.empty),
        *end_names(lines, parts, measure=measure, x="epoch", y="value", low=low),
    ]
    if best_epoch is not None:
        # Above the axes: inside them the lines, their names and the figures of the axis are in the way.
        align = "left" if best_epoch < 0.3 * last else "right" if best_epoch > 0.7 * last else "center"
        layers[:0] = _mark_layers(best_epoch, f"best: epoch {best_epoch:,}", title="Best epoch", align=align, y=-15)
    for epoch in forks:
        # Where the lines are not: a loss falls, an accuracy rises.
        y = 20 if measure == "loss" else height - 20
        layers[:0] = _mark_layers(epoch, "other settings", title="Other settings after epoch", align="left", y=y)
    if ghost is not None and len(ghost):
        layers[:0] = _ghost_layers(ghost, measure, last, limits, log)
    description = f"{measure.capitalize()} of the {' and '.join(parts)} parts over {last} epochs"
    description += " beside those of another training, in grey." if ghost is not None else "."
    # The names have colours that can be read, the lines those of the parts.
    chart = alt.layer(*layers).resolve_scale(color="independent")
    return finished(chart, height=height, padding=PADDING, description=description)


def _ghost_layers(
    ghost: pd.DataFrame, measure: str, last: int, limits: tuple[float, float] | None, log: bool
) -> list[alt.Chart]:
    """Return another training's curves, grey on both pages, the held-out part's dashed."""
    base = alt.Chart(ghost).encode(
        x=epoch_axis(last, names_at_end=True),
        y=measure_axis(measure, log, limits=limits),
        strokeDash=alt.when("datum.part === 'train'").then(alt.value([1, 0])).otherwise(alt.value([4, 3])),
        detail="part:N",
        tooltip=[alt.Tooltip("part:N", title="Baseline, part"), *_curve_tooltips(measure)[::2]],
    )
    return [base.mark_line(color=palette.MUTED, strokeWidth=1.5, aria=False)]


def _curve_tooltips(measure: str) -> list[alt.Tooltip]:
    value_format = ".2%" if measure == "accuracy" else ".4f"
    return [
        alt.Tooltip("epoch:Q", title="Epoch", format=",d"),
        alt.Tooltip("part:N", title="Part"),
        alt.Tooltip("value:Q", title=measure.capitalize(), format=value_format),
    ]


def _mark_layers(
    epoch: int, words: str, *, title: str, align: Literal["left", "center", "right"], y: int
) -> list[alt.Chart]:
    """Return a vertical line at an epoch, with words on one side of it or over it, so many pixels below the top."""
    base = alt.Chart(pd.DataFrame({"epoch": [epoch], "label": [words]})).encode(
        x=alt.X("epoch:Q"), tooltip=[alt.Tooltip("epoch:Q", title=title, format=",d")]
    )
    rule = base.mark_rule(color=palette.MUTED, strokeDash=[4, 4], strokeWidth=1.5)
    text = base.mark_text(color=REMARK, align=align, dx=_BESIDE[align], baseline="top")
    return [rule, text.encode(y=alt.value(y), text=alt.Text("label:N"))]
