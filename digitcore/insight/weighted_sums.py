"""One image's way through a network as numbers: inputs, weights, sums, activations, and the softmax step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

OUTPUT = "output"


@dataclass(frozen=True)
class LayerSums:
    """What one dense layer makes of one image.

    Attributes
    ----------
    layer : str
        Its name, such as ``"dense_1"``; that of the last one is ``"output"``.
    before : str
        Name of the layer whose values it gets; empty for the pixels.
    inputs : ndarray, float, (n_inputs,)
        Pixels, or the values of the layer before.
    weights : ndarray, float, (n_units, n_inputs)
        One row per unit.
    bias : ndarray, float, (n_units,)
        Added to each unit's sum.
    values : ndarray, float, (n_units,)
        What comes out: after the activation, of the last layer the probabilities.
    """

    layer: str
    before: str
    inputs: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    values: np.ndarray

    @property
    def sums(self) -> np.ndarray:
        """Each unit's weighted sum plus bias, before the activation, float64 ``(n_units,)``; of the output: scores."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.weights.astype(float) @ self.inputs.astype(float) + self.bias

    def products(self, unit: int) -> np.ndarray:
        """Return weight times input for each input of a unit, float64 ``(n_inputs,)``; with the bias they sum up."""
        return self.weights[unit].astype(float) * self.inputs.astype(float)

    def products_table(self, unit: int) -> pd.DataFrame:
        """Return the inputs of a unit, the largest product first.

        Returns
        -------
        DataFrame
            ``input`` (int64, from 0), ``value``, ``weight``, ``product`` (float64).
        """
        products = self.products(unit)
        order = np.argsort(-np.abs(products), kind="stable")
        values, weights = self.inputs.astype(float), self.weights[unit].astype(float)
        return pd.DataFrame(
            {"input": order, "value": values[order], "weight": weights[order], "product": products[order]}
        )


def layer_sums(
    weights: Mapping[str, np.ndarray], hidden: Mapping[str, np.ndarray], probabilities: np.ndarray, pixels: np.ndarray
) -> list[LayerSums]:
    """Return what the dense layers make of one image, first to last: those behind pixels or another dense layer.

    Parameters
    ----------
    weights : mapping of str to ndarray
        As ``get_weights`` of the estimator gives them.
    hidden : mapping of str to ndarray, float
        Values of the hidden layers, as ``activations`` gives them for one image: of dense ones ``(n_units,)``.
    probabilities : ndarray, float, (n_classes,)
        What the model answers.
    pixels : ndarray, float, (n_pixels,)
        The image, scaled as in the training.

    Returns
    -------
    list of LayerSums
        Without convolutions and the layer behind the last of them.
    """
    names = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    values, layers = {**hidden, OUTPUT: probabilities}, []
    for before, name in zip(["", *names], names, strict=False):
        inputs = values[before] if before else pixels
        if inputs.ndim == weights[f"{name}.weight"].ndim - 1 == 1:
            layers.append(
                LayerSums(name, before, inputs, weights[f"{name}.weight"], weights[f"{name}.bias"], values[name])
            )
    return layers


def softmax_table(scores: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Return the softmax in its three steps, one row per class.

    Parameters
    ----------
    scores : ndarray, float, (n_classes,)
        Sums of the output layer.
    names : sequence of str
        Of the classes.

    Returns
    -------
    DataFrame
        ``name``, ``score``, ``exponential`` (e to the score minus the largest one, which spares large numbers and
        changes no share) and ``probability`` (its share of all exponentials), float64.
    """
    scores = np.asarray(scores, dtype=float)
    exponentials = np.exp(scores - scores.max())
    return pd.DataFrame(
        {
            "name": list(names),
            "score": scores,
            "exponential": exponentials,
            "probability": exponentials / exponentials.sum(),
        }
    )
