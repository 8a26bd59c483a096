"""Views into a network: paths to the classes, feature maps, distributions of weights and gradients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import streamlit as st

from digitcore.charts import dead_units_chart, quantiles_chart
from digitcore.glossary import explain
from digitcore.images.png import grayscale_png
from digitcore.insight.layer_tables import (
    dead_units_table,
    layer_names,
    paths_table,
    quantiles_table,
    snapshot_epochs_of,
)
from digitcore.insight.weight_images import first_layer_images
from digitcore.models.hyperparameters import ACTIVATIONS
from digitcore.runs import Run
from digitcore.wording import listed, short_number
from pages.parts import layout, messages, session, view
from pages.parts.charts import drawable
from pages.parts.pictures import show_images, show_weights
from pages.parts.reading.reading_guide import show_heading

# Epochs from which the early ones need room of their own.
MANY_EPOCHS = 40
MOST_MAPS = 32


def show_paths(run: Run) -> None:
    """Show, for each class, the units of an MLP that do most for it."""
    model, dataset = session.model_of(run), session.dataset(run.spec.dataset)
    if not model.has_hidden_layers:
        return
    found = _paths(run.digest, run.created_at, _run=run)
    paths = {index: path for index, path in found.items() if path}
    st.header("The strongest path to each class", help=explain("strongest path", "unit"))
    if not paths:
        words = "No path: a hidden layer is zero for all the training images that were looked at."
        st.info(words, icon=layout.NOTHING_FITS)
        return
    if len(paths) < len(found):
        missing = listed([dataset.class_names[index] for index in found if index not in paths])
        st.caption(f"No path to {missing}: a hidden layer is zero for all their images that were looked at.")
    st.caption(
        "From the class backwards, each step goes to the unit that adds most on training images of the class; the "
        "picture is the first unit of the path, its number above it."
    )
    units = first_layer_images(run.spec.model, model.weights, dataset.image_shape)
    images = units[[path[0] for path in paths.values()]]
    titles = [f"{dataset.class_names[index]}: {path[0] + 1}" for index, path in paths.items()]
    show_weights(images, titles=titles, alt="The first unit of the strongest path to each class", key="path_images")
    if len(next(iter(paths.values()))) > 1:
        with view.expander(st, "open_paths", "All units of the paths, first layer to last"):
            table = paths_table(paths, dataset.class_names)
            st.dataframe(table, hide_index=True, column_config={"class_name": "Class", "path": "Units"}, alt="Paths")


@st.cache_resource(show_spinner=False, max_entries=512)
def _paths(digest: str, created_at: datetime, _run: Run) -> dict[int, list[int]]:
    return session.model_of(_run).strongest_paths(session.parts_of(_run).train)


@view.fragment
@messages.caught()
def show_feature_maps(run: Run) -> None:
    """Show what each convolution and pooling of a CNN makes of an image of the data."""
    st.header("Feature maps", help=explain("feature map"))
    st.caption(
        "The same image after each layer: every map shows where one kernel found what it looks for, and has the number "
        "of its kernel."
    )
    model, dataset = session.model_of(run), session.dataset(run.spec.dataset)
    part = session.parts_of(run).parts[-1]
    index = view.number(
        st,
        "image",
        "Image",
        0,
        part.n_images - 1,
        0,
        key=f"map_image_{run.spec.dataset}",
        help=f"Position in the {part.name} part.",
    )
    image = part.take(index)
    st.image(grayscale_png(image, max_value=dataset.max_value, tile_size=112), alt=f"Image {index}")
    for name, maps in model.feature_maps(image).items():
        n_maps, height, width = maps.shape
        st.markdown(f"**{name}**: {n_maps} maps of {height} × {width}")
        # Without a ReLU there are values below zero.
        low, high = min(float(maps.min()), 0.0), float(maps.max())
        st.caption(_shade_words(low, high))
        shown = maps[:MOST_MAPS] - low
        titles = [str(number) for number in range(1, len(shown) + 1)]
        alt = f"{len(shown)} of {n_maps} feature maps after {name}"
        show_images(shown, high - low or 1.0, titles=titles, alt=alt, key=f"maps_{name}")


def _shade_words(low: float, high: float) -> str:
    if high == low:
        return f"All values are {short_number(low)}."
    lowest = f"{short_number(low)}, the lowest value," if low < 0 else "0"
    return f"Black is {lowest} and white {short_number(high)}, the highest value."


@view.fragment
@messages.caught()
def show_distributions(run: Run) -> None:
    """Show how weights and gradients of each layer are spread over the epochs, and the dead units."""
    snapshots = session.arrays_of(run).snapshots
    epochs = snapshot_epochs_of(snapshots)
    if not epochs:
        return
    words = explain("layer", "weight", "gradient", "dead unit")
    show_heading("Layer by layer, epoch by epoch", "distributions", help_text=words)
    names = layer_names(snapshots)
    layer = view.buttons(st, "layer", "Layer", names, key=f"layer_{'_'.join(names)}", help=explain("layer"))
    _show_layer(run.digest, run.created_at, layer, _snapshots=snapshots)
    activation = run.spec.parameters.get("activation", "relu")
    if activation != "relu":
        st.caption(f"No chart of dead units: only those with ReLU can die, and these have {ACTIVATIONS[activation]}.")


# Three charts take altair 70 ms to write down, the same at each rerun.
@st.cache_data(show_spinner=False, max_entries=512)
def _show_layer(digest: str, created_at: datetime, layer: str, _snapshots: Mapping[str, np.ndarray]) -> None:
    many = snapshot_epochs_of(_snapshots)[-1] > MANY_EPOCHS
    left, right = st.columns(2)
    left.vega_lite_chart(
        drawable(quantiles_chart(quantiles_table(_snapshots, "weights", layer), title="Weights", log=many))
    )
    right.vega_lite_chart(
        drawable(quantiles_chart(quantiles_table(_snapshots, "gradients", layer), title="Gradients", log=many))
    )
    silent = dead_units_table(_snapshots)
    if len(silent):
        st.vega_lite_chart(drawable(dead_units_chart(silent, log=many)))
