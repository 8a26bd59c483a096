"""What augmentation makes of one image, beside the sliders that say how strong it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from digitcore.datasets import Augmentation, augment
from digitcore.errors import DigitcoreError
from digitcore.models.augmented_images import augmentation_of
from pages.parts import session
from pages.parts.messages import plain
from pages.parts.pictures import show_images

N_VARIANTS = 8
NOTHING_YET = "Move a slider, and eight variants of an image appear here."


def show_variants(dataset: str, settings: Mapping[str, Any]) -> None:
    """Show variants of the data set's first image, as ``settings`` have training images changed."""
    strengths = augmentation_of(settings)
    if strengths is None:
        st.caption(NOTHING_YET)
        return
    try:
        images, max_value = _variants(dataset, strengths)
    except DigitcoreError as problem:  # the form itself does not need the images
        st.caption(plain(f"No variants can be shown: {problem}"))
        return
    show_images(images, max_value, alt="Eight variants of the first image of the data set", key="augmented_images")


@st.cache_resource(show_spinner=False, max_entries=64)
def _variants(dataset: str, strengths: Augmentation) -> tuple[np.ndarray, int]:
    """Variants, uint8 ``(n, height, width)``, and the largest value of a pixel."""
    loaded = session.dataset(dataset)
    same = np.repeat(loaded.images[:1], N_VARIANTS, axis=0)
    return augment(same, strengths, max_value=loaded.max_value), loaded.max_value
