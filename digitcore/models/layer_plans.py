"""The layers of each kind of model, planned without torch: their shapes, their weights and what they cost.

The torch networks are built from the same plan, so a table drawn before a training cannot differ from what is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from digitcore.errors import InvalidSetting
from digitcore.models.hyperparameters import ACTIVATIONS

_SMALL_BATCH, _FEW_UNITS, _FEW_HIDDEN_PRODUCTS = 64, 256, 40_000

# What a normalisation keeps for each channel: the first two are trained, the others are running means.
NORM_WEIGHTS = ("scale", "shift", "mean", "variance")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a planned network.

    Attributes
    ----------
    name : str
        Key in a plan and prefix of the layer's weights, such as ``"dense_1"``.
    kind : {"conv", "norm", "pool", "dropout", "flatten", "dense"}
        What it does.
    label : str
        What a table shows.
    output_shape : tuple of int
        ``(height, width, channels)`` or ``(units,)``, for one image.
    activation : str or None
        What follows the weighted sum, or its normalisation: a name in
        :data:`digitcore.models.hyperparameters.ACTIVATIONS`, or "softmax".
    weight_shape : tuple of int
        ``(filters, channels, kernel, kernel)`` of a convolution, ``(outputs, inputs)`` of a dense layer, else empty.
        The bias has as many entries as the first dimension.
    has_bias : bool
        Whether it has one: a convolution whose sums are normalised would lose it at once.
    window, stride : int
        Side of the kernel or of the pooling window, and pixels from one window to the next.
    padding : {"valid", "same"}
        Of a convolution.
    rate : float
        Share of the values that dropout switches off.
    """

    name: str
    kind: Literal["conv", "norm", "pool", "dropout", "flatten", "dense"]
    label: str
    output_shape: tuple[int, ...]
    activation: str | None = None
    weight_shape: tuple[int, ...] = ()
    has_bias: bool = True
    window: int = 1
    stride: int = 1
    padding: str = "valid"
    rate: float = 0.0

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases; of a normalisation, of its scales and shifts."""
        if self.kind == "norm":
            return 2 * self.output_shape[-1]
        n_biases = self.weight_shape[0] if self.weight_shape and self.has_bias else 0
        return prod(self.weight_shape) + n_biases if self.weight_shape else 0

    @property
    def multiply_adds(self) -> int:
        """Multiplications of a weight with a value, for one image: every weight once at each position."""
        positions = prod(self.output_shape[:-1])
        return prod(self.weight_shape) * positions if self.weight_shape else 0


def is_small_dense(layers: Sequence[Layer], batch_size: int) -> bool:
    """Whether a network is trained faster by leaving out what is zero than by products of whole matrices.

    It has dense layers of few units with ReLU, and small batches; measured on images most of whose pixels are zero.
    """
    dense = [layer for layer in layers if layer.kind == "dense"]
    others = [layer for layer in layers if layer.kind not in ("dense", "dropout")]
    return (
        not others
        and len(dense) > 1
        and all(layer.activation == "relu" for layer in dense[:-1])
        and batch_size <= _SMALL_BATCH
        and max(layer.weight_shape[0] for layer in dense) <= _FEW_UNITS
        and sum(layer.multiply_adds for layer in dense[1:]) <= _FEW_HIDDEN_PRODUCTS
    )


def weight_shapes(layers: Sequence[Layer]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight array of a plan by name, such as ``"dense_1.weight"`` and ``"dense_1.bias"``.

    A normalisation has ``"norm_1.scale"`` and ``"norm_1.shift"``, which are trained, and ``"norm_1.mean"`` and
    ``"norm_1.variance"``, the running means that predictions use.
    """
    shapes = {}
    for layer in layers:
        if layer.weight_shape:
            shapes[f"{layer.name}.weight"] = layer.weight_shape
            if layer.has_bias:
                shapes[f"{layer.name}.bias"] = layer.weight_shape[:1]
        elif layer.kind == "norm":
            shapes |= {f"{layer.name}.{what}": layer.output_shape[-1:] for what in NORM_WEIGHTS}
    return shapes


def plan_softmax(values: Mapping[str, Any], image_shape: tuple[int, int], n_classes: int) -> list[Layer]:
    """Return the one layer of softmax regression."""
    return [_output(prod(image_shape), n_classes)]


def plan_mlp(values: Mapping[str, Any], image_shape: tuple[int, int], n_classes: int) -> list[Layer]:
    """Return the layers of an MLP: dense ones, each with dropout if wanted, and the output."""
    layers, n_inputs, activation = [], prod(image_shape), values.get("activation", "relu")
    for number, units in enumerate(values["hidden_units"], start=1):
        layers.append(_dense(number, n_inputs, units, activation))
        if values["dropout"]:
            layers.append(_dropout(f"dropout_{number}", values["dropout"], (units,)))
        n_inputs = units
    return [*layers, _output(n_inputs, n_classes)]


def plan_cnn(values: Mapping[str, Any], image_shape: tuple[int, int], n_classes: int) -> list[Layer]:
    """Return the layers of a CNN: convolutions, normalised if wanted, and pooled; dropout; dense layers; the output."""
    layers, shape, activation = [], (*image_shape, 1), values.get("activation", "relu")
    for number, filters in enumerate(values["channels"], start=1):
        is_normalized = values.get("normalization", "none") == "batch"
        behind = None if is_normalized else activation
        layers.append(_conv(number, shape, filters, values["kernel_size"], values["padding"], behind))
        if is_normalized:
            layers.append(_norm(number, layers[-1].output_shape, activation))
        # A window of one pixel keeps every maximum, so there is nothing to pool, whatever the stride says.
        if values["pool_size"] > 1:
            layers.append(_pool(number, layers[-1].output_shape, values["pool_size"], values["pool_stride"]))
        shape = layers[-1].output_shape
    if values["dropout"]:
        layers.append(_dropout("dropout", values["dropout"], shape))
    n_inputs = prod(shape)
    layers.append(Layer(name="flatten", kind="flatten", label="Flatten", output_shape=(n_inputs,)))
    for number, units in enumerate(values["hidden_units"], start=1):
        layers.append(_dense(number, n_inputs, units, activation))
        n_inputs = units
    return [*layers, _output(n_inputs, n_classes)]


def _conv(
    number: int, shape: tuple[int, int, int], filters: int, window: int, padding: str, activation: str | None
) -> Layer:
    name, (height, width, channels) = f"conv_{number}", shape
    if padding == "valid":
        height, width = _windows(name, "kernel", (height, width), window, stride=1)
    return Layer(
        name=name,
        kind="conv",
        label=f"Convolution {number} ({', '.join([times(window, window), *_named(activation)])})",
        output_shape=(height, width, filters),
        activation=activation,
        weight_shape=(filters, channels, window, window),
        has_bias=activation is not None,
        window=window,
        padding=padding,
    )


def _norm(number: int, shape: tuple[int, ...], activation: str) -> Layer:
    label = f"Batch normalisation {number} ({ACTIVATIONS[activation]})"
    return Layer(name=f"norm_{number}", kind="norm", label=label, output_shape=shape, activation=activation)


def _named(activation: str | None) -> list[str]:
    return [] if activation is None else [ACTIVATIONS[activation]]


def _pool(number: int, shape: tuple[int, int, int], window: int, stride: int) -> Layer:
    name, (*size, channels) = f"pool_{number}", shape
    return Layer(
        name=name,
        kind="pool",
        label=f"Max-pooling {number} ({times(window, window)}, stride {stride})",
        output_shape=(*_windows(name, "window", size, window, stride), channels),
        window=window,
        stride=stride,
    )


def _windows(name: str, noun: str, size: Sequence[int], window: int, stride: int) -> tuple[int, ...]:
    """Return how many whole windows fit into an image of ``size``, down and across."""
    if min(size) < window:
        raise InvalidSetting(
            f"The image is too small for {name}: it arrives with {times(*size)} pixels and the {noun} needs "
            f"{times(window, window)}; use a smaller kernel or pool size, fewer convolutions, or padding 'same'"
        )
    return tuple((side - window) // stride + 1 for side in size)


def _dropout(name: str, rate: float, shape: tuple[int, ...]) -> Layer:
    return Layer(name=name, kind="dropout", label=f"Dropout ({100 * rate:g} %)", output_shape=shape, rate=rate)


def _dense(number: int, n_inputs: int, units: int, activation: str) -> Layer:
    return Layer(
        name=f"dense_{number}",
        kind="dense",
        label=f"Dense {number} ({ACTIVATIONS[activation]})",
        output_shape=(units,),
        activation=activation,
        weight_shape=(units, n_inputs),
    )


def _output(n_inputs: int, n_classes: int) -> Layer:
    return Layer(
        name="output",
        kind="dense",
        label="Output (softmax)",
        output_shape=(n_classes,),
        activation="softmax",
        weight_shape=(n_classes, n_inputs),
    )


def times(*sizes: int) -> str:
    """Return sizes as text: "26 × 26 × 32"."""
    return " × ".join(str(size) for size in sizes)
