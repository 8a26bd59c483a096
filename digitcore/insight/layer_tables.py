"""What happens inside a network: its layers' weights and gradients over time, its units, and the paths to a class.

Snapshots are those of :class:`digitcore.runs.arrays.RunArrays`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd


def snapshot_epochs_of(snapshots: Mapping[str, np.ndarray]) -> list[int]:
    """Return the epochs of which a run kept snapshots, 0 for the start; none for a run of an older version."""
    return snapshots["epochs"].tolist() if "epochs" in snapshots else []


def layer_names(snapshots: Mapping[str, np.ndarray]) -> list[str]:
    """Return the layers that have weights, first to last."""
    return _layers(snapshots, "weights")


def quantiles_table(
    snapshots: Mapping[str, np.ndarray], kind: Literal["weights", "gradients"], layer: str
) -> pd.DataFrame:
    """Return how the weights of a layer, or their gradients, are spread at each snapshot.

    Returns
    -------
    DataFrame
        ``epoch`` and the quantiles ``q05``, ``q25``, ``q50``, ``q75``, ``q95``.
    """
    values = snapshots[f"{kind}.{layer}"].astype(np.float64)
    table = pd.DataFrame(values, columns=["q05", "q25", "q50", "q75", "q95"])
    table.insert(0, "epoch", snapshots["epochs"])
    return table


def dead_units_table(snapshots: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the share of dead units of each hidden layer at each snapshot: ``epoch``, ``layer``, ``share`` (0 to 1).

    A unit is dead where its ReLU is zero for every image that was probed. Empty without hidden layers.
    """
    epochs = snapshot_epochs_of(snapshots)
    tables = [
        pd.DataFrame({"epoch": epochs, "layer": layer, "share": snapshots[f"silent.{layer}"].astype(np.float64)})
        for layer in _layers(snapshots, "silent")
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["epoch", "layer", "share"])


def order_by_norm(images: np.ndarray) -> np.ndarray:
    """Return the positions of weight images ``(n, height, width)``, largest Euclidean norm first, ties in order."""
    return np.argsort(-np.linalg.norm(images.reshape(len(images), -1), axis=1), kind="stable")


def strongest_path(
    weights: Mapping[str, np.ndarray], activations: Mapping[str, np.ndarray], class_index: int
) -> list[int]:
    """Return, for an MLP, the chain of units that does most for a class: one a hidden layer, first to last.

    From the class backwards each step goes to the unit that adds most to the sum of the one before: the largest weight
    times the unit's mean activation. Empty if a layer is zero for all images, or if there is no hidden one.

    Parameters
    ----------
    weights : mapping
        Of the MLP, by name.
    activations : mapping of str to ndarray ``(n_images, n_units)``
        Of images of this class, as ``activations`` of the estimator gives them.
    class_index : int
        Row of the output layer.
    """
    if not all(each.any() for each in activations.values()):
        return []
    path: list[int] = []
    layer, unit = "output", class_index
    for name in reversed(list(activations)):
        shares = weights[f"{layer}.weight"][unit] * activations[name].mean(axis=0)
        layer, unit = name, int(shares.argmax())
        path.insert(0, unit)
    return path


def paths_table(paths: Mapping[int, Sequence[int]], class_names: Sequence[str]) -> pd.DataFrame:
    """Return a row per class: ``class_name`` and ``path``, its units counted from 1: "12 → 5"."""
    return pd.DataFrame(
        {
            "class_name": [class_names[index] for index in paths],
            "path": [" → ".join(str(unit + 1) for unit in path) for path in paths.values()],
        }
    )


def _layers(snapshots: Mapping[str, np.ndarray], kind: str) -> list[str]:
    """Layers with arrays of a kind in the network's order, which a file of arrays does not keep."""
    prefix = f"{kind}."
    names = [name.removeprefix(prefix) for name in snapshots if name.startswith(prefix)]
    return sorted(names, key=lambda name: (name.split("_")[0], int(name.split("_")[1]) if "_" in name else 0))
