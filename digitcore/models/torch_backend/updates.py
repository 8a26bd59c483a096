"""From the gradients of a batch to new weights, all weights of a network in one block of memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import nn

from digitcore.models.gradients import clipping_factor

# Running means up to this size count as zero.
_FORGOTTEN = 1e-30


class Update(Protocol):
    """How a batch changes the weights: ``begin``, gradients times ``scale`` added to ``sums``, ``end``.

    Attributes
    ----------
    values : Tensor
        All weights and biases, ``(n_parameters,)``.
    sums : dict of str to Tensor
        Where each named weight's gradients are added up.
    summed : Tensor
        What the dense layers' sums are views of, as the weights are of ``values``.
    scale : float
        What the gradient of the mean loss is multiplied with on the way into ``sums``.
    learning_rate : float
        How far a step goes; may be set between two batches.
    kept : float
        How much of a dense layer's sum is kept when the first gradient of a batch is added.
    """

    values: torch.Tensor
    sums: dict[str, torch.Tensor]
    summed: torch.Tensor
    scale: float
    learning_rate: float
    kept: float

    def begin(self) -> None:
        """Get ready for a batch."""

    def end(self) -> None:
        """Change the weights."""

    def forget(self) -> None:
        """Set to zero what running means have left of gradients of long ago."""

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of what earlier steps left behind, the weights aside."""

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what :meth:`state` of an equal update gave."""


class Sums(NamedTuple):
    """Where gradients are added up: those attributes of an :class:`Update` that a network needs."""

    values: torch.Tensor
    sums: Mapping[str, torch.Tensor]
    summed: torch.Tensor

    def twin(self) -> Sums:
        """Return other sums, all zero, of the same weights; ``sums`` must be views of ``summed``."""
        summed = torch.zeros_like(self.summed)
        sums = {
            name: summed.as_strided(each.shape, each.stride(), each.storage_offset())
            for name, each in self.sums.items()
        }
        return Sums(self.values, sums, summed)


class OptimizerUpdate:
    """A rule of torch's optimizers, which sees all weights as a single one: one call instead of one a layer."""

    scale, kept = 1.0, 0.0

    def __init__(self, module: nn.Module, settings: Mapping[str, Any], inputs_first: bool):
        self.values = gather_weights(module, inputs_first)
        self.summed = torch.zeros_like(self.values)
        self._views = partial(_like_weights, module, inputs_first=inputs_first)
        self.sums = self._views(self.summed)
        self._convolved = self.summed[: _n_convolved(module)]
        self._rule = Rule(settings, self.values, self.summed)
        self._max_norm = settings.get("max_norm")
        self._inputs_first = inputs_first
        self.end = self._rule.step if self._max_norm is None else self._clip_and_step

    @property
    def learning_rate(self) -> float:
        return self._rule.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._rule.learning_rate = rate

    def begin(self) -> None:
        self._convolved.zero_()

    def forget(self) -> None:
        self._rule.forget()

    def _clip_and_step(self) -> None:
        norm = torch.linalg.vector_norm(self.summed).item()
        if not math.isfinite(norm):  # the squares of large numbers may overflow
            norm = torch.linalg.vector_norm(self.summed, dtype=torch.float64).item()
        factor = clipping_factor(norm, self._max_norm)
        if factor != 1.0:
            self.summed.mul_(factor)
        self._rule.step()

    def state(self) -> dict[str, np.ndarray]:
        return {
            name: np.concatenate([part.ravel() for part in self._parts(tensor)]).reshape(tensor.shape)
            for name, tensor in self._rule.state.items()
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        for name, tensor in self._rule.state.items():
            start = 0
            for part in self._parts(tensor):
                part[...] = state[name].reshape(-1)[start : start + part.size].reshape(part.shape)
                start += part.size

    def _parts(self, tensor: torch.Tensor) -> list[np.ndarray]:
        """Return views of all numbers, one after the other in an order that ``inputs_first`` leaves alone."""
        if not (self._inputs_first and tensor.dim()):
            return [tensor.numpy()]
        return [view.numpy() for view in self._views(tensor).values()]


class DirectDescent:
    """Plain gradient descent whose dense layers add their steps to the weights themselves.

    No gradient of theirs is ever written down, which saves the CNN 8 % of its step. Only for batches that go through
    the network in one piece: the first of several would change the weights under the next. Convolutions, which see
    the images group by group, have their steps summed up first.
    """

    def __init__(self, module: nn.Module, learning_rate: float, inputs_first: bool):
        self.learning_rate, self.kept = learning_rate, 1.0
        self.values = self.summed = gather_weights(module, inputs_first)
        self._convolved, self._steps = self.values[: _n_convolved(module)], torch.zeros(_n_convolved(module))
        self.sums = named_weights(module) | _like_weights(module, self._steps)

    @property
    def learning_rate(self) -> float:
        return -self.scale

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.scale = -rate

    def begin(self) -> None:
        self._steps.zero_()

    def end(self) -> None:
        self._convolved.add_(self._steps)

    def forget(self) -> None:
        pass

    def state(self) -> dict[str, np.ndarray]:
        return {}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        pass


def make_update(
    module: nn.Module, settings: Mapping[str, Any], *, in_one_piece: bool, inputs_first: bool = False
) -> Update:
    """Return the update that ``settings`` ask for; it moves the weights of ``module`` to one block of memory.

    Parameters
    ----------
    module : nn.Module
        The network as torch's layers.
    settings : mapping
        Clean hyperparameters.
    in_one_piece : bool
        Whether every batch goes through the network at once.
    inputs_first : bool
        Whether a dense layer's weights lie in memory as ``(n_inputs, n_units)``; their shape stays.
    """
    is_plain = not (settings["momentum"] or settings.get("weight_decay") or settings.get("max_norm"))
    if settings["optimizer"] == "sgd" and is_plain and in_one_piece:
        return DirectDescent(module, settings["learning_rate"], inputs_first)
    return OptimizerUpdate(module, settings, inputs_first)


def named_weights(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights themselves, without automatic differentiation, such as ``"dense_1.weight"``."""
    return {name: weights.data for name, weights in module.named_parameters()}


def all_arrays(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights themselves and the running means of normalisations, such as ``"norm_1.mean"``."""
    return named_weights(module) | dict(module.named_buffers())


def gather_weights(module: nn.Module, inputs_first: bool = False) -> torch.Tensor:
    """Move all weights of ``module`` into one tensor ``(n_parameters,)`` and return it; see :func:`make_update`."""
    values = torch.empty(sum(weights.numel() for weights in module.parameters()))
    for name, view in _like_weights(module, values, inputs_first).items():
        weights = module.get_parameter(name)
        weights.data = view.copy_(weights.data)
    return values


def _like_weights(module: nn.Module, values: torch.Tensor, inputs_first: bool = False) -> dict[str, torch.Tensor]:
    """Return views of ``values``, one after the other, in the shapes of the first weights of ``module``."""
    views, start = {}, 0
    for name, weights in module.named_parameters():
        part = values[start : start + weights.numel()]
        if len(part) < weights.numel():
            break
        start += weights.numel()
        if weights.dim() == 4:
            filters, channels, height, width = weights.shape
            views[name] = part.view(filters, height, width, channels).permute(0, 3, 1, 2)
        elif weights.dim() == 2 and inputs_first:
            views[name] = part.view(weights.shape[::-1]).t()
        else:
            views[name] = part.view(weights.shape)
    return views


def _n_convolved(module: nn.Module) -> int:
    """Return how many weights and biases the convolutions and their normalisations have, which come first."""
    convolved = ("conv", "norm")
    return sum(weights.numel() for name, weights in module.named_parameters() if name.startswith(convolved))


class Rule:
    """Changes ``values`` by steps against ``gradient``, as ``torch.optim`` does.

    torch's own fused steps are called without the optimizers around them, whose bookkeeping takes as long as the step:
    the MLP gains 9 %.

    Parameters
    ----------
    settings : mapping
        Clean hyperparameters.
    values : Tensor
        What is trained.
    gradient : Tensor
        Where each step finds its gradient.

    Attributes
    ----------
    learning_rate : float
        How far a step goes; may be set between two steps.
    step : callable
        Changes the values once.
    state : dict of str to Tensor
        What one step hands on to the next: ``"n_steps"``, ``()``, and the running means that the rule has,
        ``(n_parameters,)``.
    """

    def __init__(self, settings: Mapping[str, Any], values: torch.Tensor, gradient: torch.Tensor):
        name = settings["optimizer"]
        self.learning_rate = settings["learning_rate"]
        self._momentum, self._rho, self._epsilon = (settings[each] for each in ("momentum", "rho", "epsilon"))
        self._nesterov = settings.get("momentum_kind") == "nesterov"
        self._weight_decay = settings.get("weight_decay", 0.0)
        self._values, self._gradient = values, gradient
        self._first, self._second, self._largest = (torch.zeros_like(values) for _ in range(3))
        self._n_steps, self._late = torch.zeros(()), torch.tensor(1e9)
        self._amsgrad = name == "amsgrad"
        steps = {"sgd": self._sgd, "adagrad": self._adagrad, "rmsprop": self._rmsprop}
        self.step = steps.get(name, self._adam)
        self.state = {"n_steps": self._n_steps, **self._moments(name)}

    def _moments(self, name: str) -> dict[str, torch.Tensor]:
        """Return the running means; the other tensors of a rule are for working in."""
        velocity = {"velocity": self._first} if self._momentum else {}
        means = {"mean": self._first, "square": self._second}
        return {
            "sgd": velocity,
            "adam": means,
            "amsgrad": means | {"largest": self._largest},
            "adagrad": {"sum": self._second},
            "rmsprop": {"square": self._second},
        }[name]

    def forget(self) -> None:
        """Set running means to zero that are so small that epsilon outweighs them.

        For pixels that are seldom lit they fall below 1e-38, and with such numbers processors calculate slowly:
        mnist-dense gains 12 %.
        """
        for name, mean in self.state.items():
            if name not in ("n_steps", "sum"):  # a sum never falls
                torch.hardshrink(mean, _FORGOTTEN, out=mean)

    def _common(self) -> dict[str, Any]:
        return {"lr": self.learning_rate, "weight_decay": self._weight_decay, "maximize": False}

    def _sgd(self) -> None:
        is_first = self._n_steps.item() == 0
        self._n_steps.add_(1)
        velocity = [self._first] if self._momentum else []
        kind = {"momentum": self._momentum, "dampening": 0.0, "nesterov": self._nesterov, "is_first_step": is_first}
        torch._fused_sgd_([self._values], [self._gradient], velocity, **self._common(), **kind)

    def _adam(self) -> None:
        self._n_steps.add_(1)
        means = [self._first], [self._second], [self._largest] if self._amsgrad else []
        moments = {"beta1": 0.9, "beta2": 0.999, "eps": self._epsilon, "amsgrad": self._amsgrad}
        # Adam's decay, where there is any, is apart from the gradient.
        step = torch._fused_adamw_ if self._weight_decay else torch._fused_adam_
        step([self._values], [self._gradient], *means, [self._n_steps], **self._common(), **moments)

    def _adagrad(self) -> None:
        self._n_steps.add_(1)
        sums = [self._second], [self._n_steps]
        torch._fused_adagrad_(
            [self._values], [self._gradient], *sums, **self._common(), lr_decay=0.0, eps=self._epsilon
        )

    def _rmsprop(self) -> None:
        # Adam's fused step without a running mean, so late that its running mean square needs no correction.
        decay = {"beta1": 0.0, "beta2": self._rho, "eps": self._epsilon, "amsgrad": False}
        means = [self._first], [self._second], [], [self._late]
        torch._fused_adam_([self._values], [self._gradient], *means, **self._common(), **decay)
