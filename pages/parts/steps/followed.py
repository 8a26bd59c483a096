"""The training that a visitor follows batch by batch, and twelve of its images."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import prod

import numpy as np
import streamlit as st

from digitcore.datasets import Part
from digitcore.errors import LimitReached
from digitcore.insight.stepper import Stepper
from digitcore.models.architecture import multiply_adds, plan
from digitcore.models.ensemble import first_member
from digitcore.runs import RunSpec
from digitcore.runs.glimpse import spread
from digitcore.runs.training import images_and_labels, model_for
from pages.parts import session

# Pixels of all training images together; an epoch then takes about a second: 2,040 images of MNIST, all 8x8 digits.
MOST_PIXELS = 1_600_000
# The model stands in the server's own memory, and a batch is computed while other pages wait.
MOST_PARAMETERS, MOST_WORK_PER_BATCH = 1_000_000, 3_000_000_000
N_SHOWN = 12
# A training that goes on by itself, as in a tab that was forgotten, stops after this time.
LONGEST_RUN_SECONDS = 600.0
# The batches that were missed in a pause longer than this are not made up for.
_LONGEST_PAUSE_SECONDS = 1.0


class Clock:
    """How many batches are due of a training that goes on by itself."""

    def __init__(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Forget when it began: it begins anew when it goes on the next time, with one batch at once."""
        self._since: float | None = None
        self._last, self._owed = 0.0, 1.0

    def due(self, pace: float, now: float | None = None) -> int:
        """Return the batches that are due since the last call, at ``pace`` batches per second; at first one."""
        now = time.monotonic() if now is None else now
        if self._since is None:
            self._since = self._last = now
        elapsed, self._last = now - self._last, now
        if elapsed > _LONGEST_PAUSE_SECONDS:
            self._owed = 1.0
        else:
            self._owed += pace * elapsed
        n_due = int(self._owed)
        self._owed -= n_due
        return n_due

    def is_long(self, now: float | None = None) -> bool:
        """Whether it has gone on for as long as it may."""
        now = time.monotonic() if now is None else now
        return self._since is not None and now - self._since > LONGEST_RUN_SECONDS


@dataclass(frozen=True)
class Followed:
    """A training in single steps.

    Attributes
    ----------
    spec : RunSpec
        The settings that are trained.
    stepper : Stepper
        The training as it stands.
    part : Part
        The training images that are used.
    positions : ndarray, int64, (n_images,)
        Of each of them in the whole training part of the spec.
    images : ndarray, float32, (n_images, height, width)
        The images of ``part``, scaled; shared between sessions, and not to be changed.
    shown : ndarray, int64, (n_shown,)
        Positions in ``part`` of those to watch.
    n_all : int
        Number of images in the whole training part.
    clock : Clock
        Of the training that goes on by itself.
    """

    spec: RunSpec
    stepper: Stepper
    part: Part
    positions: np.ndarray
    images: np.ndarray
    shown: np.ndarray
    n_all: int
    clock: Clock = field(default_factory=Clock)

    @property
    def known_names(self) -> list[str]:
        """Names of the classes that the training images have, in the model's order."""
        return [self.part.dataset.class_names[label] for label in self.stepper.model.classes_]

    def probabilities(self) -> np.ndarray:
        """What the model makes of the shown images now, float32 ``(n_shown, n_classes)``, 0 to 1.

        0 for classes that no training image has.
        """
        known = self.stepper.model.predict_proba(self.images[self.shown])
        probabilities = np.zeros((len(known), self.part.dataset.n_classes), dtype=known.dtype)
        probabilities[:, self.stepper.model.classes_] = known
        return probabilities


def of(spec: RunSpec) -> Followed:
    """Return the training of a spec as this visitor follows it; with other settings it begins anew.

    Raises
    ------
    LimitReached
        If the model is too large for it.
    InvalidSetting
        If the model is not trained in batches.
    """
    return _known(spec) or _first(spec)


def is_under_way(spec: RunSpec) -> bool:
    """Whether the training of this spec, as this visitor follows it, may go on by itself."""
    known = _known(spec)
    return known is None or not (known.stepper.batch is None or known.clock.is_long())


def start_over() -> None:
    """Let the training begin anew, with the first weights."""
    st.session_state.pop(session.STEPS_FOLLOWED, None)


def _known(spec: RunSpec) -> Followed | None:
    known = st.session_state.get(session.STEPS_FOLLOWED)
    return known if known is not None and known.spec == _followed_spec(spec) else None


def _followed_spec(spec: RunSpec) -> RunSpec:
    """Return the training of the first model that votes, from its first weights."""
    # There is no checkpoint within an epoch to go on from.
    return spec.with_changes(parent=None, members=1)


def _first(spec: RunSpec) -> Followed:
    spec = _followed_spec(spec)
    part, positions, images, n_all = _images(spec.dataset, spec.split.model_dump_json(), spec.scaling, _spec=spec)
    _check_size(spec, part)
    model = first_member(model_for(spec, part.dataset))
    if "device" in model.get_params():
        model.set_params(device="cpu")
    stepper = Stepper(model, images, part.labels)
    followed = Followed(spec, stepper, part, positions, images, spread(part.n_images, N_SHOWN), n_all)
    st.session_state[session.STEPS_FOLLOWED] = followed
    return followed


def _check_size(spec: RunSpec, part: Part) -> None:
    shape = (spec.model, spec.parameters, part.dataset.image_shape, part.dataset.n_classes)
    n_parameters = sum(layer.n_parameters for layer in plan(*shape))
    if n_parameters > MOST_PARAMETERS:
        raise LimitReached(
            f"This page follows models of up to {MOST_PARAMETERS:,} parameters, and this one has {n_parameters:,}: "
            "take smaller layers, or train it on Train."
        )
    if (
        multiply_adds(*shape) * min(spec.parameters.get("batch_size") or part.n_images, part.n_images)
        > MOST_WORK_PER_BATCH
    ):
        raise LimitReached("A batch of this model takes too long to be followed here: take a smaller batch or model.")


@st.cache_resource(show_spinner=False, max_entries=8)
def _images(dataset: str, split_json: str, scaling: str, _spec: RunSpec) -> tuple[Part, np.ndarray, np.ndarray, int]:
    train = session.split_of(_spec).train
    kept = spread(train.n_images, max(MOST_PIXELS // prod(train.dataset.image_shape), 1))
    part = Part(train.name, train.dataset, train.indices[kept])
    return part, kept, images_and_labels(part, scaling)[0], train.n_images
