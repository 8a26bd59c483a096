"""The look that all charts share, and colours that follow the page's theme.

A chart does not know whether it will stand on a light or on a dark page, and may be kept and drawn on both. So colours
that must differ are expressions of Vega, which look at the background that the page gives the chart: the browser
chooses, also when the theme is changed later. Without a background, as in a notebook, they are those of a light page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import altair as alt

from digitcore.images import palette

# Of white it is 1, of the dark page 0.006.
DARK_PAGE = "luminance(background || '#ffffff') < 0.2"
FONT_SIZE = 12
# The per cent sign stands apart from its number, as in digitcore.wording.percent_text.
NUMBERS = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["$", ""], "percent": "\u00a0%"}

Chart = TypeVar("Chart", alt.Chart, alt.LayerChart)


def themed(colors: Mapping[str, str]) -> alt.ExprRef:
    """Return the colour of the page's theme.

    Parameters
    ----------
    colors : mapping
        "light" and "dark", each ``#rrggbb``.
    """
    return alt.ExprRef(expr=f"{DARK_PAGE} ? '{colors['dark']}' : '{colors['light']}'")


def themed_range(colors: Mapping[str, Sequence[str]]) -> list[alt.ExprRef]:
    """Return the range of a colour scale, one expression per colour."""
    return [themed({"light": light, "dark": dark}) for light, dark in zip(colors["light"], colors["dark"], strict=True)]


# Of a chart with rows of a fixed height: its width alone follows the page. With steps Vega warns in the console.
FIT_WIDTH = alt.AutoSizeParams(type="fit-x", contains="padding")
# The page's background.
PAGE = alt.ExprRef(expr="background || '#ffffff'")
REMARK = themed(palette.REMARK)


_WORDS = {"labelColor": REMARK, "titleColor": REMARK, "labelFontSize": FONT_SIZE, "titleFontSize": FONT_SIZE}
# Made once: altair takes longer over it than over a chart.
_LOOK = alt.Config(
    locale=alt.Locale(number=NUMBERS),
    axis=alt.AxisConfig(
        **_WORDS,
        titleFontWeight="normal",
        titlePadding=10,
        labelPadding=6,
        labelSeparation=4,
        gridColor=themed(palette.GRID),
        gridDash=[],
        domainColor=palette.MUTED,
        domain=False,
        ticks=False,
        tickColor=palette.MUTED,
    ),
    axisX=alt.AxisConfig(domain=True, ticks=True, tickSize=4, labelAngle=0),
    axisY=alt.AxisConfig(labelFlush=False),
    legend=alt.LegendConfig(
        **_WORDS,
        titleFontWeight="normal",
        orient="top",
        padding=0,
        offset=10,
        rowPadding=4,
        columnPadding=16,
        symbolStrokeWidth=2.5,
    ),
    text=alt.MarkConfig(fontSize=FONT_SIZE),
    view=alt.ViewConfig(stroke=None),
)


def finished(chart: Chart, **properties: Any) -> Chart:
    """Return a chart with the shared look and these properties, such as ``height`` and ``description``."""
    whole = chart.properties(**properties)
    whole.config = _LOOK
    return whole
