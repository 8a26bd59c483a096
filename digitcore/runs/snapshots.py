"""What a training leaves behind of its way: the first layer's weights and figures of all layers, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from digitcore.insight.weight_images import first_layer_name

if TYPE_CHECKING:
    from digitcore.models.base import EpochClassifier

MOST_SNAPSHOTS = 50
# Of the first layer's weights, all snapshots together, in half precision: enough for pictures of them.
MOST_BYTES = 16_000_000
# Training images on which gradients and dead units are looked at: a few milliseconds for the networks of the recipes.
N_PROBED = 128
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Largest number that half precision can tell from infinity.
_LARGEST_HALF = float(np.finfo(np.float16).max)


def snapshot_epochs(n_epochs: int, most: int = MOST_SNAPSHOTS) -> frozenset[int]:
    """Return the epochs to keep of ``n_epochs``, 0 for the start: at most ``most``, the first and the last among them.

    Where not all can be kept, half of them are spread evenly and half by ratio, for most happens early. ``most`` is at
    least 2.
    """
    if n_epochs < most:
        return frozenset(range(n_epochs + 1))
    half = (most - 2) // 2
    early, even = np.geomspace(1, n_epochs, half + 1)[:-1], np.linspace(1, n_epochs, half + 1)[:-1]
    return frozenset([0, n_epochs, *np.concatenate([early, even]).round().astype(int).tolist()])


class Recorder:
    """Takes snapshots of a model while it is trained.

    Parameters
    ----------
    model : EpochClassifier
        In training: its weights have their first values, or those of the epoch that it goes on from.
    X : ndarray, float, (n_images, n_pixels)
        Training images; the first 128 are probed.
    y : ndarray, (n_images,)
        Their classes.
    earlier : mapping of str to ndarray, optional
        The :attr:`arrays` of the training that this one goes on from: where an epoch is to be kept, the nearest one
        that was.
    """

    def __init__(
        self, model: EpochClassifier, X: np.ndarray, y: np.ndarray, earlier: Mapping[str, np.ndarray] | None = None
    ):
        self._model, self._X, self._y = model, X[:N_PROBED], y[:N_PROBED]
        weights = model.get_weights()
        first = weights[first_layer_name(model.MODEL_NAME, weights)]
        most = int(np.clip(MOST_BYTES // (2 * first.size), 2, MOST_SNAPSHOTS))
        self._epochs = snapshot_epochs(model.epochs, most)
        self._taken = _nearest(earlier or {}, [epoch for epoch in self._epochs if epoch < len(model.history_)])
        # Without earlier ones a training that goes on begins with this.
        self.take(len(model.history_), last=bool(model.history_) and not earlier)

    def take(self, epoch: int, *, last: bool = False) -> None:
        """Take a snapshot if this epoch is among those to keep, or is the ``last`` one; never two of one epoch.

        None of an epoch that the model has not trained: others that vote with it may go on after its end.
        """
        taken = self._taken and self._taken[-1][0] == epoch
        if (last or epoch in self._epochs) and not taken and epoch <= len(self._model.history_):
            self._taken.append((epoch, self._look()))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All snapshots by name.

        ``epochs`` int64 ``(n,)``; ``first_layer`` float16 ``(n, *shape of the weights)``; for each
        layer with weights ``weights.<layer>`` and ``gradients.<layer>``, float32 ``(n, 5)``, the
        quantiles 5, 25, 50, 75 and 95 %; for each with a ReLU ``silent.<layer>``, float32 ``(n,)``: the share
        of its units (channels of a convolution) that were zero for every image probed.
        """
        columns = {name: np.stack([look[name] for _, look in self._taken]) for name in self._taken[0][1]}
        columns["epochs"] = np.array([epoch for epoch, _ in self._taken], dtype=np.int64)
        return columns

    def _look(self) -> dict[str, np.ndarray]:
        weights, gradients = self._model.get_weights(), self._model.weight_gradients(self._X, self._y)
        first = weights[first_layer_name(self._model.MODEL_NAME, weights)]
        look = {"first_layer": first.clip(-_LARGEST_HALF, _LARGEST_HALF).astype(np.float16)}
        for name in weights:
            layer, kind = name.rsplit(".", 1)
            if kind == "weight":
                look[f"weights.{layer}"] = _quantiles(weights[name])
                look[f"gradients.{layer}"] = _quantiles(gradients[name])
        # Only a ReLU has units that are zero for good.
        has_relu = getattr(self._model, "activation", "relu") == "relu"
        for layer, values in self._model.activations(self._X).items() if has_relu else ():
            if f"{layer}.weight" not in weights:  # pooling silences nothing
                continue
            unit = values.max(axis=tuple(range(values.ndim - 1)))  # the largest value of each unit
            look[f"silent.{layer}"] = np.float32((unit <= 0).mean())
        return look


def _nearest(arrays: Mapping[str, np.ndarray], epochs: Sequence[int]) -> list[tuple[int, dict[str, np.ndarray]]]:
    """Return, of earlier snapshots from before the present one, those nearest to some epochs."""
    taken = arrays["epochs"] if "epochs" in arrays else np.array([], dtype=np.int64)
    if not (len(taken) and epochs):
        return []
    rows = sorted({int(np.abs(taken - epoch).argmin()) for epoch in epochs if epoch <= taken.max()})
    looks = {name: array for name, array in arrays.items() if name != "epochs"}
    return [(int(taken[row]), {name: array[row] for name, array in looks.items()}) for row in rows]


def _quantiles(values: np.ndarray) -> np.ndarray:
    return np.quantile(values, QUANTILES).astype(np.float32)
