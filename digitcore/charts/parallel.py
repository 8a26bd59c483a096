"""All points of a sweep as lines across one axis per setting.

Tables are as in :mod:`digitcore.charts._spread`.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from digitcore.charts._axes import unlimited
from digitcore.charts._cells import cell_scale, even_stops
from digitcore.charts._spread import HEIGHT, SCORE_TITLE, in_order
from digitcore.charts._theme import REMARK, finished
from digitcore.errors import InvalidSetting
from digitcore.images import palette

# From this ratio of the highest to the lowest value on, an axis of parallel coordinates is logarithmic.
LOG_RATIO = 50
# More lines than this are fainter, so that labels and thick places show.
FEW_LINES = 30
LABEL_STEP = 14
TALLEST_PARALLEL = 640
# The colours nearest to the background would vanish as lines.
LINE_STOPS = {"light": palette.SEQUENTIAL_STOPS["light"][1:4], "dark": palette.SEQUENTIAL_STOPS["dark"][1:4]}


def parallel_chart(table: pd.DataFrame, axes: Sequence[tuple[str, str]]) -> alt.LayerChart:
    """Draw every row as a line across parallel axes, coloured by its score; the best line is the thick one.

    Numbers are scaled from the lowest at the bottom to the highest at the top, logarithmically where all are positive
    and the highest is above 50 times the lowest; texts stand in order of appearance from the bottom up. Rows without a
    score are left out; a missing value breaks its line.

    Parameters
    ----------
    table : DataFrame
        The columns of ``axes`` (numbers or texts) and ``score``; one row per training.
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
    return finished(alt.layer(*layers), height=height, description=description)


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
    stops = even_stops(rows["score"], len(LINE_STOPS["light"]))
    tooltip = [alt.Tooltip(f"figure_{number}:N", title=title) for number, (_, title) in enumerate(axes[:-1])]
    base = alt.Chart(unlimited(rows)).encode(
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
        .mark_text(color=REMARK, fontSize=11, limit=120, **look)
        .encode(x=x, y=_position_axis(), text=alt.Text("label:N"))
        for place, look in looks.items()
    ]
