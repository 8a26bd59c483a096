"""The training that a visitor follows batch by batch, and twelve of its images."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import streamlit as st

from digitcore.datasets import Part
from digitcore.insight.stepper import Stepper
from digitcore.runs import RunSpec
from digitcore.runs.glimpse import spread
from digitcore.runs.training import images_and_labels, model_for
from pages.parts import session

# Of all training images together, so that an epoch takes about a second: 2,040 of MNIST, all of scikit-learn's digits.
MOST_PIXELS = 1_600_000
N_SHOWN = 12
# Session key of this file.
_FOLLOWED = "steps_followed"


@dataclass(frozen=True)
class Followed:
    """A training in single steps.

    Attributes
    ----------
    spec : RunSpec
        What is trained.
    stepper : Stepper
        How far it is.
    part : Part
        The training images that are used.
    images : ndarray, float32, (n_images, height, width)
        They, scaled; shared by all who follow such a training.
    shown : ndarray, int64, (n_shown,)
        Positions in ``part`` of those to watch.
    n_all : int
        Training images of the spec, of which ``part`` has some.
    """

    spec: RunSpec
    stepper: Stepper
    part: Part
    images: np.ndarray
    shown: np.ndarray
    n_all: int

    def probabilities(self) -> np.ndarray:
        """What the model makes of the shown images now, float ``(n_shown, n_classes)``: 0 for classes it never saw."""
        known = self.stepper.model.predict_proba(self.images[self.shown])
        probabilities = np.zeros((len(known), self.part.dataset.n_classes), dtype=known.dtype)
        probabilities[:, self.stepper.model.classes_] = known
        return probabilities


def of(spec: RunSpec) -> Followed:
    """Return the training of a spec as this visitor follows it; one with other settings begins."""
    # From scratch: what a run goes on from has been trained in whole epochs.
    spec = spec.with_changes(parent=None)
    known = st.session_state.get(_FOLLOWED)
    if known is None or known.spec.digest != spec.digest:
        known = st.session_state[_FOLLOWED] = _first(spec)
    return known


def start_over() -> None:
    """Forget how far the training is."""
    st.session_state.pop(_FOLLOWED, None)


def _first(spec: RunSpec) -> Followed:
    part, images, n_all = _images(spec.dataset, spec.split.model_dump_json(), spec.scaling, _spec=spec)
    model = model_for(spec, part.dataset)
    if "device" in model.get_params():
        model.set_params(device="cpu")
    stepper = Stepper(model, images, part.labels)
    return Followed(spec, stepper, part, images, spread(part.n_images, N_SHOWN), n_all)


@st.cache_resource(show_spinner=False, max_entries=8)
def _images(dataset: str, split_json: str, scaling: str, _spec: RunSpec) -> tuple[Part, np.ndarray, int]:
    train = session.split_of(_spec).train
    kept = spread(train.n_images, max(MOST_PIXELS // prod(train.dataset.image_shape), 1))
    part = Part(train.name, train.dataset, train.indices[kept])
    return part, images_and_labels(part, scaling)[0], train.n_images
