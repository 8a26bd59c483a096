"""Activations other than ReLU, with dropout after them, and the convolutions that they stand behind.

ReLU has loops of its own, which gain by its zeros. These are PyTorch's operations and their derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F

from digitcore.models.torch_backend.kernels.dropout import Dropout

# PyTorch's default.
_SLOPE = 0.01
_aten = torch.ops.aten


class _Rule(NamedTuple):
    """From sums to values, and from the values' gradient, the sums and the values to the sums' gradient."""

    forward: Callable[[torch.Tensor], torch.Tensor]
    backward: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


_RULES = {
    "leaky_relu": _Rule(
        lambda z: F.leaky_relu(z, _SLOPE), lambda da, z, a: _aten.leaky_relu_backward(da, z, _SLOPE, False)
    ),
    "gelu": _Rule(F.gelu, lambda da, z, a: _aten.gelu_backward(da, z)),
    "tanh": _Rule(torch.tanh, lambda da, z, a: _aten.tanh_backward(da, a)),
    "sigmoid": _Rule(torch.sigmoid, lambda da, z, a: _aten.sigmoid_backward(da, a)),
}
OTHER_ACTIVATIONS = tuple(_RULES)


class Activation:
    """An activation, and dropout if wanted.

    Parameters
    ----------
    name : str
        One of :data:`OTHER_ACTIVATIONS`.
    dropout : Dropout or None
        What comes after it.

    Attributes
    ----------
    scale : float
        1: the way back takes account of dropout by itself.
    """

    scale = 1.0

    def __init__(self, name: str, dropout: Dropout | None):
        self.dropout, self._rule = dropout, _RULES[name]
        self._z = self._a = self._mask = None

    def forward(self, z: torch.Tensor, training: bool) -> torch.Tensor:
        """Return the values for the sums ``z``, which must stay as they are until the way back."""
        self._z, self._a = z, self._rule.forward(z)
        self._mask = drawn_mask(self.dropout, self._a, training)
        return self._a if self._mask is None else self._a * self._mask

    def backward(self, dy: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the sums, from that of the last result."""
        return self._rule.backward(dy if self._mask is None else dy * self._mask, self._z, self._a)


class ActivatedConvBlock:
    """Convolution, activation, max-pooling and dropout, in this order, for one group of images after the other.

    Parameters
    ----------
    convolution : Convolution
        What comes first.
    name : str
        One of :data:`OTHER_ACTIVATIONS`.
    pooling : (int, int) or None
        Side of a window, and pixels from one to the next.
    dropout : Dropout or None
        What comes last.
    """

    def __init__(self, convolution, name: str, pooling: tuple[int, int] | None, dropout: Dropout | None):
        self.convolution, self.dropout, self._rule = convolution, dropout, _RULES[name]
        self._sides = pooling and ([pooling[0]] * 2, [pooling[1]] * 2)
        self._kept: dict[int, tuple] = {}

    def forward(self, x: torch.Tensor, group: int, training: bool, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return the block's result for ``x``, kept under ``group`` for the way back."""
        z = self.convolution.forward(x, training)
        a = values = self._rule.forward(z)
        places = None
        if self._sides:
            values, places = _aten.max_pool2d_with_indices(_first(a), *self._sides)
            values = _last(values)
        values = values.contiguous()
        mask = drawn_mask(self.dropout, values, training)
        if mask is not None:
            values = values * mask
        if training:
            self._kept[group] = x, z, a, places, mask
        return values if out is None else out.copy_(values)

    def backward(self, dy: torch.Tensor, group: int, scale: float, wants_input: bool) -> torch.Tensor | None:
        """Add the weights' gradients to their sums; return that of the input if wanted."""
        x, z, a, places, mask = self._kept.pop(group)
        da = dy if mask is None else dy * mask
        if places is not None:
            unpool = _aten.max_pool2d_with_indices_backward
            da = _last(unpool(_first(da), _first(a), *self._sides, [0, 0], [1, 1], False, places))
        dz = self._rule.backward(da.contiguous(), z, a)
        return self.convolution.backward(dz, x, scale, wants_input)


def drawn_mask(dropout: Dropout | None, values: torch.Tensor, training: bool) -> torch.Tensor | None:
    """Return what dropout multiplies ``values`` with; None where it is off."""
    if dropout is None or not training:
        return None
    return torch.from_numpy(dropout.factors(values.numel())).view(values.shape)


def _first(images: torch.Tensor) -> torch.Tensor:
    return images.permute(0, 3, 1, 2)


def _last(images: torch.Tensor) -> torch.Tensor:
    return images.permute(0, 2, 3, 1)
