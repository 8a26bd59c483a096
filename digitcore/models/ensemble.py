"""An ensemble: models that differ only in the seed, are trained in step and vote: their probabilities are averaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.models.checkpoint import history_arrays, history_of, n_epochs_of, under_prefix, with_prefix
from digitcore.models.epoch import Epoch

if TYPE_CHECKING:
    from digitcore.models.base import EpochClassifier

# What a training of a spec changes.
Model: TypeAlias = Union["EpochClassifier", "Ensemble"]


class Ensemble:
    """Several estimators of one kind, trained in step; what they predict is the mean of their probabilities.

    It has what a run needs of an :class:`~digitcore.models.base.EpochClassifier`, with the same meaning unless said
    otherwise. For a scikit-learn classifier of this kind, give the estimators to
    :class:`sklearn.ensemble.VotingClassifier` with ``voting="soft"``.

    Parameters
    ----------
    members : sequence of EpochClassifier
        Two or more, equal but for ``random_state``.

    Attributes
    ----------
    members : tuple of EpochClassifier
        The estimators, in the order of their seeds.
    history_ : list of Epoch
        One for each epoch that any member has trained: means of their losses and accuracies, sum of their seconds. A
        member that ended early counts with its best epoch, whose weights it has.
    best_epoch_ : int
        The first epoch with the highest mean monitored accuracy. With ``patience``, each member has a best epoch of its
        own, whose weights it keeps.

    References
    ----------
    Lakshminarayanan, Pritzel and Blundell (2017), "Simple and scalable predictive uncertainty estimation using deep
    ensembles", section 2.4.
    """

    def __init__(self, members: Sequence[EpochClassifier]):
        self.members = tuple(members)
        self.history_: list[Epoch] = []

    @property
    def MODEL_NAME(self) -> str:
        """Name of the members' kind of model."""
        return self.members[0].MODEL_NAME

    @property
    def epochs(self) -> int:
        """Number of epochs that each member is to train."""
        return self.members[0].epochs

    @property
    def classes_(self) -> np.ndarray:
        """The labels seen in the training, sorted, ``(n_classes,)``."""
        return self.members[0].classes_

    @property
    def n_iter_(self) -> int:
        """Number of epochs that the member trained for longest has trained."""
        return len(self.history_)

    @property
    def best_epoch_(self) -> int:
        return max(self.history_, key=lambda epoch: epoch.monitored_accuracy).number if self.history_ else 0

    def fit(self, X, y, validation_data=None) -> Ensemble:
        """Train all members to their ends; see :meth:`digitcore.models.base.EpochClassifier.fit`."""
        for _ in self.iter_fit(X, y, validation_data):
            pass
        return self

    def iter_fit(
        self,
        X,
        y,
        validation_data=None,
        *,
        resume_from: Mapping[str, np.ndarray] | None = None,
        n_inherited: int = 0,
    ) -> Iterator[Epoch]:
        """Return a generator that trains an epoch of each member and yields the :class:`Epoch` of all.

        See :meth:`digitcore.models.base.EpochClassifier.iter_fit`.
        """
        checkpoints: list[Mapping[str, np.ndarray] | None] = [None] * len(self.members)
        if resume_from is not None:
            checkpoints = [under_prefix(_member(place), resume_from) for place in range(len(self.members))]
            if any(n_epochs_of(each or {}) != n_epochs_of(resume_from) for each in checkpoints):
                raise InvalidSetting(f"The checkpoint is not one of {len(self.members)} models that vote")
        trainings = [
            member.iter_fit(X, y, validation_data, resume_from=checkpoint, n_inherited=n_inherited)
            for member, checkpoint in zip(self.members, checkpoints, strict=True)
        ]
        self.history_ = [] if resume_from is None else history_of(under_prefix("history", resume_from))
        return self._all_epochs(trainings)

    def _all_epochs(self, trainings: Sequence[Iterator[Epoch]]) -> Iterator[Epoch]:
        with ExitStack() as stack:
            for training in trainings:
                stack.enter_context(closing(training))
            while any([next(training, None) is not None for training in trainings]):
                self.history_.append(self._joint_epoch(len(self.history_) + 1))
                yield self.history_[-1]

    def _joint_epoch(self, number: int) -> Epoch:
        trained = [member.history_[number - 1] for member in self.members if member.n_iter_ == number]
        ended = [member.history_[member.best_epoch_ - 1] for member in self.members if member.n_iter_ < number]
        each = [*trained, *ended]
        return Epoch(
            number,
            fmean(epoch.train_loss for epoch in each),
            fmean(epoch.train_accuracy for epoch in each),
            _mean_or_none([epoch.validation_loss for epoch in each]),
            _mean_or_none([epoch.validation_accuracy for epoch in each]),
            sum(epoch.seconds for epoch in trained),
        )

    def checkpoint(self) -> dict[str, np.ndarray]:
        """Return what a training needs to be continued later, while :meth:`iter_fit` is suspended at an epoch.

        Returns
        -------
        dict of str to ndarray
            The members' checkpoints under ``"member_1."`` and so on, and the joint ``"history."``.

        Raises
        ------
        InvalidSetting
            If a member has ended early, or as :meth:`digitcore.models.base.EpochClassifier.checkpoint`.
        """
        parts = {}
        for place, member in enumerate(self.members):
            parts.update(with_prefix(_member(place), member.checkpoint()))
        return {**parts, **with_prefix("history", history_arrays(self.history_))}

    def predict_proba(self, X) -> np.ndarray:
        """Return the mean of the members' probabilities, float, ``(n_images, n_classes)``."""
        total = self.members[0].predict_proba(X)
        for member in self.members[1:]:
            total = total + member.predict_proba(X)
        return total / np.asarray(len(self.members), dtype=total.dtype)

    def predict(self, X) -> np.ndarray:
        """Return the most probable class of every image, ``(n_images,)``."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def input_gradients(self, x) -> np.ndarray:
        """Return the mean of the members' gradients of each class's score by each pixel, ``(n_classes, n_pixels)``."""
        return np.mean([member.input_gradients(x) for member in self.members], axis=0)

    def get_weights(self) -> dict[str, np.ndarray]:
        """Return copies of all weights by names such as ``"member_2.output.weight"``."""
        every = (with_prefix(_member(place), member.get_weights()) for place, member in enumerate(self.members))
        return {name: array for weights in every for name, array in weights.items()}

    def restore(self, weights: Mapping[str, np.ndarray], *, classes: Sequence, n_features: int) -> Ensemble:
        """Make the members fitted from the weights that :meth:`get_weights` of another ensemble gave.

        Raises
        ------
        InvalidSetting
            If they do not fit the members' parameters.
        """
        for place, member in enumerate(self.members):
            member.restore(under_prefix(_member(place), weights), classes=classes, n_features=n_features)
        return self


def members_of(model: Model) -> tuple[EpochClassifier, ...]:
    """Return the estimators that vote, or the only one."""
    return model.members if isinstance(model, Ensemble) else (model,)


def first_member(model: Model) -> EpochClassifier:
    """Return the member of an ensemble whose weights are shown; a single model is its own."""
    return members_of(model)[0]


def weights_of_first(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the first member's weights out of those that ``get_weights`` gave; for a single model all of them."""
    return under_prefix(_member(0), weights) or dict(weights)


def _member(place: int) -> str:
    return f"member_{place + 1}"


def _mean_or_none(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
