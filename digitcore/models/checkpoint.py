"""The arrays of a suspended training: how they are named, put together and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.models.epoch import Epoch

_FIGURES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
_figures_of = attrgetter(*_FIGURES)
# What names an array that every checkpoint has, one figure for each epoch.
_EPOCHS = "history.train_loss"
_RANDOM = "random"
# What begins anew where a training goes on with other settings or images.
_ANEW = ("schedule.", "hard.")
# Of how many epochs the learning-rate schedule is, in checkpoints of one that ends with them.
_SCHEDULED = "schedule.n_epochs"


def with_prefix(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return ``arrays`` under names such as ``"weights.output.bias"`` for the prefix ``"weights"``."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def under_prefix(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return those of ``arrays`` that :func:`with_prefix` named, by the names they had before."""
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def history_arrays(history: Sequence[Epoch]) -> dict[str, np.ndarray]:
    """Return a float64 array ``(n_epochs,)`` for each figure that any epoch has, NaN where another lacks it."""
    columns = zip(*map(_figures_of, history), strict=True)
    arrays = {name: np.array(values, dtype=np.float64) for name, values in zip(_FIGURES, columns, strict=True)}
    return {name: values for name, values in arrays.items() if not np.isnan(values).all()}


def history_of(arrays: Mapping[str, np.ndarray]) -> list[Epoch]:
    """Return the epochs whose figures :func:`history_arrays` gave."""
    n_epochs = len(arrays["train_loss"])
    columns = (_without_nan(arrays[name]) if name in arrays else [None] * n_epochs for name in _FIGURES)
    return [Epoch(number, *figures) for number, figures in enumerate(zip(*columns, strict=True), start=1)]


def n_epochs_of(checkpoint: Mapping[str, np.ndarray]) -> int:
    """Return the number of epochs after which a checkpoint was taken; 0 if it does not say."""
    return int(np.size(checkpoint[_EPOCHS])) if _EPOCHS in checkpoint else 0


def kept_state(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what another training may go on from beside the weights: optimizer and random numbers.

    A learning-rate schedule begins anew with each training, and so does what is known of its images.
    """
    return {name: array for name, array in state.items() if not name.startswith(("weights.", *_ANEW))}


def continued_state(
    first: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray], kept: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the state from which a new training goes on where an earlier one, perhaps on other images, has ended.

    Parameters
    ----------
    first : mapping of str to ndarray
        State of the new training before its first epoch.
    weights : mapping of str to ndarray
        Weights to go on from, by names such as ``"output.bias"``.
    kept : mapping of str to ndarray
        The earlier training's :func:`kept_state`. Another optimizer has other arrays and starts afresh.
    """
    state = {**first, **with_prefix("weights", weights)}
    others = kept_state(first)
    fits = set(others) == set(kept) and all(
        (array.shape, array.dtype) == (kept[name].shape, kept[name].dtype) for name, array in others.items()
    )
    return {**state, **kept} if fits else state


def inherited_checkpoint(
    given: Mapping[str, np.ndarray], first: Mapping[str, np.ndarray], *, validates: bool, keeps_best: bool
) -> dict[str, np.ndarray]:
    """Return the checkpoint from which a training goes on where one with other settings or images has ended.

    Parameters
    ----------
    given : mapping of str to ndarray
        The earlier training's checkpoint. Without ``"random"`` the random numbers are those of the new one.
    first : mapping of str to ndarray
        State of the new training before its first epoch. Its optimizer's arrays stay if it is another optimizer; its
        learning-rate schedule begins, and nothing is known of its images yet.
    validates : bool
        Whether the new training has validation data; figures that the earlier epochs lack are NaN.
    keeps_best : bool
        Whether the new training keeps the weights of its best epoch; until it has one, they are those given.

    Raises
    ------
    InvalidSetting
        If the weights of the two differ in name, shape or type.
    """
    weights = under_prefix("weights", given)
    if _forms(weights) != _forms(under_prefix("weights", first)):
        raise InvalidSetting("A training can only go on from one with the same layers, on images of the same size")
    afresh = {name: array for name, array in first.items() if name.startswith(_ANEW) or name == _RANDOM}
    others = {name: array for name, array in kept_state(first).items() if name not in afresh}
    state = afresh | continued_state(others, weights, {name: given[name] for name in others if name in given})
    history = {f"history.{name}": given[f"history.{name}"] for name in _FIGURES if f"history.{name}" in given}
    if validates:
        history = {f"history.{name}": np.full(n_epochs_of(given), np.nan) for name in _FIGURES} | history
    best = with_prefix("best", weights if keeps_best else {})
    return {**state, _RANDOM: given.get(_RANDOM, first[_RANDOM]), **history, **best}


def check_checkpoint(
    given: Mapping[str, np.ndarray],
    first: Mapping[str, np.ndarray],
    *,
    validates: bool,
    epochs: int,
    n_inherited: int = 0,
) -> None:
    """Refuse a checkpoint that a training cannot go on from.

    Parameters
    ----------
    given : mapping of str to ndarray
        The checkpoint.
    first : mapping of str to ndarray
        What the training would give before its first epoch, but for its history: names, shapes and types.
    validates : bool
        Whether the training has validation data.
    epochs : int
        How many epochs are wanted in all.
    n_inherited : int
        How many of the epochs are another training's, which may have had validation data where this one has none.

    Raises
    ------
    InvalidSetting
        If a name, a shape or a type differs, if it has no epochs or more than wanted, or if its learning-rate schedule
        ends with another epoch.
    """
    inherited = {name for name in _FIGURES if n_inherited and f"history.{name}" in given}
    figures = [name for name in _FIGURES if validates or name in inherited or not name.startswith("validation")]
    names = {*first, *(f"history.{name}" for name in figures)}
    if odd := sorted(names ^ set(given)):
        trouble = "lacks" if odd[0] in names else "has the unknown"
        raise InvalidSetting(f"The checkpoint is not of this training: it {trouble} array {odd[0]!r}")
    n_epochs = np.size(given[_EPOCHS])
    expected = {**first, **{f"history.{name}": np.zeros(n_epochs) for name in figures}}
    for name, array in expected.items():
        came = np.asarray(given[name])
        if (came.shape, came.dtype) != (array.shape, array.dtype):
            raise InvalidSetting(
                f"The checkpoint's array {name!r} must be {array.dtype} of shape {array.shape}, "
                f"got {came.dtype} of shape {came.shape}"
            )
    if not 1 <= n_epochs <= epochs:
        raise InvalidSetting(
            f"The checkpoint must have 1 to {epochs} epochs, as many as are wanted in all, got {n_epochs}"
        )
    if _SCHEDULED in first and given[_SCHEDULED] != first[_SCHEDULED]:
        raise InvalidSetting(
            f"The checkpoint is of a training whose learning-rate schedule ends with epoch {given[_SCHEDULED]}, so "
            f"that a training of {epochs} epochs cannot go on from it: train from the start"
        )


def _without_nan(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]


def _forms(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}
