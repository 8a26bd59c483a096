"""Charts of :mod:`digitcore.evaluation.calibration`'s tables; see :mod:`digitcore.charts` for what all charts share."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._axes import PERCENT_AXIS
from digitcore.charts._theme import finished
from digitcore.images import palette

OUTCOMES = ("right", "wrong")
HEIGHT = 280
MOST_POINTS = 200


def reliability_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw accuracy against confidence, one bar per bin with its 95 % interval; the diagonal is perfect calibration.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.evaluation.calibration.reliability_table`; bins without images are left out.
    """
    filled = table[table["n_images"] > 0]
    diagonal = pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]})
    perfect = (
        alt.Chart(diagonal).mark_line(color=palette.MUTED, strokeDash=[4, 4]).encode(x="confidence:Q", y="accuracy:Q")
    )
    base = alt.Chart(filled).encode(tooltip=_reliability_tooltips())
    # Faint, as the points and intervals stand in front of them; their outlines are seen on both pages.
    bars = base.mark_rect(color=palette.ACCENT, fillOpacity=0.4, stroke=palette.ACCENT, opacity=1).encode(
        x=_share("low", "Confidence (%)"), x2="high", y=_share("accuracy", "Accuracy (%)"), y2=alt.datum(0)
    )
    intervals = base.mark_rule(color=palette.ACCENT, strokeWidth=1.5).encode(
        x="confidence:Q", y="accuracy_low:Q", y2="accuracy_high"
    )
    points = base.mark_point(filled=True, color=palette.ACCENT, size=50, opacity=1).encode(
        x="confidence:Q", y="accuracy:Q"
    )
    description = f"Accuracy against confidence in {len(table)} bins; the dashed diagonal is perfect calibration."
    return finished(alt.layer(bars, perfect, intervals, points), height=HEIGHT, description=description)


def confidence_chart(table: pd.DataFrame, *, log: bool = True) -> alt.Chart:
    """Draw how many right and wrong predictions were made with which confidence, side by side.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.evaluation.calibration.confidence_table`.
    log : bool
        Symmetric logarithmic counts: the few wrong ones stay visible beside the many right ones.
    """
    colors = alt.Scale(domain=list(OUTCOMES), range=[palette.ACCENT, palette.WRONG])
    counts = alt.Scale(type="symlog" if log else "linear")
    ticks = alt.Axis(values=[0, 1, 10, 100, 1000, 10_000] if log else alt.Undefined, format=",d")
    # The bins' lower ends, as whole per cents: a tenth of 0.15 is not 0.015 to a computer.
    label = alt.Axis(labelExpr="format(datum.value * 100, '.0f')", labelAngle=0, labelOverlap=False)
    chart = (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("low:O", title="Confidence from (%)", axis=label, scale=alt.Scale(paddingInner=0.15)),
            xOffset=alt.XOffset("outcome:N", sort=list(OUTCOMES)),
            y=alt.Y("n_images:Q", title="Images", scale=counts, axis=ticks),
            color=alt.Color("outcome:N", title=None, scale=colors, legend=alt.Legend(orient="top")),
            tooltip=[
                alt.Tooltip("outcome:N", title="Predictions"),
                alt.Tooltip("low:Q", title="Confidence from", format=".0%"),
                alt.Tooltip("high:Q", title="to", format=".0%"),
                alt.Tooltip("n_images:Q", title="Images", format=",d"),
            ],
        )
    )
    return finished(chart, height=HEIGHT, description="Images by confidence, right and wrong predictions side by side.")


def coverage_chart(table: pd.DataFrame) -> alt.Chart:
    """Draw the accuracy that is left when the unsure images are refused.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.evaluation.calibration.coverage_table`; evenly thinned where it is long.
    """
    shown = table.iloc[np.linspace(0, len(table) - 1, min(MOST_POINTS, len(table))).round().astype(int)]
    chart = (
        alt.Chart(shown)
        .mark_line(
            color=palette.ACCENT,
            strokeWidth=2,
            interpolate="step-before",
            point={"size": 12, "filled": True, "color": palette.ACCENT},
        )
        .encode(
            x=_share("coverage", "Images answered (%)"),
            y=alt.Y(
                "accuracy:Q",
                title="Accuracy on these (%)",
                scale=alt.Scale(zero=False, domainMax=1),
                axis=alt.Axis(**PERCENT_AXIS),
            ),
            tooltip=[
                alt.Tooltip("coverage:Q", title="Answered", format=".1%"),
                alt.Tooltip("accuracy:Q", title="Accuracy", format=".2%"),
                alt.Tooltip("threshold:Q", title="Confidence at least", format=".1%"),
            ],
        )
    )
    return finished(
        chart, height=HEIGHT, description="Accuracy against the share of images answered, most confident first."
    )


def _share(field: str, title: str) -> alt.X | alt.Y:
    channel = alt.Y if field == "accuracy" else alt.X
    return channel(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(**PERCENT_AXIS, tickCount=5),
    )


def _reliability_tooltips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("n_images:Q", title="Images", format=",d"),
        alt.Tooltip("confidence:Q", title="Mean confidence", format=".1%"),
        alt.Tooltip("accuracy:Q", title="Accuracy", format=".1%"),
        alt.Tooltip("accuracy_low:Q", title="95 % interval from", format=".1%"),
        alt.Tooltip("accuracy_high:Q", title="to", format=".1%"),
    ]
