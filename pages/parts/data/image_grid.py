"""Images on a page. A grid is two pictures: halves side by side, or one above the other on a phone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from digitcore.datasets import Dataset
from digitcore.images.png import TileLabel, grayscale_png, grid_png

HALF_COLUMNS = 5
N_FIRST = 20


def show_first(dataset: Dataset) -> None:
    """Show the first images with their labels."""
    labels = [TileLabel(dataset.class_names[label]) for label in dataset.labels[:N_FIRST]]
    _show_grid(dataset.images[:N_FIRST], dataset.max_value, labels, "First images of the data set")


def show_means(means: np.ndarray, dataset: Dataset, missing: Sequence[str]) -> None:
    """Show the mean image of each class but those that are ``missing``."""
    present = [index for index, name in enumerate(dataset.class_names) if name not in missing]
    labels = [TileLabel(dataset.class_names[index]) for index in present]
    _show_grid(means[present], dataset.max_value, labels, "Mean image of each class")
    if missing:
        st.caption(f"No image of {', '.join(missing)} is in the training part.")


def show_one(dataset: Dataset, index: int) -> None:
    """Show one image, large."""
    png = grayscale_png(dataset.images[index], max_value=dataset.max_value)
    st.image(png, alt=f"Image {index}, a {dataset.class_names[dataset.labels[index]]}")


def _show_grid(images: np.ndarray, max_value: float, labels: Sequence[TileLabel], alt: str) -> None:
    middle = len(images) if len(images) <= HALF_COLUMNS else -(-len(images) // 2)
    for column, half in zip(st.columns(2), (slice(middle), slice(middle, None)), strict=True):
        if len(images[half]):
            png = grid_png(images[half], max_value=max_value, columns=HALF_COLUMNS, labels=labels[half])
            column.image(png, width="stretch", alt=f"{alt}: {', '.join(_words(label) for label in labels[half])}")


def _words(label: TileLabel) -> str:
    return label.truth if label.wrong is None else f"{label.truth} taken for {label.wrong}"
