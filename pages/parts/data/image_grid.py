"""Images of a data set on a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from digitcore.datasets import Dataset
from digitcore.images.png import grayscale_png
from digitcore.wording import article
from pages.parts.pictures import show_images

N_FIRST = 20


def show_first(dataset: Dataset) -> None:
    """Show the first images with their labels."""
    labels = [dataset.class_names[label] for label in dataset.labels[:N_FIRST]]
    _show_grid(dataset.images[:N_FIRST], dataset.max_value, labels, "First images of the data set")


def show_means(means: np.ndarray, dataset: Dataset, missing: Sequence[str]) -> None:
    """Show the mean image of each class but those that are ``missing``."""
    present = [index for index, name in enumerate(dataset.class_names) if name not in missing]
    labels = [dataset.class_names[index] for index in present]
    _show_grid(means[present], dataset.max_value, labels, "Mean image of each class")
    if missing:
        st.caption(f"No image of {', '.join(missing)} is in the training part.")


def show_one(dataset: Dataset, index: int) -> None:
    """Show one image, large."""
    png = grayscale_png(dataset.images[index], max_value=dataset.max_value)
    name = dataset.class_names[dataset.labels[index]]
    st.image(png, alt=f"Image {index}, {article(name)} {name}")


def _show_grid(images: np.ndarray, max_value: float, labels: Sequence[str], title: str) -> None:
    if len(images):
        show_images(images, max_value, titles=labels, alt=f"{title}: {', '.join(labels)}", key=title)
