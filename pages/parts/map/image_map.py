"""The map of a part's images: how it is made, and the images in a rectangle of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.charts import map_chart
from digitcore.datasets import Part
from digitcore.glossary import explain
from digitcore.insight.projection import (
    METHODS,
    MOST_POINTS,
    N_COMPONENTS,
    positions_within,
    principal_components,
    rectangle_of_shares,
    sample_positions,
    tsne_coordinates,
)
from digitcore.runs import Run
from digitcore.runs.computations import Computation
from digitcore.specs.views import range_text, read_range
from pages.parts import messages, session, shared, view, visitor
from pages.parts.charts import drawable
from pages.parts.reading.reading_guide import show_guide
from pages.parts.tiles import Tile, show_tiles
from pages.parts.waiting import tell_end, wait_for

# Where a model has a hidden layer the map starts with it: the classes lie apart there.
SOURCES = {"hidden": "Last hidden layer", "pixels": "Pixels"}
# Why there is nothing to see on a map.
ONE_POINT = {
    "hidden": "All images lie on one point: the layer gives the same values for each of them.",
    "pixels": "All images lie on one point: they are the same.",
}
SELECTION = "brush"
MOST_SHOWN = 60
# Of the chart, in pixels.
MAP_HEIGHT = 560
# Per cent of the width and the height of the map.
WHOLE = (0, 100)
# In the address, a rectangle that was dragged: further than any point, and the digits of its ends.
_FAR, _DIGITS = 1e9, 4
_METHOD_KEY = "map_method"
_RECTANGLE_KEYS = ("map_across", "map_up")
_SIDES = (("across", "From left to right (%)"), ("up", "From bottom to top (%)"))


Brush = Mapping[str, Sequence[float]]


def ask_view(run: Run, row: DeltaGenerator) -> tuple[str, str]:
    """Ask what is mapped and how."""
    sources = [source for source in SOURCES if source == "pixels" or session.model_of(run).has_hidden_layers]
    source = view.buttons(
        row,
        "compare_by",
        "Compare by",
        sources,
        key=f"map_source_{len(sources)}",
        format_func=SOURCES.get,
        help=explain("pixel", "last hidden layer"),
    )
    method = view.buttons(
        row,
        "method",
        "Method",
        list(METHODS),
        start="pca",
        key=_METHOD_KEY,
        format_func=METHODS.get,
        help=explain("PCA", "t-SNE"),
    )
    with row:
        show_guide("map")
    return source, method


def coordinates(run: Run, part: Part, source: str, method: str) -> np.ndarray | None:
    """Return the points ``(n_images, 2)``; None, and a word of it, while they are computed."""
    if method == "pca":
        return _components(run, part.name, source, 2)
    computation, key = _tsne(run, part.name, source), _tsne_key(run, part.name, source)
    if computation.state == "failed":
        tell_end("t-SNE", key, failed=True)
        st.error(messages.plain(computation.reason))
        st.button("Try again", on_click=shared.engine().forget_computation, args=(key,))
    elif computation.state == "running":
        wait_for(
            lambda: [_tsne(run, part.name, source)],
            "t-SNE is running; the map appears here when it is ready.",
            task="t-SNE",
            subject=key,
            stop=lambda: _stop(run, part.name, source),
            key="stop_tsne",
            height=MAP_HEIGHT,
        )
    else:
        tell_end("t-SNE", key)
    return computation.result


def _tsne(run: Run, part_name: str, source: str) -> Computation:
    components = _components(run, part_name, source, N_COMPONENTS)
    return shared.engine().compute(
        _tsne_key(run, part_name, source), tsne_coordinates, components, visitor=visitor.name()
    )


def _tsne_key(run: Run, part_name: str, source: str) -> str:
    return f"tsne-{run.digest}-{run.created_at:%Y%m%d%H%M%S%f}-{part_name}-{source}"


def _stop(run: Run, part_name: str, source: str) -> None:
    st.session_state[_METHOD_KEY] = "pca"
    shared.engine().cancel_computation(_tsne_key(run, part_name, source), visitor.name())


def _components(run: Run, part_name: str, source: str, n_components: int) -> np.ndarray:
    return _cached_components(run.digest, run.created_at, part_name, source, n_components, _run=run)


@st.cache_resource(show_spinner="Making the map ...", max_entries=16)
def _cached_components(digest, created_at, part_name: str, source: str, n_components: int, _run: Run) -> np.ndarray:
    part = getattr(session.parts_of(_run), part_name)
    images = part.take(sample_positions(part.n_images))
    values = images.reshape(len(images), -1) if source == "pixels" else session.model_of(_run).last_hidden(images)
    return principal_components(values, n_components)


@view.fragment
@messages.caught()
def show(part: Part, table: pd.DataFrame, *, key: str) -> None:
    """Show the map, and the images in the rectangle that was dragged or typed."""
    names = part.dataset.class_names
    chart = shared.charts.get(("map", key, part.name), lambda: drawable(map_chart(table, names, select=SELECTION)))
    map_key = f"map_{key}_{part.name}"
    event = st.vega_lite_chart(
        chart, key=session.chart_key(map_key), on_select=lambda: _forget_other_rectangles(map_key)
    )
    if part.n_images > MOST_POINTS:
        st.caption(f"{MOST_POINTS:,} of {part.n_images:,} images, drawn at random.")
    typed = _ask_rectangle(table)
    linked = _linked_brush(map_key)
    brush = event.selection[SELECTION] or linked
    _note_brush(brush if typed is None else {})
    if not brush and typed is None:
        st.caption("Drag a rectangle over some points to see their images; click beside it to clear the selection.")
        return
    positions = positions_within(table, *(typed or (brush["x"], brush["y"])))
    st.caption(f"{min(len(positions), MOST_SHOWN)} of {len(positions):,} images in the rectangle, wrong ones first.")
    if len(positions):
        _show_images(part, table.set_index("position").loc[positions[:MOST_SHOWN]])


def _ask_rectangle(table: pd.DataFrame) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Ask for the ends of a rectangle, the keyboard's way to what dragging does; None while it is the whole map."""
    with view.expander(st, "open_rectangle", "Choose the rectangle without dragging"):
        columns = st.columns(2)
        across, up = (
            view.slider(column, name, label, 0, 100, WHOLE, key=key)
            for column, (name, label), key in zip(columns, _SIDES, _RECTANGLE_KEYS, strict=True)
        )
    if (across, up) == (WHOLE, WHOLE):
        return None
    return rectangle_of_shares(table, *(tuple(end / 100 for end in ends) for ends in (across, up)))


def _linked_brush(map_key: str) -> Brush:
    """Return the rectangle that a link has; empty if none does, or another one was dragged since."""
    sides = {
        name: session.linked_value(name, f"{map_key}_{name}", None, partial(_read_side, name))[0] for name in ("x", "y")
    }
    return sides if all(sides.values()) else {}


def _note_brush(brush: Brush) -> None:
    for name in ("x", "y"):
        session.note_view(name, range_text([round(end, _DIGITS) for end in brush[name]]) if brush else None)


def _read_side(name: str, text: str) -> tuple[float, float]:
    return read_range(name, text, -_FAR, _FAR)


def _forget_other_rectangles(map_key: str) -> None:
    """Let the rectangle that was just dragged count, not the one typed before or that of a link."""
    st.session_state.update(dict.fromkeys(_RECTANGLE_KEYS, WHOLE))
    st.session_state.update(dict.fromkeys((f"{map_key}_x", f"{map_key}_y")))


def _show_images(part: Part, rows: pd.DataFrame) -> None:
    tiles = [
        Tile(
            position=int(row.Index),
            truth=row.truth,
            wrong=row.prediction if row.wrong else "",
            words=f"Image {row.Index} of the {part.name} part\nTruth {row.truth}\nModel {row.prediction}",
            alt=f"Image {row.Index}: {row.truth}, the model says {row.prediction}",
        )
        for row in rows.itertuples()
    ]
    show_tiles(part, tiles, key="map_tiles")
