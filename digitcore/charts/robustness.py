"""Accuracy under corruptions, by severity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from digitcore.charts._axes import PERCENT_AXIS
from digitcore.charts._spread import in_order
from digitcore.charts._theme import finished, themed_range
from digitcore.errors import InvalidSetting
from digitcore.images import palette

HEIGHT, PANEL_HEIGHT = 320, 190
# Of the second model's lines.
DASH = [5, 3]


def robustness_chart(
    table: pd.DataFrame, other: pd.DataFrame | None = None, *, names: Sequence[str] = ("model", "other model")
) -> alt.LayerChart:
    """Draw the accuracy by severity, one line per corruption; a second model's lines are dashed.

    With a single corruption it is a small panel: a line per model with its 95 % interval, for many panels side by side,
    which say their corruption themselves and share one legend that stands elsewhere.

    Parameters
    ----------
    table, other : DataFrame
        From :func:`digitcore.evaluation.robustness.robustness_table`, of one model each.
    names : sequence of str
        Of the two models.

    Raises
    ------
    InvalidSetting
        If the tables are not of the same corruptions.
    """
    labels = in_order(table["label"])
    if other is not None and in_order(other["label"]) != labels:
        raise InvalidSetting("Both tables must be of the same corruptions in the same order")
    models = list(names)[: 1 if other is None else 2]
    rows = pd.concat([each.assign(model=name) for each, name in zip((table, other), models, strict=False)])
    small = len(labels) == 1
    color = _color_of_models(models) if small else _color_of_corruptions(labels)
    base = alt.Chart(rows).encode(
        x=alt.X(
            "severity:Q",
            title=None if small else "Severity",
            scale=alt.Scale(domain=[0, 5], nice=False),
            axis=_severity_axis(),
        ),
        color=color,
        detail="model:N",
    )
    lines = base.encode(y=_accuracy("accuracy", small))
    dash = alt.StrokeDash("model:N", scale=alt.Scale(domain=models, range=[[1, 0], DASH][: len(models)]), legend=None)
    layers = [lines.mark_line(strokeWidth=2).encode(strokeDash=dash, tooltip=alt.value(None))]
    if small:
        bounds = base.encode(y=_accuracy("accuracy_low", small), y2="accuracy_high")
        layers.insert(0, bounds.mark_area(opacity=0.18).encode(tooltip=alt.value(None)))
    layers.append(lines.mark_point(filled=True, size=60, opacity=0).encode(tooltip=_robustness_tooltips()))
    titled: dict[str, Any] = (
        {"title": alt.TitleParams(labels[0], anchor="start", fontSize=13, offset=4)} if small else {}
    )
    what = labels[0].lower() if small else f"{len(labels)} corruptions"
    beside = f", of {models[0]} and of {models[1]}" if other is not None else ""
    return finished(
        alt.layer(*layers),
        height=PANEL_HEIGHT if small else HEIGHT,
        description=f"Accuracy under {what} by severity, 0 (the images as they are) to 5{beside}.",
        **titled,
    )


def _severity_axis() -> alt.Axis:
    return alt.Axis(values=[0, 1, 2, 3, 4, 5], format="d", grid=False)


def _accuracy(field: str, small: bool) -> alt.Y:
    return alt.Y(
        f"{field}:Q",
        title=None if small else "Accuracy (%)",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(tickCount=2 if small else 5, **PERCENT_AXIS),
    )


def _color_of_models(models: list[str]) -> alt.Color:
    scale = alt.Scale(domain=models, range=list(palette.SERIES_COLORS[: len(models)]))
    return alt.Color("model:N", scale=scale, legend=None)


def _color_of_corruptions(labels: list[str]) -> alt.Color:
    colors = {theme: palette.class_colors(len(labels), theme) for theme in palette.THEMES}
    legend = alt.Legend(orient="top", columns=4, symbolType="stroke", symbolOpacity=1)
    return alt.Color(
        "label:N", title=None, sort=labels, scale=alt.Scale(domain=labels, range=themed_range(colors)), legend=legend
    )


def _robustness_tooltips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("model:N", title="Model"),
        alt.Tooltip("label:N", title="Corruption"),
        alt.Tooltip("severity:Q", title="Severity", format="d"),
        alt.Tooltip("accuracy:Q", title="Accuracy", format=".2%"),
        alt.Tooltip("accuracy_low:Q", title="95 % interval from", format=".2%"),
        alt.Tooltip("accuracy_high:Q", title="to", format=".2%"),
    ]
