"""Charts of experiments, many trainings together: folds, sweeps, learning curves, comparisons with published figures.

In all tables accuracies and scores are shares from 0 to 1, ``n`` is the number of trainings behind a row, and ``low``
to ``high`` is the spread about the ``mean``. Where the spread is NaN, as for a single training, the mean stands alone.
Every table may be empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from digitcore import palette
from digitcore.charts.results import (
    AXIS_TITLES,
    CELL_SIZES,
    MATRIX_SIZE,
    PERCENT_LABEL,
    SMALLEST_FONT,
    _class_axis,
    _data,
    _epoch_axis,
    _figure_font,
    _given_color,
    _inks,
    _measure_axis,
    _part_scale,
    _parts,
)
from digitcore.errors import InvalidSetting

Spread = Literal["band", "bars"]
SPREADS = ("band", "bars")
SWEEP_SCALES = ("linear", "log", "nominal")
SOURCES = ("published", "here")

HEIGHT = 300
MOST_BARS = 30
# With the names of the rows beside it, a heat map is then about 620 pixels wide.
HEAT_WIDTH = 520
LARGEST_HEAT_CELL = 84
HEAT_ROW = 36
# From this ratio of the highest to the lowest value on, an axis of parallel coordinates is logarithmic.
LOG_RATIO = 50
# More lines than this are fainter, so that labels and thick places show.
FEW_LINES = 30
LABEL_STEP = 14
TALLEST_PARALLEL = 640
# The lightest and the darkest colour of the sequence would vanish as lines, each on one of the two backgrounds.
LINE_STOPS = palette.SEQUENTIAL_STOPS[1:4]
SCORE_TITLE = "Accuracy (%)"

_FIGURE_TITLES = {"mean": "Mean", "sd": "Standard deviation", "low": "Spread from", "high": "to"}


def fold_curves_chart(
    table: pd.DataFrame,
    *,
    measure: Literal["loss", "accuracy"] = "accuracy",
    held_out_name: str = "validation",
    spread: Spread = "band",
    n_epochs: int | None = None,
) -> alt.LayerChart:
    """Draw the mean loss or accuracy of several folds over the epochs, a line a part, with its spread.

    Parameters
    ----------
    table : DataFrame
        ``epoch``, ``part`` ("train" or ``held_out_name``), ``mean``, ``sd``, ``low``, ``high``, ``n``.
    measure : {"loss", "accuracy"}
        What the figures are.
    held_out_name : str
        The part beside "train".
    spread : {"band", "bars"}
        Band, or error bars: of many epochs about 30 get one.
    n_epochs : int, optional
        Epochs asked for; fixes the axis.

    Raises
    ------
    InvalidSetting
        If ``measure`` or ``spread`` is unknown.
    """
    _check("measure", measure, tuple(AXIS_TITLES))
    _check("spread", spread, SPREADS)
    last = n_epochs or int(table["epoch"].max() if len(table) else 1)
    parts = ["train", held_out_name]
    shared = {"x": _epoch_axis(last), "color": _color("part", parts), "tooltip": _curve_tooltips(measure, "part")}
    spread_rows = _with_spread(_thinned(table) if spread == "bars" else table)
    bounds = alt.Chart(_data(spread_rows)).encode(y=_measure_axis(measure, field="low"), **shared)
    means = alt.Chart(_data(table)).encode(y=_measure_axis(measure, field="mean"), **shared)
    description = (
        f"Mean {measure} of the {' and '.join(parts)} parts over {last} epochs, with the spread over the folds."
    )
    return alt.layer(_spread_layer(bounds, spread), *_line_layers(means, table, "part")).properties(
        height=HEIGHT, description=description
    )


def fold_scores_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw the accuracy of every fold, a point a part; dashed lines are the parts' means.

    Parameters
    ----------
    table : DataFrame
        ``member`` (text such as "fold 1"; the order is the table's), ``part``, ``accuracy``.
    """
    members, parts = _texts(table["member"]), _parts(table)
    color = _color("part", parts)
    means = table.groupby("part", as_index=False)["accuracy"].mean()
    axis = alt.Axis(labelAngle=_angle(members), labelOverlap=True, grid=False)
    figure = alt.Tooltip("accuracy:Q", title="Accuracy", format=".2%")
    points = (
        alt.Chart(table)
        .mark_point(filled=True, size=70, opacity=1)
        .encode(
            x=alt.X("member:N", title=None, sort=members, scale=alt.Scale(domain=members), axis=axis),
            y=_score_axis("accuracy", SCORE_TITLE, table["accuracy"]),
            color=color,
            tooltip=[alt.Tooltip("member:N", title="Fold"), alt.Tooltip("part:N", title="Part"), figure],
        )
    )
    rules = (
        alt.Chart(means)
        .mark_rule(strokeDash=[4, 4], strokeWidth=1.5)
        .encode(
            y=_score_axis("accuracy", SCORE_TITLE, table["accuracy"]),
            color=color,
            tooltip=[alt.Tooltip("part:N", title="Mean of"), figure],
        )
    )
    description = f"Accuracy of {len(members)} folds on the parts {', '.join(parts)}; dashed lines are the means."
    return alt.layer(rules, points).properties(height=HEIGHT, description=description)


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
    _check("scale", scale, SWEEP_SCALES)
    if scale == "log" and len(table) and not (table["value"] > 0).all():
        raise InvalidSetting(
            f"scale must be linear or nominal for values of 0 or less: {title} goes down to {table['value'].min():g}"
        )
    nominal = scale == "nominal"
    colors = [palette.ACCENT if best else palette.MUTED for best in table["best"]]
    shown = table.assign(color=colors, value=[str(value) for value in table["value"]] if nominal else table["value"])
    x = _name_axis("value", title, shown["value"]) if nominal else _number_axis("value", title, scale)
    y, marks = _measured(shown, score_title, x, [alt.Tooltip("value", type="nominal", title=title)])
    sizes = alt.when(alt.datum.best).then(alt.value(130)).otherwise(alt.value(60))
    marks[-1] = marks[-1].encode(size=sizes)
    marks = [mark.encode(color=_given_color("color", shown["color"])) for mark in marks]
    line = alt.Chart(shown).mark_line(color=palette.MUTED, strokeWidth=1).encode(x=x, y=y)
    description = f"{score_title} against {title}, {len(shown)} values with their spread; the best one stands out."
    return alt.layer(*([] if nominal else [line]), *marks).properties(height=HEIGHT, description=description)


def sweep_heat_chart(
    table: pd.DataFrame, *, x_title: str, y_title: str, score_title: str = SCORE_TITLE
) -> alt.LayerChart:
    """Draw the score against two settings as coloured cells with the mean in per cent.

    Parameters
    ----------
    table : DataFrame
        ``x``, ``y`` (texts in order of appearance), ``mean``, ``sd``, ``n``. A cell whose mean is NaN stays empty.
    x_title, y_title : str
        Of the two settings.
    score_title : str
        Of the score, with its unit.
    """
    columns, rows = _texts(table["x"]), _texts(table["y"])
    filled = table[table["mean"].notna()]
    stops = _even_stops(filled["mean"], len(palette.SEQUENTIAL_STOPS))
    figures = [f"{100 * mean:.1f}" for mean in filled["mean"]]
    filled = filled.assign(figure=figures, ink=_inks(filled["mean"].to_numpy(dtype=float), stops, "linear"))
    width = int(min(HEAT_WIDTH, LARGEST_HEAT_CELL * max(len(columns), 1)))
    font = min(_figure_font(filled["figure"], width // max(len(columns), 1)), HEAT_ROW // 2)
    base = alt.Chart(filled).encode(
        x=_cell_axis(alt.X("x:N", title=x_title, sort=columns), columns, _angle(columns, width)),
        y=_cell_axis(alt.Y("y:N", title=y_title, sort=rows), rows, 0),
        tooltip=[
            alt.Tooltip("x:N", title=x_title),
            alt.Tooltip("y:N", title=y_title),
            *_figures(".2%", "mean", "sd"),
            _trainings(),
        ],
    )
    legend = alt.Legend(orient="top", gradientLength=200, labelExpr=PERCENT_LABEL, titleLimit=300)
    color = alt.Color("mean:Q", title=score_title, scale=_cell_scale(stops, palette.SEQUENTIAL_STOPS), legend=legend)
    layers = [base.mark_rect().encode(color=color), *_cell_figures(base, font)]
    description = f"{score_title} in {len(rows)} rows of {y_title} and {len(columns)} columns of {x_title}."
    # Steps, not a height: a page would take the axes and the legend out of that.
    step = alt.Step(width // max(len(columns), 1))
    return alt.layer(*layers).properties(width=step, height=alt.Step(HEAT_ROW), description=description)


def parallel_chart(table: pd.DataFrame, axes: Sequence[tuple[str, str]]) -> alt.LayerChart:
    """Draw every row as a line across parallel axes, coloured by its score; the best line is the thick one.

    Numbers are scaled from the lowest at the bottom to the highest at the top, logarithmically where all are positive
    and the highest is above 50 times the lowest; texts stand in order of appearance from the bottom up. Rows without a
    score are left out; a missing value breaks its line.

    Parameters
    ----------
    table : DataFrame
        The columns of ``axes`` (numbers or texts) and ``score``; a row a training.
    axes : sequence of (column, title)
        The axes from left to right. The score's, always linear, is put at the end.

    Raises
    ------
    InvalidSetting
        If ``table`` lacks a column that ``axes`` names.
    """
    missing = [column for column, _ in axes if column not in table]
    if missing:
        raise InvalidSetting(f"axes must name columns of the table: it has no {', '.join(map(repr, missing))}")
    axes = [*((column, title) for column, title in axes if column != "score"), ("score", SCORE_TITLE)]
    scored = table[table["score"].notna()]
    places = [_axis_positions(scored[column], log_allowed=column != "score") for column, _ in axes]
    labels = [
        _axis_labels(scored[column], place, column == "score") for (column, _), place in zip(axes, places, strict=True)
    ]
    # The best is drawn last, above the others.
    order = np.argsort(scored["score"].to_numpy(dtype=float), kind="stable")
    ranked, places = scored.iloc[order], [place[order] for place in places]
    titles = [title for _, title in axes]
    x = alt.X(
        "axis:N",
        title=None,
        sort=titles,
        scale=alt.Scale(domain=titles, padding=0.35),
        axis=alt.Axis(orient="top", offset=18, labelAngle=0, labelLimit=130, domain=False, ticks=False),
    )
    layers = [
        alt.Chart(pd.DataFrame({"axis": titles, "position": 0, "top": 1}))
        .mark_rule(color=palette.MUTED, strokeWidth=1)
        .encode(x=x, y=_position_axis(), y2="top"),
        *_parallel_lines(_parallel_rows(ranked, axes, places), x, axes),
        *_parallel_labels(labels, titles, x),
    ]
    most = max(len(label) for label in labels)
    height = int(np.clip(LABEL_STEP * most, HEIGHT, TALLEST_PARALLEL))
    description = f"{len(ranked)} trainings as lines across the axes {', '.join(titles)}; the best one is thick."
    return alt.layer(*layers).properties(height=height, description=description)


def importance_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw how much each setting matters, the largest first.

    Parameters
    ----------
    table : DataFrame
        ``title``, ``importance`` (0 to 1, together 1), ``sd``. A setting without an importance (NaN) has no bar.
    """
    shown = table.sort_values("importance", ascending=False, kind="stable", na_position="last")
    deviations = shown["sd"].fillna(0)
    shown = shown.assign(low=(shown["importance"] - deviations).clip(0), high=shown["importance"] + deviations)
    names = _texts(shown["title"])
    most = shown["high"].max() if shown["high"].notna().any() else 1.0
    # Room for the figure at the end of the longest bar.
    x = alt.X(
        "importance:Q",
        title="Importance (%)",
        scale=alt.Scale(domain=[0, 1.15 * (float(most) or 1.0)], nice=False),
        axis=alt.Axis(labelExpr=PERCENT_LABEL, tickCount=6),
    )
    base = alt.Chart(shown).encode(
        x=x,
        y=alt.Y(
            "title:N", title=None, sort=names, scale=alt.Scale(domain=names), axis=alt.Axis(labelLimit=200, ticks=False)
        ),
        tooltip=[alt.Tooltip("title:N", title="Setting"), *_importance_tooltips()],
    )
    spread = alt.Chart(_with_spread(shown)).encode(
        y=base.encoding.y, x=alt.X("low:Q", title="Importance (%)"), x2="high", tooltip=base.encoding.tooltip
    )
    figures = base.mark_text(align="left", dx=6, color=palette.MUTED).encode(
        x="high:Q", text=alt.Text("importance:Q", format=".1%")
    )
    bars = base.mark_bar(color=palette.ACCENT, opacity=0.75)
    description = f"Importance of {len(names)} settings, the largest first."
    return alt.layer(bars, spread.mark_errorbar(ticks={"size": 8}, color=palette.MUTED), figures).properties(
        height=alt.Step(28), description=description
    )


def learning_curve_chart(
    table: pd.DataFrame, *, held_out_name: str = "validation", spread: Spread = "band"
) -> alt.LayerChart:
    """Draw the accuracy against the number of training images; the gap between the parts is lightly shaded.

    Parameters
    ----------
    table : DataFrame
        ``n_train``, ``part`` ("train" or ``held_out_name``), ``mean``, ``low``, ``high``, ``n``.
    held_out_name : str
        The part beside "train".
    spread : {"band", "bars"}
        Band or error bars.

    Raises
    ------
    InvalidSetting
        If ``spread`` is unknown.
    """
    _check("spread", spread, SPREADS)
    parts = ["train", held_out_name]
    x = _size_axis(table["n_train"])
    tooltip = [
        alt.Tooltip("n_train:Q", title="Training images", format=",d"),
        alt.Tooltip("part:N", title="Part"),
        *_figures(".2%", "mean", "low", "high"),
        _trainings(),
    ]
    shared = {"x": x, "color": _color("part", parts), "tooltip": tooltip}
    bounds = alt.Chart(_with_spread(table)).encode(y=_measure_axis("accuracy", field="low"), **shared)
    means = alt.Chart(table).encode(y=_measure_axis("accuracy", field="mean"), **shared)
    layers = [
        *_gap_layers(_gaps(table, held_out_name), x),
        _spread_layer(bounds, spread),
        means.mark_line(strokeWidth=2),
        means.mark_point(filled=True, size=60, opacity=1),
    ]
    sizes = table["n_train"].nunique()
    description = (
        f"Accuracy of the {' and '.join(parts)} parts for {sizes} numbers of training images; the gap is shaded."
    )
    return alt.layer(*layers).properties(height=HEIGHT, description=description)


def rate_range_chart(table: pd.DataFrame, *, suggested: float | None = None) -> alt.LayerChart:
    """Draw the loss while the learning rate rises, raw and smoothed.

    The loss axis ends at twice the first smoothed loss: the divergence at the end leaves the chart.

    Parameters
    ----------
    table : DataFrame
        ``learning_rate``, ``loss``, ``smoothed``; a row a batch.
    suggested : float, optional
        Learning rate to mark.

    Raises
    ------
    InvalidSetting
        If ``suggested`` is not positive.
    """
    if suggested is not None and not suggested > 0:
        raise InvalidSetting(f"suggested must be a learning rate above 0, got {suggested!r}")
    axis = alt.Axis(format="~g", grid=False, labelOverlap=True, tickCount=8)
    x = alt.X("learning_rate:Q", title="Learning rate", scale=alt.Scale(type="log", nice=False), axis=axis)
    names = ["every batch", "smoothed"]
    scale = alt.Scale(domain=names, range=[palette.MUTED, palette.ACCENT])
    limits = alt.Scale(domain=_loss_limits(table), nice=False)
    layers = []
    for name, column, look in (
        ("every batch", "loss", {"strokeWidth": 1, "opacity": 0.6}),
        ("smoothed", "smoothed", {"strokeWidth": 2.5}),
    ):
        y = alt.Y(f"{column}:Q", title=AXIS_TITLES["loss"], scale=limits, axis=alt.Axis(format="~g"))
        color = alt.Color("line:N", title=None, scale=scale, legend=alt.Legend(orient="top"))
        lines = alt.Chart(_data(table)).transform_calculate(line=f"'{name}'").mark_line(clip=True, **look)
        layers.append(lines.encode(x=x, y=y, color=color))
    hits = alt.Chart(_data(table)).mark_point(size=40, opacity=0, clip=True)
    layers.append(hits.encode(x=x, y=alt.Y("smoothed:Q", scale=limits), tooltip=_rate_tooltips()))
    if suggested is not None:
        layers += _suggestion_layers(suggested, table["learning_rate"], x)
    description = "Loss against the learning rate, raw and smoothed" + (
        f"; the suggested rate is {suggested:.3g}." if suggested is not None else "."
    )
    return alt.layer(*layers).properties(height=HEIGHT, description=description)


def published_chart(table: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """Draw published accuracies as hollow diamonds beside the measured ones with their error bars.

    Parameters
    ----------
    table : DataFrame
        ``label`` (the order is the table's), ``published``, ``mean``, ``low``, ``high``, ``n``.
    title : str
        What the labels are.
    """
    names = _texts(table["label"])
    x = _name_axis("label", title, table["label"])
    given = alt.Tooltip("published:Q", title="Published", format=".2%")
    _, marks = _measured(table, SCORE_TITLE, x, [alt.Tooltip("label:N", title=title), given], also=("published",))
    published = (
        alt.Chart(table)
        .mark_point(filled=False, size=90, strokeWidth=2, opacity=1)
        .encode(
            x=x,
            y=_score_axis("published", SCORE_TITLE, *_ranges(table, "published")),
            tooltip=marks[-1].encoding.tooltip,
        )
    )
    layers = [_of_source(published, "published"), *(_of_source(mark, "here") for mark in marks)]
    description = f"Accuracies published for {len(names)} values of {title}, beside those measured here."
    return alt.layer(*layers).properties(height=HEIGHT, description=description)


def published_curve_chart(table: pd.DataFrame, *, measure: Literal["loss", "accuracy"]) -> alt.LayerChart:
    """Draw a published curve beside the one measured here, which has a band.

    Parameters
    ----------
    table : DataFrame
        ``epoch``, ``source`` ("published" or "here"), ``mean``, ``low``, ``high``.
    measure : {"loss", "accuracy"}
        What the figures are.

    Raises
    ------
    InvalidSetting
        If ``measure`` is unknown.
    """
    _check("measure", measure, tuple(AXIS_TITLES))
    last = int(table["epoch"].max() if len(table) else 1)
    form = ".2%" if measure == "accuracy" else ".4f"
    tooltip = [
        alt.Tooltip("epoch:Q", title="Epoch", format="d"),
        alt.Tooltip("source:N", title="Source"),
        *_figures(form, "mean", "low", "high"),
    ]
    shared = {"x": _epoch_axis(last), "color": _source_color("source:N"), "tooltip": tooltip}
    spread_rows = _with_spread(table[table["source"] == "here"])
    bounds = alt.Chart(_data(spread_rows)).encode(y=_measure_axis(measure, field="low"), **shared)
    means = alt.Chart(_data(table)).encode(y=_measure_axis(measure, field="mean"), **shared)
    description = f"Published {measure} of every epoch beside the one measured here, over {last} epochs."
    return alt.layer(_spread_layer(bounds, "band"), *_line_layers(means, table, "source")).properties(
        height=HEIGHT, description=description
    )


def confusion_difference_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draw how a confusion matrix differs from a published one: blue is more here, orange less.

    Parameters
    ----------
    table : DataFrame
        ``truth``, ``prediction``, ``published``, ``here`` (both per cent of the true class's images) and their
        ``difference`` (``here`` minus ``published``); the class order is its own.
    """
    names = _texts(table["truth"])
    cell = int(np.clip(MATRIX_SIZE / max(len(names), 1), *CELL_SIZES))
    differences = table["difference"].to_numpy(dtype=float)
    most = np.nanmax(np.abs(differences), initial=0) or 1.0
    stops = np.linspace(-most, most, len(palette.DIVERGING_STOPS))
    shown = table.assign(
        figure=[f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "" for value in differences],
        ink=_inks(differences, stops, "linear", palette.DIVERGING_STOPS),
    )[table["difference"].notna()]
    base = alt.Chart(_data(shown)).encode(
        x=_class_axis("prediction", "Prediction", names, cell),
        y=_class_axis("truth", "Truth", names, cell),
        tooltip=[
            alt.Tooltip("truth:N", title="Truth"),
            alt.Tooltip("prediction:N", title="Prediction"),
            alt.Tooltip("published:Q", title="Published (% of the class)", format=".2f"),
            alt.Tooltip("here:Q", title="Here (% of the class)", format=".2f"),
            alt.Tooltip("difference:Q", title="Difference (points)", format="+.2f"),
        ],
    )
    legend = alt.Legend(orient="top", gradientLength=200, format="+~g", titleLimit=300)
    color = alt.Color(
        "difference:Q",
        title="Here − published (points)",
        scale=_cell_scale(stops, palette.DIVERGING_STOPS),
        legend=legend,
    )
    layers = [base.mark_rect().encode(color=color), *_cell_figures(base, _figure_font(shown["figure"], cell))]
    description = f"Difference of two confusion matrices of {len(names)} classes in points, here minus published."
    # Steps, as in a heat map: a page would take axes and legend out of a width.
    return alt.layer(*layers).properties(width=alt.Step(cell), height=alt.Step(cell), description=description)


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidSetting(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def _texts(values: pd.Series) -> list[str]:
    """Every value once, in order of appearance."""
    return list(dict.fromkeys(str(value) for value in values))


def _angle(names: list[str], width: int = HEAT_WIDTH) -> int:
    """Names that fit beside each other stand upright, others lean."""
    longest = max((len(name) for name in names), default=0)
    return 0 if 7 * (longest + 1) * len(names) <= width else -45


def _with_spread(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a spread to draw."""
    columns = [name for name in ("sd", "low", "high") if name in table]
    return table[table[columns].notna().all(axis="columns")]


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of at most 30 epochs, evenly spaced from the first to the last."""
    epochs = np.unique(table["epoch"].to_numpy(dtype=float))
    kept = epochs[np.linspace(0, len(epochs) - 1, min(MOST_BARS, len(epochs))).round().astype(int)]
    return table[table["epoch"].isin(kept)]


def _spread_layer(bounds: alt.Chart, spread: str) -> alt.Chart:
    """The spread of a chart whose ``y`` is its lower end."""
    bounds = bounds.encode(y2="high")
    if spread == "band":
        # A tooltip of an area would show its first row wherever it is touched.
        return bounds.mark_area(opacity=0.2, clip=True).encode(tooltip=alt.value(None))
    return bounds.mark_errorbar(clip=True, ticks={"size": 8}, rule={"strokeWidth": 1.5})


def _line_layers(means: alt.Chart, table: pd.DataFrame, column: str) -> list[alt.Chart]:
    # A line of one point is invisible, so its point is drawn; otherwise points only carry the tooltips.
    few = not table.duplicated(column).any()
    points = means.mark_point(filled=True, size=70, opacity=1 if few else 0)
    return [means.mark_line(strokeWidth=2).encode(tooltip=alt.value(None)), points]


def _color(column: str, parts: list[str]) -> alt.Color:
    # The legend stands for line and spread; without this it would be as faint as the spread.
    legend = alt.Legend(orient="top", symbolOpacity=1)
    return alt.Color(f"{column}:N", title=None, scale=_part_scale(parts), legend=legend)


def _source_color(field: str) -> alt.Color:
    scale = alt.Scale(domain=list(SOURCES), range=[palette.MUTED, palette.ACCENT])
    return alt.Color(field, title=None, scale=scale, legend=alt.Legend(orient="top"))


def _figures(form: str, *columns: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:Q", title=_FIGURE_TITLES[column], format=form) for column in columns]


def _trainings() -> alt.Tooltip:
    return alt.Tooltip("n:Q", title="Trainings", format="d")


def _curve_tooltips(measure: str, column: str) -> list[alt.Tooltip]:
    form = ".2%" if measure == "accuracy" else ".4f"
    return [
        alt.Tooltip("epoch:Q", title="Epoch", format="d"),
        alt.Tooltip(f"{column}:N", title=column.capitalize()),
        *_figures(form, "mean", "sd", "low", "high"),
        _trainings(),
    ]


def _ranges(table: pd.DataFrame, *also: str) -> list[pd.Series]:
    return [table[column] for column in ("mean", "low", "high", *also)]


def _score_axis(field: str, title: str, *shown: pd.Series) -> alt.Y:
    """A per cent axis as wide as what it shows, but never above 100."""
    above = any((values > 1).any() for values in shown)
    scale = alt.Scale(zero=False, domainMax=1) if above else alt.Scale(zero=False)
    return alt.Y(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(labelExpr=PERCENT_LABEL))


def _measured(
    table: pd.DataFrame, score_title: str, x: alt.X, names: list[alt.Tooltip], also: tuple[str, ...] = ()
) -> tuple[alt.Y, list[alt.Chart]]:
    """The axis of the score, and error bars and points of what was measured."""
    ranges = _ranges(table, *also)
    tooltip = [*names, *_figures(".2%", "mean", "low", "high"), _trainings()]
    y = _score_axis("mean", score_title, *ranges)
    bars = alt.Chart(_with_spread(table)).encode(x=x, y=_score_axis("low", score_title, *ranges), tooltip=tooltip)
    points = alt.Chart(table).mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, tooltip=tooltip)
    return y, [_spread_layer(bars, "bars"), points]


def _name_axis(field: str, title: str, values: pd.Series) -> alt.X:
    names = _texts(values)
    axis = alt.Axis(labelAngle=_angle(names), labelLimit=160, grid=False)
    return alt.X(f"{field}:N", title=title, sort=names, scale=alt.Scale(domain=names), axis=axis)


def _number_axis(field: str, title: str, scale: str) -> alt.X:
    kind = alt.Scale(type="log", nice=False, padding=12) if scale == "log" else alt.Scale(zero=False, padding=12)
    return alt.X(f"{field}:Q", title=title, scale=kind, axis=alt.Axis(format="~g", grid=False, labelOverlap=True))


def _even_stops(values: pd.Series, n_stops: int) -> np.ndarray:
    """Even steps from the lowest to the highest value; a value alone takes the darkest colour."""
    known = values.dropna().to_numpy(dtype=float)
    if not len(known):
        return np.linspace(0, 1, n_stops)
    low, high = known.min(), known.max()
    return np.linspace(low if low < high else high - 0.01, high, n_stops)


def _cell_scale(stops: np.ndarray, colors: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=[float(stop) for stop in stops], range=list(colors), interpolate="rgb")


def _cell_axis(channel: Any, names: list[str], angle: int) -> Any:
    axis = alt.Axis(labelAngle=angle, labelLimit=90, labelOverlap=True, ticks=False, domain=False, grid=False)
    channel.axis, channel.scale = axis, alt.Scale(domain=names, paddingInner=0.04)
    return channel


def _cell_figures(base: alt.Chart, font: int) -> list[alt.Chart]:
    """The layer of the figures, where they are legible."""
    if font < SMALLEST_FONT:
        return []
    ink = alt.when(alt.datum.ink == "#ffffff").then(alt.value("#ffffff")).otherwise(alt.value("#000000"))
    return [base.mark_text(fontSize=font, baseline="middle").encode(text=alt.Text("figure:N"), color=ink)]


def _is_numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _axis_positions(values: pd.Series, *, log_allowed: bool) -> np.ndarray:
    """Where the values stand on their axis, 0 (bottom) to 1; the only value stands in the middle."""
    if not _is_numeric(values):
        order = {name: place for place, name in enumerate(_texts(values.dropna()))}
        figures = np.array([order.get(str(value), np.nan) for value in values], dtype=float)
    else:
        figures = values.to_numpy(dtype=float, na_value=np.nan)
        known = figures[~np.isnan(figures)]
        if log_allowed and len(known) and known.min() > 0 and known.max() / known.min() > LOG_RATIO:
            figures = np.log(figures)
    if np.isnan(figures).all():
        return figures
    low, high = np.nanmin(figures), np.nanmax(figures)
    return (figures - low) / (high - low) if high > low else figures - low + 0.5


def _axis_labels(values: pd.Series, positions: np.ndarray, percent: bool) -> pd.DataFrame:
    """What is written beside an axis: every category, or the lowest and the highest number."""
    numeric = _is_numeric(values)
    form = (lambda value: f"{100 * value:.2f}") if percent else _number if numeric else str
    labels = pd.DataFrame({"position": positions, "label": [form(value) for value in values]}).dropna()
    labels = labels.drop_duplicates("position").sort_values("position")
    if numeric:
        labels = labels[labels["position"].isin([labels["position"].min(), labels["position"].max()])]
        return labels.assign(place=labels["position"].map({0.0: "below", 1.0: "above"}).fillna("beside"))
    every = int(np.ceil(LABEL_STEP * len(labels) / TALLEST_PARALLEL)) or 1
    return labels.iloc[::every].assign(place="beside")


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _parallel_rows(ranked: pd.DataFrame, axes: list[tuple[str, str]], places: list[np.ndarray]) -> pd.DataFrame:
    """A row for every training and axis, each with all figures of the training as texts."""
    count = len(ranked)
    whole = pd.DataFrame({"row": range(count), "score": ranked["score"].to_numpy()})
    for number, (column, _) in enumerate(axes[:-1]):
        form = _number if _is_numeric(ranked[column]) else str
        whole[f"figure_{number}"] = ["" if pd.isna(value) else form(value) for value in ranked[column]]
    whole["best"] = whole["row"] == count - 1
    return pd.concat(
        [whole.assign(axis=title, position=place) for (_, title), place in zip(axes, places, strict=True)],
        ignore_index=True,
    )


def _parallel_lines(rows: pd.DataFrame, x: alt.X, axes: list[tuple[str, str]]) -> list[alt.Chart]:
    stops = _even_stops(rows["score"], len(LINE_STOPS))
    tooltip = [alt.Tooltip(f"figure_{number}:N", title=title) for number, (_, title) in enumerate(axes[:-1])]
    base = alt.Chart(_data(rows)).encode(
        x=x,
        y=_position_axis(),
        detail="row:N",
        color=alt.Color("score:Q", scale=_cell_scale(stops, LINE_STOPS), legend=None),
        tooltip=[*tooltip, alt.Tooltip("score:Q", title="Accuracy", format=".2%")],
    )
    few = rows["row"].nunique() <= FEW_LINES
    lines = base.mark_line().encode(
        strokeWidth=alt.when(alt.datum.best).then(alt.value(4)).otherwise(alt.value(1.5)),
        opacity=alt.when(alt.datum.best).then(alt.value(1)).otherwise(alt.value(0.7 if few else 0.3)),
    )
    return [lines, base.mark_point(filled=True, size=30, opacity=0.9)]


def _position_axis() -> alt.Y:
    return alt.Y("position:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))


def _parallel_labels(labels: list[pd.DataFrame], titles: list[str], x: alt.X) -> list[alt.Chart]:
    looks = {
        "below": {"baseline": "top", "dy": 8},
        "above": {"baseline": "bottom", "dy": -6},
        # Over the point: to its sides the lines would cross the words out.
        "beside": {"baseline": "bottom", "dy": -7, "fontWeight": "bold"},
    }
    written = pd.concat([label.assign(axis=title) for label, title in zip(labels, titles, strict=True)])
    return [
        alt.Chart(written[written["place"] == place])
        .mark_text(color=palette.MUTED, fontSize=11, limit=120, **look)
        .encode(x=x, y=_position_axis(), text=alt.Text("label:N"))
        for place, look in looks.items()
    ]


def _importance_tooltips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("importance:Q", title="Importance", format=".1%"),
        alt.Tooltip("sd:Q", title=_FIGURE_TITLES["sd"], format=".1%"),
    ]


def _size_axis(sizes: pd.Series) -> alt.X:
    known = sorted({int(size) for size in sizes})
    # One size alone has no length on a logarithmic axis.
    domain = [known[0] / 1.2, known[-1] * 1.2] if known else alt.Undefined
    return alt.X(
        "n_train:Q",
        title="Training images",
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=known, format=",d", labelOverlap=True, grid=False),
    )


def _gaps(table: pd.DataFrame, held_out_name: str) -> pd.DataFrame:
    """Both parts' means a number of training images, and their difference in points."""
    both = table.pivot_table(index="n_train", columns="part", values="mean", dropna=False).reset_index()
    if not {"train", held_out_name} <= set(both.columns):
        return pd.DataFrame({"n_train": [], "train": [], "held_out": [], "gap": []}, dtype=float)
    gaps = pd.DataFrame({"n_train": both["n_train"], "train": both["train"], "held_out": both[held_out_name]}).dropna()
    return gaps.assign(gap=100 * (gaps["train"] - gaps["held_out"]))


def _gap_layers(gaps: pd.DataFrame, x: alt.X) -> list[alt.Chart]:
    base = alt.Chart(gaps).encode(x=x, y=_measure_axis("accuracy", field="train"), y2="held_out")
    tooltip = [
        alt.Tooltip("n_train:Q", title="Training images", format=",d"),
        alt.Tooltip("gap:Q", title="Gap (points)", format="+.2f"),
    ]
    # The shaded area is one mark with one tooltip; invisible bars carry those of the sizes.
    return [
        base.mark_area(color=palette.MUTED, opacity=0.12),
        base.mark_rule(strokeWidth=24, opacity=0).encode(tooltip=tooltip),
    ]


def _loss_limits(table: pd.DataFrame) -> Any:
    """The range of the losses, up to twice the first smoothed one."""
    losses = table[["loss", "smoothed"]].to_numpy(dtype=float)
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return alt.Undefined
    first = losses[:, 1][np.isfinite(losses[:, 1])][:1]
    low = finite.min()
    high = min([finite.max(), *(2 * first)])
    margin = 0.05 * (high - low) or 0.5
    return [float(low - margin), float(high + margin)]


def _rate_tooltips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("learning_rate:Q", title="Learning rate", format=".3g"),
        alt.Tooltip("loss:Q", title="Loss", format=".4f"),
        alt.Tooltip("smoothed:Q", title="Smoothed", format=".4f"),
    ]


def _suggestion_layers(suggested: float, rates: pd.Series, x: alt.X) -> list[alt.Chart]:
    mark = pd.DataFrame({"learning_rate": [suggested], "label": [f"suggested: {suggested:.3g}"]})
    base = alt.Chart(mark).encode(x=x, tooltip=[alt.Tooltip("label:N", title="Learning rate")])
    # The label stands on the side with more room.
    right = len(rates) and suggested < np.sqrt(rates.min() * rates.max())
    look = {"align": "left", "dx": 5} if right else {"align": "right", "dx": -5}
    rule = base.mark_rule(color=palette.MUTED, strokeDash=[4, 4], strokeWidth=1.5)
    words = base.mark_text(color=palette.MUTED, baseline="top", **look).encode(y=alt.value(4), text=alt.Text("label:N"))
    return [rule, words]


def _of_source(chart: alt.Chart, source: str) -> alt.Chart:
    """The chart in the colour, shape and column of its source."""
    chart = chart.transform_calculate(source=f"'{source}'").encode(
        color=_source_color("source:N"), xOffset=alt.XOffset("source:N", sort=list(SOURCES))
    )
    if chart.mark.type == "errorbar":
        return chart
    shapes = alt.Scale(domain=list(SOURCES), range=["diamond", "circle"])
    return chart.encode(shape=alt.Shape("source:N", title=None, scale=shapes, legend=alt.Legend(orient="top")))
