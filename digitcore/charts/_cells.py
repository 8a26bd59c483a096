"""What charts of cells share: the matrix of classes, the heat map, and the figures in their cells."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._axes import labels_width
from digitcore.charts._names import side_by_side
from digitcore.charts._theme import DARK_PAGE, themed_range
from digitcore.images import palette
from digitcore.wording import MINUS

MATRIX_SIZE = 620
CELL_SIZES = (12, 46)
# The names of columns are rotated where they need more lines.
MOST_LABEL_LINES = 3
# Minimum width of a matrix on a page, in pixels: beside the curves of Train, or on a phone.
NARROWEST_WIDTH = 230
# Minimum width of a cell, in pixels, that has room for a rotated name.
LABELLED_CELL = 14
SMALLEST_FONT = 6
LARGEST_FONT = 13
# For names of columns that do not fit beside each other.
SMALL_FONT = 10
# Otherwise Streamlit leaves more room below a chart, which separates a matrix from the words under it.
PADDING = {"bottom": 4}
# Width of a digit of a sans-serif font, as a share of the font's size.
DIGIT_WIDTH = 0.58


@dataclass(frozen=True)
class MatrixCells:
    """The cells of a matrix and the values of its colours: all that tells it from another one of the same classes.

    Attributes
    ----------
    table : DataFrame
        One row per cell, as the chart has it.
    stops : ndarray, float, (n_stops,)
        Values, ascending, at which the colours stand.
    """

    table: pd.DataFrame
    stops: np.ndarray

    @property
    def n_letters(self) -> int:
        """Characters of the longest figure, at least 1: the size of all figures follows it."""
        return n_letters(self.table["figure"])


def color_stops(figures: np.ndarray, scale: str) -> np.ndarray:
    """Values, ascending, at which the colours of the palette stand; even steps, of the logarithm on the log scale."""
    positive = figures[figures > 0]  # NaN is not above 0
    most = positive.max() if len(positive) else 1.0
    n_stops = len(palette.SEQUENTIAL_STOPS["light"])
    if scale == "linear":
        return np.linspace(0, most, n_stops)
    least = positive.min() if len(positive) else 1.0
    if least == most:  # one value only: it takes the darkest colour
        least = most / 10
    return np.geomspace(least, most, n_stops)


def inks(
    figures: np.ndarray, stops: np.ndarray, scale: str, ramp: Mapping[str, Sequence[str]] = palette.SEQUENTIAL_STOPS
) -> dict[str, np.ndarray]:
    """Return, for each theme, which cells need white figures: columns for :func:`cell_ink`."""
    return {f"white_on_{theme}": _needs_white(figures, stops, scale, ramp[theme]) for theme in palette.THEMES}


def _needs_white(figures: np.ndarray, stops: np.ndarray, scale: str, colors: Sequence[str]) -> np.ndarray:
    if scale == "log":
        figures, stops = np.log(np.where(figures > 0, figures, stops[0])), np.log(stops)
    channels = np.array([palette.rgb(color) for color in colors], dtype=float).T
    backgrounds = np.stack([np.interp(figures, stops, channel) for channel in channels], axis=-1)
    black, white = (0, 0, 0), (255, 255, 255)
    return np.array(
        [palette.contrast(tuple(color), white) >= palette.contrast(tuple(color), black) for color in backgrounds],
        dtype=bool,
    )


def cell_ink(empty: alt.ExprRef | None = None) -> Any:
    """Return the colour of a cell's figure: white or black, whichever reads better on the cell.

    Parameters
    ----------
    empty : ExprRef, optional
        Colour of the figures of cells that show the background, those whose column ``filled`` is false.
    """
    is_white, white = f"{DARK_PAGE} ? datum.white_on_dark : datum.white_on_light", alt.value("#ffffff")
    if empty is None:
        chosen = alt.when(is_white).then(white)
    else:
        chosen = alt.when("!datum.filled").then(alt.value(empty)).when(is_white).then(white)
    return chosen.otherwise(alt.value("#000000"))


def n_letters(figures: pd.Series) -> int:
    """Characters of the longest figure, at least 1."""
    return max(int(figures.str.len().max()) if len(figures) else 1, 1)


def figure_font(n_letters: int, cell: int) -> int:
    return int(min(LARGEST_FONT, 0.5 * cell, 0.9 * cell / (DIGIT_WIDTH * n_letters)))


def fitting_font(n_letters: int, font: int, n_columns: int) -> alt.ExprRef:
    """Return the font size of the figures, which shrinks with the cells where a page makes the chart narrower."""
    return alt.ExprRef(expr=f"min({font}, 0.9 * width / {max(n_columns, 1) * DIGIT_WIDTH * n_letters:.4g})")


def class_axis(field: str, title: str, names: list[str], cell: int) -> alt.X | alt.Y:
    """Return the axis of the classes: rows are true classes, columns predictions."""
    channel = alt.X if field == "prediction" else alt.Y
    font = int(np.clip(0.7 * cell, SMALLEST_FONT, LARGEST_FONT))
    labels: dict[str, Any] = {"labelFontSize": font, "labelAngle": 0, "labelOverlap": False}
    if field == "prediction" and not side_by_side(names):
        labels |= _long_column_labels(names, cell, font)
    axis = alt.Axis(labelLimit=120, ticks=False, domain=False, grid=False, **labels)
    return channel(f"{field}:N", title=title, sort=names, scale=alt.Scale(domain=names, paddingInner=0.04), axis=axis)


def _long_column_labels(names: list[str], cell: int, font: int) -> dict[str, Any]:
    """Return the properties of column labels that do not fit side by side on a phone: staggered, or else rotated.

    A square cell is narrower than the name of its class, on a phone less than half as wide. Staggered names are
    horizontal and complete; the number of lines depends on the width that the page leaves the chart.
    """
    small = min(font, SMALL_FONT)
    widths = np.array([labels_width([name], small) for name in names])
    narrowest = [_narrowest_cell(widths, n_lines) for n_lines in range(1, MOST_LABEL_LINES + 1)]
    if min(cell, NARROWEST_WIDTH / len(names)) < min(narrowest):
        # Below this width even rotated names would overlap; every nth is shown.
        return {"labelAngle": -45, "labelOverlap": cell < LABELLED_CELL}
    most = int(np.argmin(narrowest)) + 1
    fits = "".join(f"width >= {len(names) * each:.0f} ? {n} : " for n, each in enumerate(narrowest[: most - 1], 1))
    place = f"indexof({json.dumps(names)}, datum.value)"
    # An empty line has no height in an SVG, and Vega trims spaces: a zero-width space keeps the line.
    above = f"pad('', {place} % ({fits}{most}), '\\u200b\\n')"
    return {"labelFontSize": small, "labelFlush": False, "labelExpr": f"split({above} + datum.label, '\\n')"}


def _narrowest_cell(widths: np.ndarray, n_lines: int) -> float:
    """Return the minimum cell width, in pixels, at which names of these widths fit in ``n_lines`` lines."""
    neighbors = (widths[:-n_lines] + widths[n_lines:]) / 2
    return neighbors.max(initial=0) / n_lines


def cell_scale(stops: np.ndarray, ramp: Mapping[str, Sequence[str]], kind: Any = alt.Undefined) -> alt.Scale:
    """A colour scale whose stops stand at these values; the colours are a ramp's of the page's theme."""
    return alt.Scale(type=kind, domain=[float(stop) for stop in stops], range=themed_range(ramp), interpolate="rgb")


def cell_figures(base: alt.Chart, font: int, size: Any = None, ink: Any = None) -> list[alt.Chart]:
    """Return the layer of the figures, where they are legible, or nothing.

    Parameters
    ----------
    base : Chart
        With a column ``figure``, and those of :func:`inks`.
    font : int
        Of :func:`figure_font`.
    size : ExprRef, optional
        Size of the font, such as :func:`fitting_font`. Default: ``font``.
    ink : optional
        Colour of the figures, see :func:`cell_ink`.
    """
    if font < SMALLEST_FONT:
        return []
    figures = base.mark_text(fontSize=font if size is None else size, baseline="middle")
    return [figures.encode(text=alt.Text("figure:N"), color=cell_ink() if ink is None else ink)]


def matrix_cell(n_classes: int) -> int:
    """Return the side of a cell, in pixels, of a matrix of so many classes."""
    return int(np.clip(MATRIX_SIZE / max(n_classes, 1), *CELL_SIZES))


def signed_cells(table: pd.DataFrame, column: str, figures: list[str]) -> MatrixCells:
    """Return the cells of a matrix of differences; the colours stand evenly about 0.

    Parameters
    ----------
    table : DataFrame
        One row per cell.
    column : str
        The differences; NaN where there is none.
    figures : list of str
        What the cells say.
    """
    values = table[column].to_numpy(dtype=float)
    most = np.nanmax(np.abs(values), initial=0) or 1.0
    stops = np.linspace(-most, most, len(palette.DIVERGING_STOPS["light"]))
    figures = [figure.replace("-", MINUS) for figure in figures]
    return MatrixCells(table.assign(figure=figures, **inks(values, stops, "linear", palette.DIVERGING_STOPS)), stops)


def even_stops(values: pd.Series, n_stops: int) -> np.ndarray:
    """Even steps from the lowest to the highest value; a value alone takes the darkest colour."""
    known = values.dropna().to_numpy(dtype=float)
    if not len(known):
        return np.linspace(0, 1, n_stops)
    low, high = known.min(), known.max()
    return np.linspace(low if low < high else high - 0.01, high, n_stops)


def with_cell_selection(rectangles: alt.Chart, select: str | None) -> alt.Chart:
    """Return the cells with a selection by click of this name, whose cell is outlined; as they are for None.

    As long as nothing is clicked, the cell that :func:`outline_cell` names is outlined.
    """
    if select is None:
        return rectangles
    # A click on the chosen cell clears the selection; a click on another cell chooses that one instead.
    again = f"vlSelectionTest('{select}_store', datum)"
    cell = alt.selection_point(name=select, fields=["truth", "prediction"], on="click", clear="dblclick", toggle=again)
    outlined = alt.param(name=_outlined_name(select), value={})
    is_outlined = " && ".join(f"datum.{field} === {outlined.name}.{field}" for field in ("truth", "prediction"))
    outline = alt.when(f"length(data('{select}_store')) ? {again} : {is_outlined}")
    return rectangles.encode(
        stroke=outline.then(alt.value(palette.WRONG)).otherwise(alt.value(None)),
        strokeWidth=outline.then(alt.value(3)).otherwise(alt.value(0)),
    ).add_params(cell, outlined)


def outline_cell(spec: Mapping[str, Any], select: str, truth: str, prediction: str) -> dict[str, Any]:
    """Return the specification of a matrix with a cell outlined until another one is clicked.

    Parameters
    ----------
    spec : mapping
        Vega-Lite specification of a matrix with a selection; it is not changed.
    select : str
        Name of its selection.
    truth, prediction : str
        Class names of the cell.
    """
    name, cell = _outlined_name(select), {"truth": truth, "prediction": prediction}
    params = [{**each, "value": cell} if each["name"] == name else each for each in spec["params"]]
    return {**spec, "params": params}


def color_cells(spec: Mapping[str, Any], stops: np.ndarray) -> dict[str, Any]:
    """Return the specification of a matrix whose colours stand at other values.

    Parameters
    ----------
    spec : mapping
        Vega-Lite specification of a matrix; it is not changed.
    stops : ndarray, float
        :attr:`MatrixCells.stops`, as many as there are colours.
    """
    rectangles, *others = spec["layer"]
    rectangles = copy.deepcopy(rectangles)
    color = rectangles["encoding"]["color"]
    color.get("condition", color)["scale"]["domain"] = [float(stop) for stop in stops]
    return {**spec, "layer": [rectangles, *others]}


def _outlined_name(select: str) -> str:
    return f"{select}_outlined"
