"""Surgery on a trained network: prune its weights, add noise to them, scale or switch off units, set a temperature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.wording import listed

_OUTPUT = "output."


@dataclass(frozen=True)
class Surgery:
    """Changes to a model's weights, applied in the order of the attributes.

    Attributes
    ----------
    units : tuple of int
        Units, filters or classes of the first layer, from 0, whose weights and biases are scaled.
    scale : float
        What they are multiplied by; at 0 they are switched off: their sum is 0 for every image.
    pruned : float
        Share of all weights, 0 to 1, that are set to 0: the smallest of the whole network. Biases stay.
    noise : float
        Standard deviation of Gaussian noise that is added to each layer's weights, in standard deviations of that
        layer's weights; 0 or more. Weights that were pruned get none.
    temperature : float
        What the scores before the softmax are divided by, above 0. It changes how sure the model is, and no answer.
    seed : int
        Of the noise.

    Raises
    ------
    InvalidSetting
        If a value is not valid.

    References
    ----------
    Pruning by magnitude over all layers: Han et al. (2015), "Learning both weights and connections for efficient neural
    networks". Temperature: Guo et al. (2017), "On calibration of modern neural networks", section 4.2.
    """

    units: tuple[int, ...] = ()
    scale: float = 1.0
    pruned: float = 0.0
    noise: float = 0.0
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", tuple(sorted({int(unit) for unit in self.units})))
        if self.units and self.units[0] < 0:
            raise InvalidSetting(f"units must be numbers from 0, got {self.units!r}")
        if not 0 <= self.pruned <= 1:
            raise InvalidSetting(f"pruned must be a share from 0 to 1, got {self.pruned!r}")
        for name in ("scale", "noise", "temperature"):
            if not np.isfinite(getattr(self, name)):
                raise InvalidSetting(f"{name} must be a finite number, got {getattr(self, name)!r}")
        if self.noise < 0:
            raise InvalidSetting(f"noise must be 0 or more, got {self.noise!r}")
        if self.temperature <= 0:
            raise InvalidSetting(f"temperature must be above 0, got {self.temperature!r}")

    @property
    def changes_nothing(self) -> bool:
        """Whether the weights stay as they are."""
        return self.pruned == self.noise == 0 and self.temperature == 1 and (not self.units or self.scale == 1)

    @property
    def words(self) -> str:
        """What is done, in words: ``"40 % pruned, noise 0.1"``; units are counted from 1."""
        # By number, as a page shows them: other units make another model.
        n_units = f"unit{'s' * (len(self.units) != 1)} {listed([str(unit + 1) for unit in self.units])}"
        done = {
            f"{n_units} {'off' if self.scale == 0 else f'times {self.scale:g}'}": bool(self.units) and self.scale != 1,
            f"{100 * self.pruned:g} % pruned": self.pruned > 0,
            f"noise {self.noise:g}{f' (seed {self.seed})' * bool(self.seed)}": self.noise > 0,
            f"temperature {self.temperature:g}": self.temperature != 1,
        }
        return ", ".join(words for words, is_done in done.items() if is_done)


def operate(weights: Mapping[str, np.ndarray], first: str, surgery: Surgery) -> dict[str, np.ndarray]:
    """Return a model's weights after a surgery; the given ones stay as they are.

    Parameters
    ----------
    weights : mapping of str to ndarray
        As ``get_weights`` of the estimator gives them.
    first : str
        Name of the first layer's weights, see :func:`digitcore.insight.weight_images.first_layer_name`.
    surgery : Surgery
        What to do.

    Raises
    ------
    InvalidSetting
        If a unit is not there.
    """
    changed = {name: np.array(array) for name, array in weights.items()}
    if surgery.units:
        _scale_units(changed, first, surgery)
    names = [name for name in changed if name.endswith(".weight")]
    if surgery.pruned > 0:
        _prune(changed, names, surgery.pruned)
    if surgery.noise > 0:
        random = np.random.default_rng(surgery.seed)
        for name in names:
            layer, kept = changed[name], changed[name] != 0
            step = random.normal(scale=surgery.noise * float(layer.std()), size=layer.shape)
            changed[name] = np.where(kept, layer + step, 0).astype(layer.dtype)
    if surgery.temperature != 1:
        for name in changed:
            if name.startswith(_OUTPUT):
                changed[name] = (changed[name] / surgery.temperature).astype(changed[name].dtype)
    return changed


def _scale_units(weights: dict[str, np.ndarray], first: str, surgery: Surgery) -> None:
    n_units, chosen = len(weights[first]), list(surgery.units)
    if not all(0 <= unit < n_units for unit in chosen):
        raise InvalidSetting(f"units must be numbers from 0 to {n_units - 1}, got {surgery.units!r}")
    # What a normalisation makes of the units would undo it.
    norm = first.removesuffix("weight").replace("conv_", "norm_")
    normalized = (f"{norm}scale", f"{norm}shift")
    for name in normalized if normalized[0] in weights else (first, first.removesuffix("weight") + "bias"):
        if name in weights:
            weights[name][chosen] *= surgery.scale


def _prune(weights: dict[str, np.ndarray], names: list[str], share: float) -> None:
    sizes = np.concatenate([np.abs(weights[name]).ravel() for name in names])
    n_pruned = round(share * len(sizes))
    if n_pruned == 0:
        return
    is_pruned = np.zeros(len(sizes), dtype=bool)
    # In order of size, equal ones in order of place: exactly so many, whatever is equal.
    is_pruned[np.argsort(sizes, kind="stable")[:n_pruned]] = True
    start = 0
    for name in names:
        size = weights[name].size
        weights[name][is_pruned[start : start + size].reshape(weights[name].shape)] = 0
        start += size
