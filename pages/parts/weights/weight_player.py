"""The first layer's weights as images, with a slider through the epochs and a play button."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.glossary import explain
from digitcore.images.png import weights_limit
from digitcore.insight.layer_tables import order_by_norm, snapshot_epochs_of
from digitcore.insight.weight_images import first_layer_images, first_layer_name, first_layer_titles
from digitcore.models import MODELS
from digitcore.runs import Run
from pages.parts import layout, messages, session, view
from pages.parts.pictures import show_weights
from pages.parts.reading.reading_guide import show_guide

# All of a layer that has no more; of a larger one full rows.
MOST_WEIGHTS, N_WEIGHTS = 32, 30
FRAME_SECONDS = 0.35


def show(run: Run, row: DeltaGenerator) -> None:
    """Show the weight images of a run; where there are snapshots, of the epoch that is asked for.

    The switch that plays them stands in the page's ``row`` of choices: it draws all that is below it anew.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        words = MODELS[run.spec.model].first_layer.words
        st.markdown(words, help=explain("weight image", "weight", "unit"), width="content")
        show_guide("weights")
    epochs = snapshot_epochs_of(session.arrays_of(run).snapshots)
    if not epochs:
        words = "This run kept no snapshots of its epochs; train it again to step through them."
        st.info(words, icon=":material/history_toggle_off:")
    playing = bool(epochs) and row.toggle("Play", key=session.PLAYING, help="Play the epochs in a loop.")
    view.fragment(_show_images, run_every=FRAME_SECONDS if playing else None)(run, epochs, playing)


@messages.caught()
def _show_images(run: Run, epochs: list[int], playing: bool) -> None:
    arrays, dataset = session.arrays_of(run), session.dataset(run.spec.dataset)
    weights = arrays.shown_weights
    final = first_layer_images(run.spec.model, weights, dataset.image_shape)
    titles = np.array(first_layer_titles(run.spec.model, weights, dataset.class_names))
    row = layout.choices("weights")
    are_classes = titles.tolist() == list(dataset.class_names)
    order = np.arange(len(final)) if are_classes else _ask_order(final, row, run.spec.model)
    images, limit, words = final, weights_limit(final), _kept_words(run)
    place = _ask_epoch(run, epochs, playing, row) if epochs else None
    if place is not None:
        name, snapshots = first_layer_name(run.spec.model, weights), arrays.snapshots["first_layer"]
        layer = {**weights, name: snapshots[place].astype(np.float32)}
        images = first_layer_images(run.spec.model, layer, dataset.image_shape)
        limit = max(limit, weights_limit(snapshots[-1]), weights_limit(snapshots[0]))
        words = f"after epoch {epochs[place]:,}" if epochs[place] else "before the training"
    n_shown = _ask_number(len(order), row)
    shown = order[:n_shown]
    alt = f"{n_shown} weight images {words}, blue positive, orange negative, one scale"
    show_weights(images[shown], titles=titles[shown].tolist(), limit=limit, alt=alt, key="weight_images")
    st.caption(f"{n_shown} of {len(images)} images, {words}; one shared scale centred at zero.")


def _kept_words(run: Run) -> str:
    stops_early = run.spec.parameters["patience"] is not None and run.spec.members == 1
    return f"after epoch {run.evaluation.best_epoch:,}, which was kept" if stops_early else "at the end"


def _ask_order(images: np.ndarray, row: DeltaGenerator, model_name: str) -> np.ndarray:
    # The feature maps below come by number: kernels in the same order are found again there.
    layout_name = MODELS[model_name].first_layer.layout
    order = view.buttons(
        row,
        "order",
        "Order",
        ["norm", "number"],
        key=f"order_of_{layout_name}",
        start="number" if layout_name == "kernels" else "norm",
        format_func={"norm": "Largest norm first", "number": "By number"}.get,
        help=explain("norm"),
    )
    return order_by_norm(images) if order == "norm" else np.arange(len(images))


def _ask_epoch(run: Run, epochs: list[int], playing: bool, row: DeltaGenerator) -> int | None:
    """Ask for one of the snapshots, or, None, for the weights that were kept; while playing, take the next."""
    # With early stopping the weights that count are those of the best epoch, which need not be among the snapshots.
    label = f"kept: {run.evaluation.best_epoch}" if run.spec.members == 1 else "kept"
    kept = [] if run.spec.parameters["patience"] is None else [label]
    stops = [*map(str, epochs), *kept]
    key, texts = f"snapshot_{run.digest}", {str(epoch): place for place, epoch in enumerate(epochs)}
    if kept:
        texts["kept"] = len(epochs)
    if playing:
        place = session.widget_value(key, len(stops) - 1)
        session.set_value(key, (place + 1) % len(stops))
    chosen = view.stops(
        row,
        "shown_epoch",
        "Epoch",
        range(len(stops)),
        len(stops) - 1,
        key=key,
        texts=texts,
        # Each frame of the film would be a step of the browser's history.
        follows=not playing,
        format_func=stops.__getitem__,
        help=explain("epoch"),
    )
    return chosen if chosen < len(epochs) else None


def _ask_number(n_images: int, row: DeltaGenerator) -> int:
    if n_images <= MOST_WEIGHTS:
        return n_images
    most = min(n_images // 10 * 10, 100)
    start = min(N_WEIGHTS, most)
    return view.slider(row, "images", "Images", 10, most, start, step=10, key="n_weights", persist_state="session")
