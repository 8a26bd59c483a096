"""What a model thinks of one image."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._axes import PERCENT_AXIS, given_color
from digitcore.charts._theme import FIT_WIDTH, REMARK, finished
from digitcore.errors import InvalidSetting
from digitcore.images import palette
from digitcore.wording import share_texts


def probability_chart(
    probabilities: np.ndarray, class_names: Sequence[str], *, truth: str | None = None
) -> alt.LayerChart:
    """Draw what a model thinks of one image: one bar per class, the most probable one in the accent colour.

    Parameters
    ----------
    probabilities : ndarray of shape (n_classes,)
        0 to 1.
    class_names : sequence of str
        One name a class, in class order.
    truth : str, optional
        Name of the right class, where it is known: its bar is blue, and a wrong most probable one is red.

    Raises
    ------
    InvalidSetting
        If the numbers of probabilities and names differ or a probability is not within 0 to 1.
    """
    table = probability_table(probabilities, class_names, truth=truth)
    names = list(table["class_name"])
    top = names[int(np.argmax(probabilities))]
    base = alt.Chart(table).encode(
        y=alt.Y("class_name:N", title="Class", sort=names),
        # Room for the figure at the end of a bar of 100 %.
        x=alt.X(
            "probability:Q",
            title="Probability (%)",
            scale=alt.Scale(domain=[0, 1.1], nice=False),
            axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], **PERCENT_AXIS),
        ),
        tooltip=[
            alt.Tooltip("class_name:N", title="Class"),
            alt.Tooltip("exact:N", title="Probability"),
        ],
    )
    bars = base.mark_bar().encode(color=given_color("color", table["color"]))
    figures = base.mark_text(align="left", dx=4, color=REMARK).encode(text="figure:N")
    description = f"Probability of each of {len(names)} classes; the most probable is {top}."
    return finished(alt.layer(bars, figures), height=24 * len(names), autosize=FIT_WIDTH, description=description)


def probability_table(
    probabilities: np.ndarray, class_names: Sequence[str], *, truth: str | None = None
) -> pd.DataFrame:
    """Return the table of :func:`probability_chart`, one row per class.

    Parameters
    ----------
    probabilities, class_names, truth
        See :func:`probability_chart`.

    Returns
    -------
    DataFrame
        ``class_name`` (str), ``probability`` (float, 0 to 1), ``color`` (str), and the probability as the page's
        sentences say it, "< 0.1 %" where it is smaller: ``figure`` with one digit after the point, ``exact`` with two.

    Raises
    ------
    InvalidSetting
        If the numbers of probabilities and names differ or a probability is not within 0 to 1.
    """
    probabilities = np.asarray(probabilities, dtype=float)
    names = [str(name) for name in class_names]
    if probabilities.shape != (len(names),) or not len(names):
        raise InvalidSetting(
            f"probabilities must be one number for each of {len(names)} classes, got the shape {probabilities.shape}"
        )
    if not ((probabilities >= -1e-6) & (probabilities <= 1 + 1e-6)).all():
        raise InvalidSetting("probabilities must be numbers from 0 to 1")
    top = names[int(probabilities.argmax())]
    colors = [_bar_color(name, top, truth) for name in names]
    shares = probabilities.clip(0, 1)
    return pd.DataFrame(
        {
            "class_name": names,
            "probability": shares,
            "color": colors,
            "figure": share_texts(shares, 1),
            "exact": share_texts(shares),
        }
    )


def _bar_color(name: str, top: str, truth: str | None) -> str:
    if truth is not None and name == truth:
        return palette.TRUTH
    if name == top:
        return palette.ACCENT if truth is None else palette.WRONG
    return palette.MUTED
