"""One image's way through the network as numbers: pixels, weights, their sum, the activation, and the softmax."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from digitcore.glossary import explain
from digitcore.images.png import factor_for, grid_png, weights_png
from digitcore.insight.weighted_sums import OUTPUT, LayerSums, layer_sums, softmax_table
from digitcore.models.hyperparameters import ACTIVATIONS
from digitcore.models.softmax import cross_entropy
from digitcore.wording import percent_text
from pages.parts import layout, look, view
from pages.parts.messages import plain
from pages.parts.signed_numbers import with_minus
from pages.parts.steps.followed import Followed
from pages.parts.steps.number_words import number_words

PICTURE_SIZE = 200
MOST_PRODUCTS = 12
_FILE = Path(__file__)

_pixel_sums = st.components.v2.component(
    "digit_pixel_sums",
    html='<div class="sums"></div>',
    css=_FILE.with_name("pixel_sums.css").read_text("utf-8"),
    js=_FILE.with_name("pixel_sums.js").read_text("utf-8"),
)


def show(now: Followed, weights: dict[str, np.ndarray], probabilities: np.ndarray, chosen: int) -> None:
    """Show the way of the ``chosen`` of the twelve images through the model as it is now."""
    st.header("One image's way through the network", help=explain("weight", "unit", "activation"))
    pixels = now.images[now.shown[chosen]]
    hidden = {name: values[0] for name, values in now.stepper.model.activations(pixels[None]).items()}
    known, label = now.stepper.model.classes_, now.part.labels[now.shown[chosen]]
    layers = layer_sums(weights, hidden, probabilities[chosen][known], pixels.ravel())
    words = plain(now.part.dataset.class_names[label])
    st.caption(f"Image {now.positions[now.shown[chosen]]} of the training part: {words}.")
    in_network = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    if len(layers) < len(in_network):
        st.caption(
            "Filters move over the whole image: their sums, and those of the layer behind them, are not shown here. "
            "Weights has their feature maps."
        )
    if not layers:
        return
    sums, scores = st.columns(2, gap="medium")
    with sums:
        _show_sum(now, layers, in_network, pixels)
    with scores:
        _show_softmax(layers[-1], now.known_names, int(np.searchsorted(known, label)))


def _show_sum(now: Followed, layers: Sequence[LayerSums], in_network: Sequence[str], pixels: np.ndarray) -> None:
    row = layout.choices("steps_unit")
    titles = {name: f"Layer {place}" for place, name in enumerate(in_network, 1)} | {OUTPUT: "Output"}
    names, shown = now.known_names, [layer.layer for layer in layers]
    chosen = view.buttons(
        row, "layer", "Layer", shown, key="steps_layer", format_func=titles.__getitem__, help=explain("layer")
    )
    layer = next(each for each in layers if each.layer == chosen)
    is_output, n_units = chosen == OUTPUT, len(layer.bias)
    unit = view.select(
        row,
        "unit",
        "Class" if is_output else "Unit",
        list(range(n_units)),
        key=f"steps_unit_{chosen}_{n_units}",
        format_func=(lambda place: names[place]) if is_output else (lambda place: str(place + 1)),
        texts=None if is_output else {str(place + 1): place for place in range(n_units)},
    )
    if not layer.before:
        _show_pixels(layer, unit, pixels)
    else:
        _show_products(layer, unit)
    st.markdown(_sum_words(now, layer, unit), help=explain("activation", "bias"))


def _show_pixels(layer: LayerSums, unit: int, pixels: np.ndarray) -> None:
    """Show the image, the unit's weights and their products, pixel by pixel."""
    height, width = pixels.shape
    factor = factor_for(height, width, PICTURE_SIZE)
    weights, products = (each.reshape(1, height, width) for each in (layer.weights[unit], layer.products(unit)))
    shared = {"columns": 1, "factor": factor, "gap": 0}
    pictures = [
        grid_png((pixels - pixels.min())[None], max_value=float(np.ptp(pixels)) or 1.0, **shared),
        weights_png(weights, theme=look.theme(), **shared),
        weights_png(products, theme=look.theme(), **shared),
    ]
    data = {
        "height": height,
        "width": width,
        "pictures": [f"data:image/png;base64,{base64.b64encode(each).decode()}" for each in pictures],
        "titles": ["Pixel", "Weight", "Product"],
        "signs": ["×", "="],
        "pixels": _short(pixels),
        "weights": _short(weights),
    }
    _pixel_sums(key="steps_pixel_sums", data=data)


def _short(values: np.ndarray) -> list[float]:
    # Four digits are more than a screen shows, and a third of the bytes.
    return [float(f"{value:.4g}") for value in values.ravel().tolist()]


def _show_products(layer: LayerSums, unit: int) -> None:
    table = layer.products_table(unit)
    columns = ("value", "weight", "product")
    number = {name: st.column_config.NumberColumn(name.title()) for name in columns}
    shown = table[:MOST_PRODUCTS].assign(input=table["input"] + 1)
    words = f"The {len(shown)} largest of {len(table):,} products of the layer's inputs and the unit's weights"
    heads = {"input": st.column_config.NumberColumn("From unit", format="%,d"), **number}
    signed = with_minus(shown, dict.fromkeys(columns, ",.4f"))
    st.dataframe(signed, hide_index=True, column_config=heads, alt=words, height="content")
    if len(table) > len(shown):
        st.caption(f"{words}.")


def _sum_words(now: Followed, layer: LayerSums, unit: int) -> str:
    bias, total = float(layer.bias[unit]), float(layer.sums[unit])
    words = f"Sum of the products **{number_words(total - bias)}**, and the bias **{number_words(bias)}**: "
    words += f"**{number_words(total)}**"
    if layer.layer == OUTPUT:
        return f"{words}, the score of the class."
    activation = ACTIVATIONS.get(now.spec.parameters.get("activation", ""), "the activation")
    return f"{words}. After {activation}: **{number_words(float(layer.values[unit]))}**."


def _show_softmax(output: LayerSums, names: Sequence[str], truth: int) -> None:
    if not np.isfinite(output.sums).all():
        st.caption("The scores have become too large to be computed with.")
        return
    table = softmax_table(output.sums, names)
    own, loss = float(table["probability"].iloc[truth]), cross_entropy(output.sums[None], np.array([truth]))
    heads = {
        "name": st.column_config.TextColumn("Class"),
        "score": st.column_config.NumberColumn("1. Score"),
        "exponential": st.column_config.NumberColumn("2. Exponential", format="%,.4f"),
        "probability": st.column_config.ProgressColumn(
            "3. Share of all", format="%.1f %%", min_value=0.0, max_value=100.0, color="primary"
        ),
    }
    st.dataframe(
        with_minus(table.assign(probability=100 * table["probability"]), {"score": ",.4f"}),
        hide_index=True,
        column_config=heads,
        alt="The softmax in its three steps, one row per class",
        height="content",
    )
    st.caption(
        f"Step 2 first subtracts the largest score from all, which changes no share. The truth, {plain(names[truth])}, "
        f"gets {percent_text(own, 1)}: the loss of this image is −ln {own:.4g} = {number_words(loss)}.",
        help=explain("softmax", "loss"),
    )
