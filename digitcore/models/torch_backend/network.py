"""What MLP and CNN share: a torch network, trained on tensors that stay in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from digitcore.models.augmented_images import AugmentedImages
from digitcore.models.base import PREDICTED_AT_ONCE, EpochClassifier
from digitcore.models.checkpoint import under_prefix, with_prefix
from digitcore.models.hard_examples import HardExamples, batch_size_of, updates_per_epoch
from digitcore.models.inputs import LabelledImages, relative_weights
from digitcore.models.layer_plans import Layer, is_small_dense
from digitcore.models.pauses import pause, pause_hook
from digitcore.models.schedules import Schedule
from digitcore.models.torch_backend.autograd import AcceleratorTraining, choose_device, shuffled
from digitcore.models.torch_backend.kernels.cross_entropy import cross_entropy
from digitcore.models.torch_backend.kernels.dropout import Dropout
from digitcore.models.torch_backend.layers import (
    Buffers,
    LabelledBatch,
    Network,
    PickedImages,
    SmallDenseNetwork,
)
from digitcore.models.torch_backend.modules import build_module, initialize
from digitcore.models.torch_backend.one_thread import OneThreadNetwork, suits_one_thread
from digitcore.models.torch_backend.two_lanes import TwoLaneNetwork, suits_two_lanes
from digitcore.models.torch_backend.updates import all_arrays, make_update, named_weights
from digitcore.models.training import Score, Training, batches_without_end

# Values of all layers together that one block of images may take: 64 MB in float32.
_VALUES_AT_ONCE = 2**24
# Multiply-adds of all layers, forward, from one pause to the next where torch goes through the whole network at once:
# well below a second, also with the way back.
_WORK_AT_ONCE = 2**32
# Several at a time are enough for torch to share the work among its threads: the MLP gains 5 %.
_BATCHES_GATHERED = 3
# From one call of Update.forget to the next; a running mean that loses a tenth at each batch falls by six orders of
# magnitude in between.
_BATCHES_REMEMBERED = 128


class TorchNetwork(EpochClassifier):
    """A classifier whose network is a torch module built from the plan of its layers.

    The computation is in float32. Initial weights, the batches' order and dropout's masks come from a generator of its
    own; torch's global random numbers are left alone, and the number of its threads is as before after each epoch. Only
    the training may take place on an accelerator: weights are drawn, kept and used for predictions on the CPU.

    Attributes
    ----------
    module_ : torch.nn.Sequential
        The network, from rows of pixels to logits, as torch's own layers.
    """

    _WEIGHTS_ATTRIBUTE = "module_"
    _TAKES_WEIGHTS = True
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
        augmented = self._augmented(train, settings, generator.initial_seed)
        device = choose_device(self.device, layers, min(settings["batch_size"] or len(train.y), len(train.y)))
        self._build(layers)
        bias = settings.get("initial_bias", 0.0)
        scale = settings.get("weight_scale", 1.0)
        initialize(self.module_, settings["initialization"], bias, generator, scale)
        data = (self._at_once, train, held_out, settings, generator, augmented)
        if device.type != "cpu":
            return AcceleratorTraining(self.module_, device, *data)
        return NetworkTraining(self.module_, layers, self._network, *data)

    def _network(
        self, kind: type[Network] = Network, make_dropout: Callable[[float], Dropout] | None = None
    ) -> Network:
        weights = all_arrays(self.module_)
        if not kind.INPUTS_FIRST:
            # After a training in another layout the same bits are predicted as by a restored estimator.
            weights = {name: each.contiguous() if each.dim() == 2 else each for name, each in weights.items()}
        return kind(self._layers, weights, self._image_shape(self.n_features_in_), make_dropout)

    def _build(self, layers: Sequence[Layer]) -> None:
        self._layers = tuple(layers)
        self.module_ = build_module(layers, self._image_shape(self.n_features_in_))
        n_values = self.n_features_in_ + sum(prod(layer.output_shape) for layer in layers)
        self._at_once = max(1, _VALUES_AT_ONCE // n_values)
        self._looked_at_once = max(1, _WORK_AT_ONCE // sum(layer.multiply_adds for layer in layers))

    def _predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        network = self._network()

        def predict_block(X: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                return torch.softmax(network.forward(_tensor(X)), dim=1).numpy()  # (n_images, n_classes)

        return predict_block

    def _score_gradients(self, X: np.ndarray) -> np.ndarray:
        with torch.enable_grad():
            scores = torch.autograd.functional.jacobian(
                lambda image: self._functional(named_weights(self.module_), image)[0], _tensor(X).clone()
            )
        return scores[:, 0].numpy()  # (n_classes, n_pixels)

    def _loss_gradients(self, images: LabelledImages) -> dict[str, np.ndarray]:
        X, y = _tensors(images)
        weights = {name: values.clone().requires_grad_() for name, values in named_weights(self.module_).items()}
        with torch.enable_grad():
            loss = F.cross_entropy(self._functional(weights, X), y)
            gradients = torch.autograd.grad(loss, list(weights.values()))
        return {name: np.ascontiguousarray(values) for name, values in zip(weights, gradients, strict=True)}

    def _hidden_values(self, X: np.ndarray) -> dict[str, np.ndarray]:
        values, kept = _tensor(X), {}
        with torch.inference_mode():
            for name, part in self.module_.eval().named_children():
                values = part(values)
                # A layer's sums are overwritten by their normalisation and by its activation.
                layer = name.removesuffix("_activation").replace("norm_", "conv_")
                if layer in {planned.name for planned in self._layers if planned.kind in ("conv", "pool", "dense")}:
                    kept[layer] = values
        kept.pop("output")
        return {name: _channels_last(values).numpy() for name, values in kept.items()}

    def _functional(self, weights: Mapping[str, torch.Tensor], X: torch.Tensor) -> torch.Tensor:
        """Return the logits under other weights: the module's own, and their gradients, are left alone."""
        return torch.func.functional_call(self.module_.eval(), weights, (X,))

    def _images_at_once(self) -> int:
        return min(self._at_once, super()._images_at_once())

    def _images_looked_at_once(self) -> int:
        return min(self._looked_at_once, self._images_at_once())

    def _copy_weights(self) -> dict[str, np.ndarray]:
        # In C order, whatever layout the convolutions keep theirs in.
        return {name: np.array(weights.numpy(), order="C") for name, weights in self.module_.state_dict().items()}

    def _load_weights(self, layers: Sequence[Layer], weights: Mapping[str, np.ndarray]) -> None:
        self._build(layers)
        self.module_.load_state_dict({name: _tensor(array) for name, array in weights.items()})


class NetworkTraining(Training):
    """A training of ``module``, which it changes in place.

    Training figures are running means over the epoch's batches as they were trained: augmented, with dropout on, and
    of the hardest images if an epoch trains on those. Validation figures are those after the epoch's updates, on the
    images as they are, dropout off.

    Parameters
    ----------
    module : nn.Module
        The network as torch's layers; their weights are moved to one block of memory and trained there.
    layers : sequence of Layer
        Its plan.
    make_network : callable
        Returns the network, of a kind of :class:`digitcore.models.torch_backend.layers.Network`, that shares these
        weights, with what makes its dropouts.
    at_once : int
        Images whose values may be in memory together; a larger batch sums up its gradient from several blocks.
    train, held_out : LabelledImages
        What is trained on, and what is only evaluated (or None).
    settings : mapping
        Clean hyperparameters.
    generator : torch.Generator
        Source of the batches' order and of dropout.
    augmented : AugmentedImages, optional
        The training images as each epoch sees them.
    """

    def __init__(
        self,
        module: nn.Module,
        layers: Sequence[Layer],
        make_network: Callable[[type[Network], Callable[[float], Dropout]], Network],
        at_once: int,
        train: LabelledImages,
        held_out: LabelledImages | None,
        settings: Mapping[str, Any],
        generator: torch.Generator,
        augmented: AugmentedImages | None = None,
    ):
        self.at_once, self.augmented = at_once, augmented
        self.train, self.held_out = _tensors(train), held_out and _tensors(held_out)
        weights = relative_weights(train)
        self.image_weights = () if weights is None else (torch.from_numpy(weights).float(),)
        self.n_images = len(train.y)
        self.batch_size = batch_size_of(settings, self.n_images)
        self.schedule = Schedule(settings, updates_per_epoch(settings, self.n_images))
        self.hard_examples = HardExamples(settings, self.n_images)
        self.label_smoothing = settings.get("label_smoothing", 0.0)
        self.generator = generator
        kind = _kind_for(layers, self.batch_size)
        in_one_piece = self.batch_size <= at_once and kind.IN_ONE_PIECE
        self.update = make_update(module, settings, in_one_piece=in_one_piece, inputs_first=kind.INPUTS_FIRST)
        self.weights = all_arrays(module)
        self.network = make_network(kind, partial(Dropout, generator=generator))
        is_whole = in_one_piece and self.batch_size == self.n_images and augmented is None
        whole = self.train[0] if is_whole else None
        self.network.prepare_training(self.update, min(self.batch_size, at_once), whole)
        self.buffers = Buffers()

    @torch.inference_mode()
    def one_epoch(self) -> Score:
        hook, sums = pause_hook(), []
        with self.network.at_work(), _denormals_are_zero():
            for number, batch in enumerate(self._batches()):
                hook()
                if number % _BATCHES_REMEMBERED == 0:
                    self.update.forget()
                if not self.schedule.is_constant:
                    self.update.learning_rate = self.schedule.next_rate()
                sums.append(self._one_batch(*batch))
        return _mean_score(sums, self.hard_examples.n_per_epoch)

    @torch.inference_mode()
    def score_held_out(self) -> Score | None:
        if self.held_out is None:
            return None
        X, y = self.held_out
        sums = []
        at_once = min(self.at_once, PREDICTED_AT_ONCE)
        with self.network.at_work():
            for block_X, block_y in zip(X.split(at_once), y.split(at_once), strict=True):
                pause()
                logits = self.buffers("logits", self.network.n_classes, block_y.shape[0])
                self.network.forward(block_X, out=logits.t())
                sums.append(cross_entropy(logits.numpy(), block_y.numpy()))
        return _mean_score(sums, len(y))

    def weights_are_finite(self) -> bool:
        # A sum is finite only if every term is, and far quicker to get than a flag for each.
        return bool(np.isfinite(self.update.values.sum().item()))

    @torch.inference_mode()
    def batch_losses(self, rates: Iterable[float]) -> Iterator[float]:
        for rate, batch in zip(rates, batches_without_end(self, self._batches), strict=False):
            pause()
            self.update.learning_rate = rate
            with self.network.at_work(), _denormals_are_zero():
                loss, _ = self._one_batch(*batch)
            yield loss / len(batch[1])

    @torch.inference_mode()
    def batches(self) -> Iterator[LabelledImages]:
        for batch in batches_without_end(self, self._batches):
            yield LabelledImages(batch[0].numpy(), batch[1].numpy())
            if not self.schedule.is_constant:
                self.update.learning_rate = self.schedule.next_rate()
            with self.network.at_work(), _denormals_are_zero():
                self._one_batch(*batch)

    def state(self) -> dict[str, np.ndarray]:
        weights = {name: np.array(values.numpy(), order="C") for name, values in self.weights.items()}
        return {
            **with_prefix("weights", weights),
            **with_prefix("optimizer", self.update.state()),
            **with_prefix("schedule", self.schedule.state()),
            **with_prefix("hard", self.hard_examples.state()),
            "random": self.generator.get_state().numpy(),
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        for name, values in self.weights.items():
            values.copy_(torch.from_numpy(state[f"weights.{name}"]))
        self.update.load_state(under_prefix("optimizer", state))
        self.schedule.load_state(under_prefix("schedule", state))
        self.hard_examples.load_state(under_prefix("hard", state))
        self.generator.set_state(torch.from_numpy(state["random"]))

    def _batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yield images, their classes and, if they do not count alike, their weights."""
        self.network.start_epoch()
        X, y = self.train
        if self.augmented is not None:
            yield from self._augmented_batches(self.augmented)
            return
        if self.batch_size == self.n_images:
            yield X, y, *self.image_weights
            return
        # Batches by index from the one tensor of all images: no loader, no copy of an epoch's images.
        order = torch.from_numpy(self._order())
        if self.network.PICKS_IMAGES:
            others = (each[order].split(self.batch_size) for each in (y, *self.image_weights))
            yield from zip(PickedImages(X, order).split(self.batch_size), *others, strict=True)
            return
        for rows in order.split(_BATCHES_GATHERED * self.batch_size):
            images = torch.index_select(X, 0, rows, out=self.buffers("images", rows.shape[0], X.shape[1]))
            others = (each[rows].split(self.batch_size) for each in (y, *self.image_weights))
            yield from zip(images.split(self.batch_size), *others, strict=True)

    def _augmented_batches(self, augmented: AugmentedImages) -> Iterator[tuple[torch.Tensor, ...]]:
        X, y = self.train
        order = self._order()
        memory = self.buffers("images", augmented.n_at_once(self.batch_size), X.shape[1])
        for rows, _ in augmented.batches(order, memory.numpy()):
            images = memory[: len(rows)].split(self.batch_size)
            others = (each[torch.from_numpy(rows)].split(self.batch_size) for each in (y, *self.image_weights))
            yield from zip(images, *others, strict=True)

    def _order(self) -> np.ndarray:
        """Return the positions of an epoch's images in their order."""
        return self.hard_examples.pick(shuffled(self.n_images, self.batch_size, self.generator).numpy())

    def _one_batch(self, X: torch.Tensor, y: torch.Tensor, *weights: torch.Tensor) -> tuple[float, int]:
        """Update the weights once; return loss and right predictions, summed, before the update."""
        update, scale = self.update, self.update.scale / y.shape[0]
        update.begin()
        kept, sums = update.kept, []
        for block_X, block_y, *block_weights in self._blocks(X, y, *weights):
            errors = None if self.hard_examples.takes_all else self.buffers("errors", len(block_y))
            batch = LabelledBatch(block_X, block_y, block_weights[0] if block_weights else None, errors)
            sums.append(self.network.learn(batch, self.label_smoothing, scale, kept))
            if errors is not None:
                self.hard_examples.note(errors.numpy(), *(each.numpy() for each in block_weights))
            kept = 1.0
        update.end()
        losses, rights = zip(*sums, strict=True)
        return sum(losses), sum(rights)

    def _blocks(self, *tensors: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
        if tensors[1].shape[0] <= self.at_once:
            return iter([tensors])
        return _with_pauses(zip(*(tensor.split(self.at_once) for tensor in tensors), strict=True))


def _kind_for(layers: Sequence[Layer], batch_size: int) -> type[Network]:
    """Return the kind of network that is trained fastest with the threads that torch has now."""
    if is_small_dense(layers, batch_size):
        return SmallDenseNetwork
    if suits_one_thread(layers):
        return OneThreadNetwork
    return TwoLaneNetwork if suits_two_lanes(layers, batch_size) else Network


def _with_pauses(blocks: Iterable[tuple[torch.Tensor, ...]]) -> Iterator[tuple[torch.Tensor, ...]]:
    for block in blocks:
        pause()
        yield block


@contextmanager
def _denormals_are_zero() -> Iterator[None]:
    """Have this thread, if it trains alone, take numbers below 1e-38 for zero, with which processors calculate slowly.

    The running means of optimizers are full of them, for pixels that are seldom lit: mnist-dropout-mlp gains a sixth.
    Other threads could not be told, and equal trainings must have equal bits.
    """
    if torch.get_num_threads() > 1:
        yield
        return
    were_zero = (torch.full((), 1e-40) * 1).item() == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(were_zero)


def _mean_score(sums: Sequence[tuple[float, int]], n_images: int) -> Score:
    losses, rights = zip(*sums, strict=True)
    return Score(sum(losses) / n_images, sum(rights) / n_images)


def _channels_last(values: torch.Tensor) -> torch.Tensor:
    return values.permute(0, 2, 3, 1).contiguous() if values.dim() == 4 else values


def _tensors(images: LabelledImages) -> tuple[torch.Tensor, torch.Tensor]:
    return _tensor(images.X), torch.from_numpy(images.y)


def _tensor(array: np.ndarray) -> torch.Tensor:
    """Return a float32 tensor, sharing memory where torch can: it takes no read-only and no reversed array."""
    return torch.from_numpy(np.require(array, dtype=np.float32, requirements=("C", "W")))
