"""What MLP and CNN share: a torch network, trained on tensors that stay in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from digitcore.models.architecture import Layer
from digitcore.models.base import EpochClassifier, LabelledImages, Score, Training
from digitcore.models.torch_modules import Dropout, build_module, initialize

# Values of all layers together that one block of images may take: 64 MB in float32.
_VALUES_AT_ONCE = 2**24


class TorchNetwork(EpochClassifier):
    """A classifier whose network is a torch module built from the plan of its layers.

    The computation is in float32 on the CPU. Initial weights, the batches' order and dropout's masks come from a
    generator of its own; torch's global random numbers and threads are left alone.

    Attributes
    ----------
    module_ : torch.nn.Sequential
        The network, from rows of pixels to logits.
    """

    _WEIGHTS_ATTRIBUTE = "module_"
    _DTYPES = (np.float32,)

    def _start_training(
        self,
        layers: Sequence[Layer],
        train: LabelledImages,
        held_out: LabelledImages | None,
        settings: Mapping[str, Any],
        random_state: np.random.RandomState,
    ) -> Training:
        generator = torch.Generator().manual_seed(int(random_state.randint(2**31)))
        self._build(layers, generator)
        bias = settings.get("initial_bias", 0.0)
        initialize(self.module_, settings["initialization"], bias, generator)
        return NetworkTraining(self.module_, self._at_once, train, held_out, settings, generator)

    def _build(self, layers: Sequence[Layer], generator: torch.Generator | None = None) -> None:
        self.module_ = build_module(layers, self._image_shape(self.n_features_in_), generator)
        n_values = self.n_features_in_ + sum(prod(layer.output_shape) for layer in layers)
        self._at_once = max(1, _VALUES_AT_ONCE // n_values)

    def _predict_block(self, X: np.ndarray) -> np.ndarray:
        self.module_.eval()
        with torch.inference_mode():
            logits = self.module_(_tensor(X))  # (n_images, n_classes)
            return torch.softmax(logits, dim=1).numpy()

    def _images_at_once(self) -> int:
        return min(self._at_once, super()._images_at_once())

    def _copy_weights(self) -> dict[str, np.ndarray]:
        # In C order, whatever layout the convolutions keep theirs in.
        return {name: np.array(weights.numpy(), order="C") for name, weights in self.module_.state_dict().items()}

    def _load_weights(self, layers: Sequence[Layer], weights: Mapping[str, np.ndarray]) -> None:
        self._build(layers)
        self.module_.load_state_dict({name: _tensor(array) for name, array in weights.items()})


class NetworkTraining(Training):
    """A training of ``module``, which it changes in place.

    Training figures are running means over the epoch's batches as they were trained, dropout on; validation figures are
    those after the epoch's updates, dropout off.

    Parameters
    ----------
    module : nn.Module
        The network.
    at_once : int
        Images whose values may be in memory together; a larger batch sums up its gradient from several blocks.
    train, held_out : LabelledImages
        What is trained on, and what is only evaluated (or None).
    settings : mapping
        Clean hyperparameters.
    generator : torch.Generator
        Source of the batches' order.
    """

    def __init__(
        self,
        module: nn.Module,
        at_once: int,
        train: LabelledImages,
        held_out: LabelledImages | None,
        settings: Mapping[str, Any],
        generator: torch.Generator,
    ):
        self.module = module
        self.at_once = at_once
        self.train = _tensors(train)
        self.held_out = held_out and _tensors(held_out)
        self.n_images = len(train.y)
        self.batch_size = settings["batch_size"]
        self.generator = generator
        self.weights = list(module.parameters())
        self.dropouts = [part for part in module if isinstance(part, Dropout)]
        self.optimizer = _make_optimizer(self.weights, settings)

    def one_epoch(self) -> Score:
        self._switch_dropout(True)
        # Read at the end of the epoch only, so that no batch waits for a number.
        loss, n_right = _zero_sums()
        for X, y in self._batches():
            self._one_batch(X, y, loss, n_right)
        return Score(loss.item() / self.n_images, n_right.item() / self.n_images)

    def score_held_out(self) -> Score | None:
        if self.held_out is None:
            return None
        self._switch_dropout(False)
        loss, n_right = _zero_sums()
        with torch.inference_mode():
            for X, y in self._blocks(*self.held_out):
                logits = self.module(X)  # (n_images, n_classes)
                loss += _summed_cross_entropy(logits, y)
                n_right += (logits.argmax(dim=1) == y).sum()
        n_images = len(self.held_out[1])
        return Score(loss.item() / n_images, n_right.item() / n_images)

    def weights_are_finite(self) -> bool:
        # A sum is finite only if every term is, and far quicker to get than a flag for each.
        with torch.inference_mode():
            return all(np.isfinite(weights.sum().item()) for weights in self.weights)

    def _one_batch(self, X: torch.Tensor, y: torch.Tensor, loss: torch.Tensor, n_right: torch.Tensor) -> None:
        """Update the weights once; add the batch's summed loss and number of right answers to the last two."""
        for block_X, block_y in self._blocks(X, y):
            logits = self.module(block_X)  # (n_images, n_classes)
            block_loss = _summed_cross_entropy(logits, block_y)
            (block_loss / len(y)).backward()
            loss += block_loss.detach()
            n_right += (logits.detach().argmax(dim=1) == block_y).sum()
        self.optimizer.step()
        # After the step rather than before the next: gradients take no memory between epochs.
        self.optimizer.zero_grad()

    def _switch_dropout(self, on: bool) -> None:
        # Nothing else has two modes, and telling every part of a small network takes a twentieth of its epoch.
        for dropout in self.dropouts:
            dropout.train(on)

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        X, y = self.train
        if self.batch_size is None or self.batch_size >= self.n_images:
            yield X, y
            return
        order = torch.randperm(self.n_images, generator=self.generator)
        for rows in order.split(self.batch_size):
            yield X.index_select(0, rows), y.index_select(0, rows)

    def _blocks(self, X: torch.Tensor, y: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if len(y) <= self.at_once:
            return iter([(X, y)])
        return zip(X.split(self.at_once), y.split(self.at_once), strict=True)


def _make_optimizer(weights: Sequence[nn.Parameter], settings: Mapping[str, Any]) -> torch.optim.Optimizer:
    rate, epsilon = settings["learning_rate"], settings["epsilon"]
    factories: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "sgd": lambda: torch.optim.SGD(weights, lr=rate, momentum=settings["momentum"], fused=True),
        "adam": lambda: torch.optim.Adam(weights, lr=rate, eps=epsilon, fused=True),
        "amsgrad": lambda: torch.optim.Adam(weights, lr=rate, eps=epsilon, amsgrad=True, fused=True),
        "adagrad": lambda: torch.optim.Adagrad(weights, lr=rate, eps=epsilon, fused=True),
        "rmsprop": lambda: torch.optim.RMSprop(weights, lr=rate, alpha=settings["rho"], eps=epsilon, foreach=True),
    }
    return factories[settings["optimizer"]]()


def _summed_cross_entropy(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the sum of the cross-entropies of ``logits`` ``(n_images, n_classes)``, in nats."""
    # Posed as one image with n_images pixels to classify: torch's softmax is four times as fast across ten classes that
    # are far apart in memory as across ten that lie side by side.
    return F.cross_entropy(logits.t().unsqueeze(0), y.unsqueeze(0), reduction="sum")


def _zero_sums() -> tuple[torch.Tensor, torch.Tensor]:
    """Return where an epoch's loss and its number of right answers are summed up."""
    return torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.int64)


def _tensors(images: LabelledImages) -> tuple[torch.Tensor, torch.Tensor]:
    return _tensor(images.X), torch.from_numpy(images.y)


def _tensor(array: np.ndarray) -> torch.Tensor:
    """Return a float32 tensor, sharing memory where torch can: it takes no read-only and no reversed array."""
    return torch.from_numpy(np.require(array, dtype=np.float32, requirements=("C", "W")))
