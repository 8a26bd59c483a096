"""Score over one or two varied settings.

Tables are as in :mod:`digitcore.charts._spread`.
"""

from __future__ import annotations

from typing import Any, Literal

import altair as alt
import pandas as pd

from digitcore.charts._axes import LINEAR_NUMBERS, LOG_NUMBERS, PERCENT_AXIS, given_color
from digitcore.charts._cells import cell_figures, cell_scale, even_stops, figure_font, inks, n_letters
from digitcore.charts._names import (
    LINE_LETTERS,
    NAME_LIMIT,
    label_width,
    name_axis,
    name_size,
    wrapped,
    wrapped_labels,
)
from digitcore.charts._spread import (
    SCORE_TITLE,
    check_choice,
    figure_tooltips,
    in_order,
    measured_layers,
    trainings_tooltip,
)
from digitcore.charts._theme import finished
from digitcore.errors import InvalidSetting
from digitcore.images import palette

SWEEP_SCALES = ("linear", "log", "nominal")
# With the names of the rows beside it, a heat map is then about 620 pixels wide.
HEAT_WIDTH = 520
LARGEST_HEAT_CELL = 84
# Columns that still make a readable chart as rows.
MOST_TURNED = 20
HEAT_ROW = 36


def sweep_chart(
    table: pd.DataFrame,
    *,
    title: str,
    scale: Literal["linear", "log", "nominal"] = "linear",
    score_title: str = SCORE_TITLE,
) -> alt.LayerChart:
    """Draw the score against one setting, with error bars; the best value has the accent colour.

    Parameters
    ----------
    table : DataFrame
        ``value`` (number, or text for "nominal"; the order is the table's), ``mean``, ``low``, ``high``, ``n`` and
        ``best`` (bool).
    title : str
        Of the setting.
    scale : {"linear", "log", "nominal"}
        Of the setting. Nominal points are not joined by a line.
    score_title : str
        Of the score, with its unit.

    Raises
    ------
    InvalidSetting
        If ``scale`` is unknown, or logarithmic with values that are not positive.
    """
    check_choice("scale", scale, SWEEP_SCALES)
    if scale == "log" and len(table) and not (table["value"] > 0).all():
        raise InvalidSetting(
            f"scale must be linear or nominal for values of 0 or less: {title} goes down to {table['value'].min():g}"
        )
    nominal = scale == "nominal"
    colors = [palette.ACCENT if best else palette.MUTED for best in table["best"]]
    shown = table.assign(color=colors, value=[str(value) for value in table["value"]] if nominal else table["value"])
    names = in_order(shown["value"]) if nominal else []
    along = name_axis("value", title, names) if nominal else _number_axis("value", title, scale)
    score, marks = measured_layers(shown, score_title, along, [alt.Tooltip("value", type="nominal", title=title)])
    sizes = alt.when(alt.datum.best).then(alt.value(130)).otherwise(alt.value(60))
    marks[-1] = marks[-1].encode(size=sizes)
    marks = [mark.encode(color=given_color("color", shown["color"])) for mark in marks]
    line = alt.Chart(shown).mark_line(color=palette.MUTED, strokeWidth=1).encode(along, score)
    description = f"{score_title} against {title}, {len(shown)} values with their spread; the best one stands out."
    return finished(
        alt.layer(*([] if nominal else [line]), *marks), **name_size(along, len(names)), description=description
    )


def sweep_heat_chart(
    table: pd.DataFrame, *, x_title: str, y_title: str, score_title: str = SCORE_TITLE
) -> alt.LayerChart:
    """Draw the score against two settings as coloured cells with the mean in per cent.

    The two change places where the names of the columns are too long to stand above each other's cells.

    Parameters
    ----------
    table : DataFrame
        ``x``, ``y`` (texts in order of appearance), ``mean``, ``sd``, ``n``. A cell whose mean is NaN stays empty.
    x_title, y_title : str
        Of the two settings.
    score_title : str
        Of the score, with its unit.
    """
    columns, rows = in_order(table["x"]), in_order(table["y"])
    if not _is_wide_enough(columns) and _is_wide_enough(rows) and len(columns) <= MOST_TURNED:
        columns, rows, x_title, y_title = rows, columns, y_title, x_title
        table = table.rename(columns={"x": "y", "y": "x"})
    filled = table[table["mean"].notna()]
    stops = even_stops(filled["mean"], len(palette.SEQUENTIAL_STOPS["light"]))
    figures = [f"{100 * mean:.1f}" for mean in filled["mean"]]
    filled = filled.assign(figure=figures, **inks(filled["mean"].to_numpy(dtype=float), stops, "linear"))
    step = _heat_step(columns)
    if len(columns) <= MOST_TURNED:
        step = max(step, label_width(_longest([line for name in columns for line in wrapped(name, 1)])))
    font = min(figure_font(n_letters(filled["figure"]), step), HEAT_ROW // 2)
    base = alt.Chart(filled).encode(
        x=_cell_axis(alt.X("x:N", title=x_title, sort=columns), columns, _letters(step)),
        y=_cell_axis(alt.Y("y:N", title=y_title, sort=rows), rows, LINE_LETTERS),
        tooltip=[
            alt.Tooltip("x:N", title=x_title),
            alt.Tooltip("y:N", title=y_title),
            *figure_tooltips(".2%", "mean", "sd"),
            trainings_tooltip(),
        ],
    )
    legend = alt.Legend(orient="top", gradientLength=200, **PERCENT_AXIS, titleLimit=300)
    color = alt.Color("mean:Q", title=score_title, scale=cell_scale(stops, palette.SEQUENTIAL_STOPS), legend=legend)
    layers = [base.mark_rect().encode(color=color), *cell_figures(base, font)]
    description = f"{score_title} in {len(rows)} rows of {y_title} and {len(columns)} columns of {x_title}."
    # Steps, not a height: a page would take the axes and the legend out of that.
    return finished(alt.layer(*layers), width=alt.Step(step), height=alt.Step(HEAT_ROW), description=description)


def _number_axis(field: str, title: str, scale: str) -> alt.X:
    kind = alt.Scale(type="log", nice=False, padding=12) if scale == "log" else alt.Scale(zero=False, padding=12)
    numbers = LOG_NUMBERS if scale == "log" else LINEAR_NUMBERS
    axis = alt.Axis(grid=False, labelOverlap=True, tickCount=6, **numbers)
    return alt.X(f"{field}:Q", title=title, scale=kind, axis=axis)


def _heat_step(columns: list[str]) -> int:
    """The width of a column, whatever its name."""
    return min(HEAT_WIDTH // max(len(columns), 1), LARGEST_HEAT_CELL)


def _is_wide_enough(columns: list[str]) -> bool:
    """Whether the name of each column fits above it in one line."""
    return _longest(columns) <= _letters(_heat_step(columns))


def _longest(names: list[str]) -> int:
    return max((len(name) for name in names), default=0)


def _letters(width: int) -> int:
    """How many letters of a label fit into these pixels."""
    return max(next(n for n in range(width + 1) if label_width(n + 1) > width), 1)


def _cell_axis(channel: Any, names: list[str], letters: int) -> Any:
    """A channel of cells with these names in lines of so many letters."""
    # Only numbers are so many that some have to give way; their order says which.
    looks: dict[str, Any] = {"labelLimit": NAME_LIMIT, "labelOverlap": len(names) > MOST_TURNED}
    axis = alt.Axis(**looks, **wrapped_labels(names, letters), ticks=False, domain=False, grid=False)
    channel.axis, channel.scale = axis, alt.Scale(domain=names, paddingInner=0.04)
    return channel
