"""A network whose convolutions take two threads: each takes half of a batch's images through all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil, prod

import numpy as np
import torch

from digitcore.models.layer_plans import Layer
from digitcore.models.pauses import pause
from digitcore.models.torch_backend.kernels.dropout import Dropout
from digitcore.models.torch_backend.layers import Network
from digitcore.models.torch_backend.updates import Update

# Share of the multiply-adds that convolutions must have: dense layers then get one thread instead of two.
LEAST_CONVOLVED = 0.75
# To hand half of fewer images over to the other thread takes as long as it gains.
FEWEST_IMAGES = 16


def suits_two_lanes(layers: Sequence[Layer], batch_size: int) -> bool:
    """Return True if a network of these layers is trained faster by two lanes than by torch's own two threads.

    They are for two threads, batches of 16 images or more, and networks that mostly convolve. With 16 and 32 filters of
    3x3 on MNIST an epoch takes 0.65 times as long: torch's threads gain nothing in groups of images so small that they
    fit the caches.
    """
    if any(layer.kind == "norm" for layer in layers):
        # It needs the images of both lanes.
        return False
    convolved = sum(layer.multiply_adds for layer in layers if layer.kind == "conv")
    mostly = convolved >= LEAST_CONVOLVED * sum(layer.multiply_adds for layer in layers)
    return torch.get_num_threads() == 2 and batch_size >= FEWEST_IMAGES and mostly


class TwoLaneNetwork(Network):
    """A :class:`~digitcore.models.torch_backend.layers.Network` that convolves in two threads at once.

    Which images a lane takes, what dropout draws for them, and the order in which the gradients of the two are added
    are fixed, so that equal trainings have equal bits. Call it only inside :meth:`at_work`.
    """

    # Two threads of Python take turns between torch's operations: fewer and larger ones gain a sixth.
    _VALUES_IN_CACHE = 800_000

    def _build(
        self, layers: Sequence[Layer], weights: Mapping[str, torch.Tensor], generator: torch.Generator | None
    ) -> None:
        super()._build(layers, weights, generator)
        self._n_values = _values_after_blocks(layers)
        self._lanes = [
            [block.twin(None if block.dropout is None else Drawn(block.dropout)) for block in self.blocks]
            for _ in range(2)
        ]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep a second thread ready, and let torch compute each operation in one thread, for each lane has one core.

        torch then has one thread in the whole process.
        """
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            second = ThreadPoolExecutor(1, "convolutions", initializer=torch.set_flush_denormal, initargs=(True,))
            with second as self._second:
                yield
        finally:
            torch.set_num_threads(before)

    def prepare_training(self, update: Update, most_images: int, whole: torch.Tensor | None = None) -> None:
        super().prepare_training(update, most_images, whole)
        for block, first, second in zip(self.blocks, *self._lanes, strict=True):
            for name in ("weight_sum", "bias_sum"):
                total = getattr(block.convolution, name)
                setattr(first.convolution, name, total)
                setattr(second.convolution, name, torch.zeros_like(total))

    def _forward_images(self, X: torch.Tensor, training: bool) -> torch.Tensor:
        images = X.view(-1, *self._image_shape)
        features = self._buffers("features", X.shape[0], *self._feature_shape)
        halves = self._halves(len(X))
        if training:
            self._draw(halves)

        def forward(lane: int, rows: slice) -> None:
            *blocks, last = self._lanes[lane]
            values = images[rows]
            for block in blocks:
                values = block.forward(values, rows.start, training)
            last.forward(values, rows.start, training, out=features[rows])

        self._in_both(forward, halves)
        return features.view(len(X), -1)

    def _backward_images(self, gradient: torch.Tensor, scale: float) -> None:
        images = gradient.view(-1, *self._feature_shape)

        def backward(lane: int, rows: slice) -> None:
            values = images[rows]
            for number in range(len(self.blocks) - 1, -1, -1):
                values = self._lanes[lane][number].backward(values, rows.start, scale, wants_input=number > 0)

        self._in_both(backward, self._halves(len(gradient)))
        for first, second in zip(*self._lanes, strict=True):
            for name in ("weight_sum", "bias_sum"):
                part = getattr(second.convolution, name)
                getattr(first.convolution, name).add_(part)
                part.zero_()

    def _halves(self, n_images: int) -> tuple[list[slice], list[slice]]:
        """Return the groups of images of each lane, as many for both if there are enough images."""
        n_each = ceil(n_images / (2 * self._images_in_cache(ceil(n_images / 2))))
        at_once = ceil(n_images / (2 * n_each))
        groups = [slice(start, min(start + at_once, n_images)) for start in range(0, n_images, at_once)]
        return groups[:n_each], groups[n_each:]

    def _draw(self, halves: tuple[list[slice], list[slice]]) -> None:
        for lane, groups in zip(self._lanes, halves, strict=True):
            for rows in groups:
                for block, n_values in zip(lane, self._n_values, strict=True):
                    if block.dropout is not None:
                        block.dropout.draw_ahead((rows.stop - rows.start) * n_values)

    def _in_both(self, work: Callable[[int, slice], None], halves: tuple[list[slice], list[slice]]) -> None:
        """Do the work of each group, those of the second lane in the other thread."""

        @torch.inference_mode()
        def work_in_second() -> None:
            for rows in halves[1]:
                work(1, rows)

        second = self._second.submit(work_in_second)
        try:
            for rows in halves[0]:
                pause()
                work(0, rows)
        finally:
            second.result()


class Drawn(Dropout):
    """Dropout whose levels were drawn ahead from another one's numbers: it does not matter which thread draws first."""

    def __init__(self, source: Dropout):
        self.highest, self.scale, self._source = source.highest, source.scale, source
        self._ahead: deque[np.ndarray] = deque()

    def draw_ahead(self, n_values: int) -> None:
        """Draw what the next :meth:`draw` returns, for so many values."""
        self._ahead.append(self._source.draw(n_values).copy())

    def draw(self, n_values: int) -> np.ndarray:
        return self._ahead.popleft()


def _values_after_blocks(layers: Sequence[Layer]) -> list[int]:
    """Return how many values of an image leave each convolution with its pooling."""
    counts: list[int] = []
    for layer in layers:
        if layer.kind == "conv":
            counts.append(prod(layer.output_shape))
        elif layer.kind == "pool":
            counts[-1] = prod(layer.output_shape)
    return counts
