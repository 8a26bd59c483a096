"""Charts of trainings whose settings vary: points, heat map, parallel coordinates, importance, range test.

Tables are as in :mod:`digitcore.charts.spreads`.
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
    PERCENT_LABEL,
    _data,
    _figure_font,
    _given_color,
    _inks,
)
from digitcore.charts.spreads import (
    FIGURE_TITLES,
    HEAT_WIDTH,
    HEIGHT,
    SCORE_TITLE,
    cell_figures,
    cell_scale,
    check_choice,
    figure_tooltips,
    in_order,
    label_angle,
    measured_layers,
    name_axis,
    trainings_tooltip,
    with_spread,
)
from digitcore.errors import InvalidSetting

SWEEP_SCALES = ("linear", "log", "nominal")
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
    x = name_axis("value", title, shown["value"]) if nominal else _number_axis("value", title, scale)
    y, marks = measured_layers(shown, score_title, x, [alt.Tooltip("value", type="nominal", title=title)])
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
    columns, rows = in_order(table["x"]), in_order(table["y"])
    filled = table[table["mean"].notna()]
    stops = _even_stops(filled["mean"], len(palette.SEQUENTIAL_STOPS))
    figures = [f"{100 * mean:.1f}" for mean in filled["mean"]]
    filled = filled.assign(figure=figures, ink=_inks(filled["mean"].to_numpy(dtype=float), stops, "linear"))
    width = int(min(HEAT_WIDTH, LARGEST_HEAT_CELL * max(len(columns), 1)))
    font = min(_figure_font(filled["figure"], width // max(len(columns), 1)), HEAT_ROW // 2)
    base = alt.Chart(filled).encode(
        x=_cell_axis(alt.X("x:N", title=x_title, sort=columns), columns, label_angle(columns, width)),
        y=_cell_axis(alt.Y("y:N", title=y_title, sort=rows), rows, 0),
        tooltip=[
            alt.Tooltip("x:N", title=x_title),
            alt.Tooltip("y:N", title=y_title),
            *figure_tooltips(".2%", "mean", "sd"),
            trainings_tooltip(),
        ],
    )
    legend = alt.Legend(orient="top", gradientLength=200, labelExpr=PERCENT_LABEL, titleLimit=300)
    color = alt.Color("mean:Q", title=score_title, scale=cell_scale(stops, palette.SEQUENTIAL_STOPS), legend=legend)
    layers = [base.mark_rect().encode(color=color), *cell_figures(base, font)]
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
    names = in_order(shown["title"])
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
    spread = alt.Chart(with_spread(shown)).encode(
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


def _cell_axis(channel: Any, names: list[str], angle: int) -> Any:
    axis = alt.Axis(labelAngle=angle, labelLimit=90, labelOverlap=True, ticks=False, domain=False, grid=False)
    channel.axis, channel.scale = axis, alt.Scale(domain=names, paddingInner=0.04)
    return channel


def _is_numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _axis_positions(values: pd.Series, *, log_allowed: bool) -> np.ndarray:
    """Where the values stand on their axis, 0 (bottom) to 1; the only value stands in the middle."""
    if not _is_numeric(values):
        order = {name: place for place, name in enumerate(in_order(values.dropna()))}
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
        color=alt.Color("score:Q", scale=cell_scale(stops, LINE_STOPS), legend=None),
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
        alt.Tooltip("sd:Q", title=FIGURE_TITLES["sd"], format=".1%"),
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
