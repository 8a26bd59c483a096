"""Training on an accelerator such as a CUDA card: torch's own layers, optimizers and automatic differentiation.

What :mod:`digitcore.models.torch_backend.layers` wins is won in a processor's caches, which an accelerator does not
have.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from digitcore.errors import InvalidSetting
from digitcore.models.augmented_images import AugmentedImages
from digitcore.models.hard_examples import HardExamples, batch_size_of, updates_per_epoch
from digitcore.models.inputs import LabelledImages, relative_weights
from digitcore.models.layer_plans import Layer
from digitcore.models.pauses import pause
from digitcore.models.schedules import Schedule
from digitcore.models.training import Score, Training, batches_without_end

# Multiply-adds of a step, forward, that take a processor about as long as an accelerator's launch of a step's fifty
# kernels, a few tenths of a millisecond: below this the images had better stay where they are.
_WORTH_LAUNCHING = 5_000_000


def choose_device(wanted: str, layers: Sequence[Layer], batch_size: int) -> torch.device:
    """Return where to train.

    Parameters
    ----------
    wanted : str
        "auto" takes the machine's accelerator where there is one and a step is large enough to gain by it; else a
        device as torch names it, such as "cpu", "cuda", "cuda:1" or "mps".
    layers : sequence of Layer
        The network's plan.
    batch_size : int
        Images of a step.

    Raises
    ------
    InvalidSetting
        If torch does not know the device, or this machine does not have it.
    """
    present = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if wanted == "auto":
        work = batch_size * sum(layer.multiply_adds for layer in layers)
        return present if present is not None and work >= _WORTH_LAUNCHING else torch.device("cpu")
    try:
        device = torch.device(wanted)
    except (RuntimeError, TypeError):
        raise InvalidSetting(f'device must be "auto", "cpu", "cuda" or "mps", got {wanted!r}') from None
    missing = device.type != "cpu" and (
        present is None or device.type != present.type or (device.index or 0) >= torch.accelerator.device_count()
    )
    if missing:
        raise InvalidSetting(f'device {wanted!r} is not on this machine: use "auto", or "cpu"')
    return device


class AcceleratorTraining(Training):
    """A training of a copy of ``module`` on ``device``; after each epoch its weights are copied back.

    Batches, their order and the figures are those of :class:`digitcore.models.torch_backend.network.NetworkTraining`;
    dropout draws other masks. Everything is float32. All images are on the device from the start, unless they are
    augmented: then the processor changes them, some batches at a time.

    Parameters
    ----------
    module : nn.Module
        The network, from rows of pixels to logits, on the processor.
    device : torch.device
        Where to train.
    at_once : int
        Images whose values may be in memory together.
    train, held_out : LabelledImages
        What is trained on, and what is only evaluated (or None).
    settings : mapping
        Clean hyperparameters.
    generator : torch.Generator
        Source of the batches' order and of the seed of dropout.
    augmented : AugmentedImages, optional
        The training images as each epoch sees them.
    """

    def __init__(
        self,
        module: nn.Module,
        device: torch.device,
        at_once: int,
        train: LabelledImages,
        held_out: LabelledImages | None,
        settings: Mapping[str, Any],
        generator: torch.Generator,
        augmented: AugmentedImages | None = None,
    ):
        self.augmented = augmented
        self.module, self.device, self.at_once, self.generator = module, device, at_once, generator
        self.train = self._on_device(train if augmented is None else LabelledImages(train.X[:0], train.y))
        self.held_out, self.n_pixels = held_out and self._on_device(held_out), train.X.shape[1]
        weights = relative_weights(train)
        self.image_weights = () if weights is None else (torch.from_numpy(weights).float().to(device),)
        self.n_images = len(train.y)
        self.batch_size = batch_size_of(settings, self.n_images)
        self.schedule = Schedule(settings, updates_per_epoch(settings, self.n_images))
        self.hard_examples = HardExamples(settings, self.n_images)
        self._errors: list[torch.Tensor] = []
        self.copy = copy.deepcopy(module).requires_grad_(True).to(device)
        self.optimizer = make_optimizer(settings, self.copy.parameters())
        self.label_smoothing, self.max_norm = settings.get("label_smoothing", 0.0), settings.get("max_norm")
        # Dropout's numbers may not shift the batches' order.
        self.seeds = torch.Generator().manual_seed(generator.initial_seed())

    def state(self) -> dict[str, np.ndarray]:
        raise InvalidSetting('Only a training on the processor has checkpoints: set device to "cpu"')

    def one_epoch(self) -> Score:
        self.copy.train()
        try:
            with self._random_numbers(), _float32_throughout():
                scores = [self._one_batch(*batch) for batch in self._scheduled_batches()]
        finally:
            # Also of an epoch that a pause has ended: then these are the weights that are kept.
            self.module.load_state_dict(self.copy.state_dict())
        return _mean_score(scores, self.hard_examples.n_per_epoch)

    @torch.inference_mode()
    def score_held_out(self) -> Score | None:
        if self.held_out is None:
            return None
        X, y = self.held_out
        self.copy.eval()
        with _float32_throughout():
            scores = [_sums(self.copy(block_X), block_y) for block_X, block_y in self._blocks(X, y)]
        return _mean_score(scores, len(y))

    def weights_are_finite(self) -> bool:
        return all(math.isfinite(weights.sum().item()) for weights in self.module.state_dict().values())

    def batch_losses(self, rates: Iterable[float]) -> Iterator[float]:
        self.copy.train()
        for rate, batch in zip(rates, batches_without_end(self, self._batches), strict=False):
            self._set_rate(rate)
            with self._random_numbers(), _float32_throughout():
                loss, _ = self._one_batch(*batch)
            yield loss.item() / len(batch[1])

    def _scheduled_batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        for batch in self._batches():
            if not self.schedule.is_constant:
                self._set_rate(self.schedule.next_rate())
            yield batch

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        X, y = self.train
        order = self._order()
        if self.augmented is not None:
            return self._augmented_batches(self.augmented, order)
        tensors = (X, y, *self.image_weights)
        return (tuple(each[rows] for each in tensors) for rows in order.to(self.device).split(self.batch_size))

    def _order(self) -> torch.Tensor:
        """Return the positions of an epoch's images in their order."""
        # The errors of the last epoch are moved all at once: the device need not be waited for at each batch.
        if self._errors:
            self.hard_examples.note(torch.cat(self._errors).cpu().numpy())
        self._errors = []
        order = shuffled(self.n_images, self.batch_size, self.generator).numpy()
        return torch.from_numpy(self.hard_examples.pick(order))

    def _augmented_batches(self, augmented: AugmentedImages, order: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
        memory = torch.empty(augmented.n_at_once(self.batch_size), self.n_pixels)
        for rows, _ in augmented.batches(order.numpy(), memory.numpy()):
            positions = torch.from_numpy(rows).to(self.device)
            tensors = (memory[: len(rows)].to(self.device), *(each[positions] for each in self.train[1:]))
            weights = (each[positions] for each in self.image_weights)
            yield from zip(*(each.split(self.batch_size) for each in (*tensors, *weights)), strict=True)

    def _one_batch(self, X: torch.Tensor, y: torch.Tensor, *weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Update the weights once; return loss and right predictions, summed, before the update."""
        self.optimizer.zero_grad()
        sums = []
        for block_X, block_y, *block_weights in self._blocks(X, y, *weights):
            logits = self.copy(block_X)
            loss, n_right = _sums(logits, block_y)
            trained = loss
            if not self.hard_examples.takes_all:
                errors = 1 - logits.detach().softmax(dim=1).gather(1, block_y[:, None])[:, 0]
                self._errors.append(errors * block_weights[0] if block_weights else errors)
            if self.label_smoothing or block_weights:
                # The figures are those of the plain loss.
                each = F.cross_entropy(logits, block_y, reduction="none", label_smoothing=self.label_smoothing)
                trained = (each * block_weights[0] if block_weights else each).sum()
            (trained / len(y)).backward()
            sums.append((loss.detach(), n_right))
        if self.max_norm is not None:
            nn.utils.clip_grad_norm_(self.copy.parameters(), self.max_norm)
        self.optimizer.step()
        losses, rights = zip(*sums, strict=True)
        return torch.stack(losses).sum(), torch.stack(rights).sum()

    def _blocks(self, *tensors: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
        for block in zip(*(each.split(self.at_once) for each in tensors), strict=True):
            pause()
            yield block

    def _on_device(self, images: LabelledImages) -> tuple[torch.Tensor, torch.Tensor]:
        X = torch.from_numpy(np.require(images.X, dtype=np.float32, requirements=("C", "W")))
        return X.to(self.device), torch.from_numpy(images.y).to(self.device)

    @contextmanager
    def _random_numbers(self) -> Iterator[None]:
        """Let dropout draw from a seed of this training's own, and leave torch's global generators as they were."""
        seed = int(torch.randint(2**62, (), generator=self.seeds))
        others = {} if self.device.type == "cpu" else {"device_type": self.device.type}
        with torch.random.fork_rng([self.device.index or 0] if others else [], **others):
            torch.manual_seed(seed)
            yield


def shuffled(n_images: int, batch_size: int, generator: torch.Generator) -> torch.Tensor:
    """Return the positions of an epoch's images in their order, int64 ``(n_images,)``; a full batch draws nothing."""
    return torch.arange(n_images) if batch_size == n_images else torch.randperm(n_images, generator=generator)


def make_optimizer(settings: Mapping[str, Any], weights: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    """Return torch's optimizer for clean hyperparameters."""
    epsilon = settings["epsilon"]
    common = {"lr": settings["learning_rate"], "weight_decay": settings.get("weight_decay", 0.0)}
    match settings["optimizer"]:
        case "sgd":
            is_nesterov = settings.get("momentum_kind") == "nesterov"
            return torch.optim.SGD(weights, momentum=settings["momentum"], nesterov=is_nesterov, **common)
        case "adam" | "amsgrad" as name:
            return torch.optim.AdamW(weights, eps=epsilon, amsgrad=name == "amsgrad", **common)
        case "adagrad":
            return torch.optim.Adagrad(weights, eps=epsilon, **common)
        case "rmsprop":
            return torch.optim.RMSprop(weights, alpha=settings["rho"], eps=epsilon, **common)
    raise ValueError(f"no torch optimizer for {settings['optimizer']!r}")


def _sums(logits: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the summed cross-entropy and the number of right predictions, left on the device: asking would wait."""
    return F.cross_entropy(logits, y, reduction="sum"), (logits.argmax(dim=1) == y).sum()


def _mean_score(sums: Sequence[tuple[torch.Tensor, torch.Tensor]], n_images: int) -> Score:
    losses, rights = (torch.stack(values).cpu() for values in zip(*sums, strict=True))
    return Score(losses.double().sum().item() / n_images, rights.sum().item() / n_images)


@contextmanager
def _float32_throughout() -> Iterator[None]:
    """Keep a CUDA card from rounding to TensorFloat-32 and from choosing its convolutions by a race."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield
