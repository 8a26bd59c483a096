"""Charts of a training and its predictions: curves, confusion matrix, class balance, probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from digitcore import palette
from digitcore.errors import InvalidSetting

AXIS_TITLES = {"loss": "Loss (mean cross-entropy, nats)", "accuracy": "Accuracy (%)"}

# Accuracies are kept as 0 to 1; the axis shows per cent without the sign, which stands in its title.
PERCENT_LABEL = "format(datum.value * 100, '~g')"

# Altair refuses longer DataFrames outside Streamlit, for fear of large notebooks; 71 classes have more cells.
ALTAIR_MAX_ROWS = 5000

MATRIX_SIZE = 620
CELL_SIZES = (12, 46)
SMALLEST_FONT = 6
LARGEST_FONT = 13
# Width of a digit of a sans-serif font, as a share of the font's size.
DIGIT_WIDTH = 0.58


def curves_chart(
    table: pd.DataFrame,
    *,
    measure: Literal["loss", "accuracy"] = "loss",
    held_out_name: str = "validation",
    best_epoch: int | None = None,
    n_epochs: int | None = None,
    log: bool = False,
) -> alt.LayerChart:
    """Draw loss or accuracy over the epochs, a line a part.

    Parameters
    ----------
    table : DataFrame
        ``epoch``, ``part``, ``value`` from :func:`digitcore.evaluation.curves_table`; may be empty.
    measure : {"loss", "accuracy"}
        What the values are.
    held_out_name : str
        The part beside "train"; it keeps its colour and its place in the legend.
    best_epoch : int, optional
        Epoch to mark with a vertical line.
    n_epochs : int, optional
        Epochs asked for. While a training lives it fixes the axis, so that the lines grow and nothing rescales.
    log : bool
        Logarithmic loss axis; a loss of 0 is left out of it.

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
    lines = alt.Chart(table).encode(
        x=_epoch_axis(last),
        y=_measure_axis(measure, log),
        color=alt.Color("part:N", title=None, scale=_part_scale(parts), legend=alt.Legend(orient="top")),
        tooltip=_curve_tooltips(measure),
    )
    # A line of one point is invisible, so its point is drawn; otherwise points only make thin lines easier to hit.
    few = not table.duplicated("part").any()
    layers = [lines.mark_line(strokeWidth=2), lines.mark_point(filled=True, size=70, opacity=1 if few else 0)]
    if best_epoch is not None:
        layers[:0] = _best_epoch_layers(best_epoch)
    description = f"{measure.capitalize()} of the {' and '.join(parts)} parts over {last} epochs."
    return alt.layer(*layers).properties(height=300, description=description)


def confusion_chart(
    table: pd.DataFrame,
    *,
    values: Literal["count", "row_pct"] = "count",
    scale: Literal["linear", "log"] = "linear",
    select: str | None = None,
    cell_size: int | None = None,
) -> alt.LayerChart:
    """Draw a confusion matrix: truth in rows, prediction in columns, the figures in the cells.

    Cells without images show the background, on the logarithmic scale as on the linear one. Past the number of classes
    where figures would be illegible, only colours and tooltips remain.

    Parameters
    ----------
    table : DataFrame
        From :func:`digitcore.evaluation.confusion_table`; the class order is its own.
    values : {"count", "row_pct"}
        What colours and figures say: images, or percentage of the true class's images.
    scale : {"linear", "log"}
        Colour scale. The logarithmic one shows rare mistakes beside the many right answers.
    select : str, optional
        Name of a selection by click (the same cell again clears it) with the fields ``truth`` and ``prediction``.
    cell_size : int, optional
        Side of a cell in pixels; by default the matrix is about 600 pixels wide, fewer for few classes.

    Raises
    ------
    InvalidSetting
        If ``values`` or ``scale`` is unknown or ``cell_size`` is not positive.
    """
    if values not in ("count", "row_pct"):
        raise InvalidSetting(f"values must be count or row_pct, got {values!r}")
    if scale not in ("linear", "log"):
        raise InvalidSetting(f"scale must be linear or log, got {scale!r}")
    if cell_size is not None and cell_size < 1:
        raise InvalidSetting(f"cell_size must be a number of pixels from 1, got {cell_size!r}")
    names = list(dict.fromkeys(table["truth"]))
    cell = cell_size or int(np.clip(MATRIX_SIZE / max(len(names), 1), *CELL_SIZES))
    stops = _color_stops(table[values].to_numpy(dtype=float), scale)
    cells = _cells(table, values, stops, scale)
    font = _figure_font(cells["figure"], cell)
    base = alt.Chart(_data(cells)).encode(
        x=_class_axis("prediction", "Prediction", names, cell),
        y=_class_axis("truth", "Truth", names, cell),
        tooltip=_confusion_tooltips(),
    )
    rectangles = _rectangles(base, values, stops, scale, select)
    layers = [rectangles]
    if font >= SMALLEST_FONT:
        layers.append(
            base.mark_text(fontSize=font, baseline="middle").encode(
                text=alt.Text("figure:N"), color=_given_color("ink", cells["ink"])
            )
        )
    side = cell * max(len(names), 1)
    description = (
        f"Confusion matrix of {len(names)} classes: rows are the truth, columns the prediction, "
        f"cells the {'number' if values == 'count' else 'percentage'} of images."
    )
    return alt.layer(*layers).properties(width=side, height=side, description=description)


def class_balance_chart(table: pd.DataFrame, *, values: Literal["n_images", "share"] = "n_images") -> alt.Chart:
    """Draw how many images each class has, a bar for each part.

    Parameters
    ----------
    table : DataFrame
        ``part``, ``class_name``, ``n_images``, ``share`` (of the part's images, 0 to 1); the class order is its own.
    values : {"n_images", "share"}
        Images, or share of the part's images: shares compare parts of different size.

    Raises
    ------
    InvalidSetting
        If ``values`` is unknown.
    """
    if values not in ("n_images", "share"):
        raise InvalidSetting(f"values must be n_images or share, got {values!r}")
    parts = _parts(table)
    names = list(dict.fromkeys(table["class_name"]))
    if values == "share":
        y = alt.Y("share:Q", title="Share of the part (%)", axis=alt.Axis(labelExpr=PERCENT_LABEL))
    else:
        y = alt.Y("n_images:Q", title="Images")
    return (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("class_name:N", title="Class", sort=names, axis=alt.Axis(labelAngle=_label_angle(names))),
            xOffset=alt.XOffset("part:N", sort=parts),
            y=y,
            color=alt.Color("part:N", title=None, scale=_part_scale(parts), legend=alt.Legend(orient="top")),
            tooltip=[
                alt.Tooltip("class_name:N", title="Class"),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("n_images:Q", title="Images", format=",d"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
        .properties(height=280, description=f"Images of each of {len(names)} classes in the parts {', '.join(parts)}.")
    )


def probability_chart(
    probabilities: np.ndarray, class_names: Sequence[str], *, truth: str | None = None
) -> alt.LayerChart:
    """Draw what a model thinks of one image: a bar a class, the most probable one in the accent colour.

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
            axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], labelExpr=PERCENT_LABEL),
        ),
        tooltip=[
            alt.Tooltip("class_name:N", title="Class"),
            alt.Tooltip("probability:Q", title="Probability", format=".2%"),
        ],
    )
    bars = base.mark_bar().encode(color=_given_color("color", table["color"]))
    figures = base.mark_text(align="left", dx=4, color=palette.MUTED).encode(
        text=alt.Text("probability:Q", format=".1%")
    )
    description = f"Probability of each of {len(names)} classes; the most probable is {top}."
    return alt.layer(bars, figures).properties(height=alt.Step(24), description=description)


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
        ``class_name`` (str), ``probability`` (float, 0 to 1), ``color`` (str).

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
    return pd.DataFrame({"class_name": names, "probability": probabilities.clip(0, 1), "color": colors})


def _epoch_axis(last: int) -> alt.X:
    # Half an epoch of room where the first epoch is also the last, or the axis would have no length.
    domain = [1, last] if last > 1 else [0.5, 1.5]
    return alt.X(
        "epoch:Q",
        title="Epoch",
        scale=alt.Scale(domain=domain, nice=False, zero=False),
        axis=alt.Axis(format="d", tickMinStep=1, grid=False),
    )


def _measure_axis(measure: str, log: bool = False, field: str = "value") -> alt.Y:
    if measure == "accuracy":
        scale, axis = alt.Scale(zero=False, domainMax=1), alt.Axis(labelExpr=PERCENT_LABEL)
    else:
        scale, axis = alt.Scale(type="log" if log else "linear", zero=not log), alt.Axis(format="~g")
    return alt.Y(f"{field}:Q", title=AXIS_TITLES[measure], scale=scale, axis=axis)


def _parts(table: pd.DataFrame) -> list[str]:
    """The parts of a table: those of the palette in its order, then the others as they come."""
    present = set(table["part"])
    parts = [part for part in palette.PART_ORDER if part in present]
    return parts + [part for part in dict.fromkeys(table["part"]) if part not in parts]


def _part_scale(parts: list[str]) -> alt.Scale:
    return alt.Scale(domain=parts, range=[palette.part_color(part) for part in parts])


def _curve_tooltips(measure: str) -> list[alt.Tooltip]:
    value_format = ".2%" if measure == "accuracy" else ".4f"
    return [
        alt.Tooltip("epoch:Q", title="Epoch", format="d"),
        alt.Tooltip("part:N", title="Part"),
        alt.Tooltip("value:Q", title=measure.capitalize(), format=value_format),
    ]


def _best_epoch_layers(best_epoch: int) -> list[alt.Chart]:
    base = alt.Chart(pd.DataFrame({"epoch": [best_epoch], "label": [f"best: epoch {best_epoch}"]})).encode(
        x=alt.X("epoch:Q"), tooltip=[alt.Tooltip("label:N", title="Best epoch")]
    )
    rule = base.mark_rule(color=palette.MUTED, strokeDash=[4, 4], strokeWidth=1.5)
    words = base.mark_text(color=palette.MUTED, align="right", dx=-5, baseline="top").encode(
        y=alt.value(4), text=alt.Text("label:N")
    )
    return [rule, words]


def _color_stops(figures: np.ndarray, scale: str) -> np.ndarray:
    """Values, ascending, at which the colours of the palette stand; even steps, of the logarithm on the log scale."""
    positive = figures[figures > 0]  # NaN is not above 0
    most = positive.max() if len(positive) else 1.0
    n_stops = len(palette.SEQUENTIAL_STOPS)
    if scale == "linear":
        return np.linspace(0, most, n_stops)
    least = positive.min() if len(positive) else 1.0
    if least == most:  # one value only: it takes the darkest colour
        least = most / 10
    return np.geomspace(least, most, n_stops)


def _cells(table: pd.DataFrame, values: str, stops: np.ndarray, scale: str) -> pd.DataFrame:
    """The table with what each cell shows: its figure, and white or black ink, whichever reads better on its colour."""
    shown = table[values].to_numpy(dtype=float)
    cells = table[["truth", "prediction", "count", "row_pct"]].copy()
    cells["filled"] = shown > 0
    if values == "count":
        cells["figure"] = [f"{value:.0f}" for value in shown]
    else:
        cells["figure"] = ["" if np.isnan(value) else f"{value:.1f}" if value else "0" for value in shown]
    inks = _inks(shown, stops, scale)
    cells["ink"] = np.where(cells["filled"], inks, palette.MUTED)
    return cells


def _inks(
    figures: np.ndarray, stops: np.ndarray, scale: str, colors: Sequence[str] = palette.SEQUENTIAL_STOPS
) -> list[str]:
    if scale == "log":
        figures, stops = np.log(np.where(figures > 0, figures, stops[0])), np.log(stops)
    channels = np.array([palette.rgb(color) for color in colors], dtype=float).T
    backgrounds = np.stack([np.interp(figures, stops, channel) for channel in channels], axis=-1)
    black, white = (0, 0, 0), (255, 255, 255)
    return [
        "#000000" if palette.contrast(tuple(color), black) > palette.contrast(tuple(color), white) else "#ffffff"
        for color in backgrounds
    ]


def _figure_font(figures: pd.Series, cell: int) -> int:
    longest = int(figures.str.len().max()) if len(figures) else 1
    return int(min(LARGEST_FONT, 0.5 * cell, 0.9 * cell / (DIGIT_WIDTH * max(longest, 1))))


def _class_axis(field: str, title: str, names: list[str], cell: int) -> alt.X | alt.Y:
    channel = alt.X if field == "prediction" else alt.Y
    axis = alt.Axis(
        labelFontSize=int(np.clip(0.7 * cell, SMALLEST_FONT, LARGEST_FONT)),
        labelAngle=_label_angle(names) if field == "prediction" else 0,
        labelLimit=120,
        # With few pixels a class every name would overlap; every nth stays.
        labelOverlap=True,
        ticks=False,
        domain=False,
        grid=False,
    )
    return channel(f"{field}:N", title=title, sort=names, scale=alt.Scale(domain=names, paddingInner=0.04), axis=axis)


def _label_angle(names: list[str]) -> int:
    """Short names stand upright under a column, long ones lean."""
    return 0 if max((len(name) for name in names), default=0) <= 3 else -45


def _given_color(field: str, values: pd.Series) -> alt.Color:
    """Colours that stand in the table as they are. A scale of None says the same, but breaks Streamlit's renderer."""
    colors = sorted(set(values))
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=colors, range=colors), legend=None)


def _rectangles(base: alt.Chart, values: str, stops: np.ndarray, scale: str, select: str | None) -> alt.Chart:
    colors = alt.Color(
        f"{values}:Q",
        title="Images" if values == "count" else "Images of the class (%)",
        scale=alt.Scale(
            type=scale, domain=[float(stop) for stop in stops], range=list(palette.SEQUENTIAL_STOPS), interpolate="rgb"
        ),
        legend=alt.Legend(gradientLength=200),
    )
    # invalid=None keeps the cells of a class without images, whose percentage is NaN.
    rectangles = base.mark_rect(invalid=None, cursor="pointer" if select else alt.Undefined).encode(
        color=alt.when("datum.filled").then(colors).otherwise(alt.value("transparent"))
    )
    if select is None:
        return rectangles
    # A click on the cell that is chosen lets go of it; a click on another one chooses that instead.
    again = f"vlSelectionTest('{select}_store', datum)"
    cell = alt.selection_point(name=select, fields=["truth", "prediction"], on="click", clear="dblclick", toggle=again)
    outline = alt.when(cell, empty=False)
    return rectangles.encode(
        stroke=outline.then(alt.value(palette.WRONG_RED)).otherwise(alt.value(None)),
        strokeWidth=outline.then(alt.value(3)).otherwise(alt.value(0)),
    ).add_params(cell)


def _confusion_tooltips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("truth:N", title="Truth"),
        alt.Tooltip("prediction:N", title="Prediction"),
        alt.Tooltip("count:Q", title="Images", format=",d"),
        alt.Tooltip("row_pct:Q", title="Share of the class (%)", format=".2f"),
    ]


def _data(table: pd.DataFrame) -> Any:
    """The table as it is, or as plain records where altair would refuse its length."""
    if len(table) <= ALTAIR_MAX_ROWS:
        return table
    return alt.InlineData(values=table.astype(object).where(table.notna(), None).to_dict("records"))


def _bar_color(name: str, top: str, truth: str | None) -> str:
    if truth is not None and name == truth:
        return palette.ACCENT
    if name == top:
        return palette.ACCENT if truth is None else palette.WRONG_RED
    return palette.MUTED
