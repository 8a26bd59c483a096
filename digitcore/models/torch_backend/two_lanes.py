"""A network that is trained in two threads: each takes half of a batch's images through all layers and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil, prod
from typing import TypeVar

import numpy as np
import torch

from digitcore.models.layer_plans import Layer
from digitcore.models.torch_backend.kernels.dropout import Dropout
from digitcore.models.torch_backend.layers import LabelledBatch, Network
from digitcore.models.torch_backend.one_thread import OneThreadNetwork, one_blas_thread
from digitcore.models.torch_backend.updates import Sums, Update

# Share of the multiply-adds that convolutions must have: the gradients of large dense layers would be written twice.
LEAST_CONVOLVED = 0.5
# To hand half of fewer images over to the other thread takes as long as it gains.
FEWEST_IMAGES = 16

Result = TypeVar("Result")


def suits_two_lanes(layers: Sequence[Layer], batch_size: int) -> bool:
    """Return True if a network of these layers is trained faster by two lanes than by torch's own two threads.

    They are for two threads, batches of 16 images or more, and networks whose convolutions make half of the
    multiply-adds or more: torch's threads gain little in groups of images so small that they fit the caches.
    """
    if any(layer.kind == "norm" for layer in layers):
        # It needs the images of both lanes.
        return False
    convolved = sum(layer.multiply_adds for layer in layers if layer.kind == "conv")
    mostly = convolved >= LEAST_CONVOLVED * sum(layer.multiply_adds for layer in layers)
    return torch.get_num_threads() == 2 and batch_size >= FEWEST_IMAGES and mostly


class TwoLaneNetwork(Network):
    """Two networks of one thread that share their weights, in a thread each.

    It learns by :meth:`learn` and predicts by :meth:`forward`; to go one way alone while training is its lanes' affair.
    Which images a lane takes, what dropout draws for them, and the order in which the gradients of the two are added
    are fixed, so that equal trainings have equal bits. Use it only inside :meth:`at_work`.
    """

    # The other lane still needs the weights.
    IN_ONE_PIECE = False

    def __init__(
        self,
        layers: Sequence[Layer],
        weights: Mapping[str, torch.Tensor],
        image_shape: tuple[int, int],
        make_dropout: Callable[[float], Dropout] | None = None,
    ):
        super().__init__(layers, weights, image_shape, make_dropout)
        self._n_dropped = [prod(layer.output_shape) for layer in layers if layer.kind == "dropout"]
        self._drawn = [[Drawn(dropout) for dropout in self.dropouts] for _ in range(2)]
        self._lanes = [OneThreadNetwork(layers, weights, image_shape, _given(drawn)) for drawn in self._drawn]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep a second thread ready, and let torch compute each operation in one thread, for each lane has one core.

        torch then has one thread in the whole process.
        """
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            second = ThreadPoolExecutor(1, "lane", initializer=torch.set_flush_denormal, initargs=(True,))
            with one_blas_thread(), second as self._second:
                yield
        finally:
            torch.set_num_threads(before)

    def prepare_training(self, update: Update, most_images: int, whole: torch.Tensor | None = None) -> None:
        first = Sums(update.values, update.sums, update.summed)
        self._sums = first, first.twin()
        for lane, sums in zip(self._lanes, self._sums, strict=True):
            lane.prepare_training(sums, _halves(most_images)[0].stop)

    def forward(self, X: torch.Tensor, *, training: bool = False, out: torch.Tensor | None = None) -> torch.Tensor:
        if training:
            raise NotImplementedError("two lanes are trained by learn()")
        out = torch.empty(len(X), self.n_classes) if out is None else out
        self._in_both(lambda lane, rows: lane.forward(X[rows], out=out[rows]), len(X))
        return out

    def learn(self, batch: LabelledBatch, label_smoothing: float, scale: float, kept: float) -> tuple[float, int]:
        n_images = len(batch.y)
        for drawn, rows in zip(self._drawn, _halves(n_images), strict=True):
            for dropout, n_values in zip(drawn, self._n_dropped, strict=True):
                dropout.draw_ahead((rows.stop - rows.start) * n_values)

        def learn(lane: OneThreadNetwork, rows: slice) -> tuple[float, int]:
            if lane is self._lanes[1]:
                self._sums[1].summed.zero_()
            return lane.learn(batch.part(rows), label_smoothing, scale, kept)

        scores = self._in_both(learn, n_images)
        if len(scores) == 2:
            self._sums[0].summed.add_(self._sums[1].summed)
        losses, rights = zip(*scores, strict=True)
        return sum(losses), sum(rights)

    def _in_both(self, work: Callable[[OneThreadNetwork, slice], Result], n_images: int) -> list[Result]:
        """Return what the work of each lane returns, for its half of the images; a single image is the first lane's."""
        first, second = _halves(n_images)
        if n_images == 1:
            return [work(self._lanes[0], first)]
        other = self._second.submit(torch.inference_mode()(work), self._lanes[1], second)
        try:
            result = work(self._lanes[0], first)
        finally:
            others = other.result()
        return [result, others]


class Drawn(Dropout):
    """Dropout whose levels were drawn ahead from another one's numbers: it does not matter which thread draws first."""

    def __init__(self, source: Dropout):
        self.highest, self.scale, self._source = source.highest, source.scale, source
        self._ahead = np.empty(0, dtype=np.uint16)

    def draw_ahead(self, n_values: int) -> None:
        """Draw what the next calls of :meth:`draw` return, for so many values in all."""
        self._ahead = self._source.draw(n_values).copy()

    def draw(self, n_values: int) -> np.ndarray:
        if n_values > len(self._ahead):
            raise ValueError(f"{n_values} levels are wanted, {len(self._ahead)} were drawn ahead")
        drawn, self._ahead = self._ahead[:n_values], self._ahead[n_values:]
        return drawn


def _given(dropouts: Sequence[Dropout]) -> Callable[[float], Dropout] | None:
    """Return a function that returns these, one after the other, to a network that makes its dropouts; or None."""
    following = iter(dropouts)
    return (lambda rate: next(following)) if dropouts else None


def _halves(n_images: int) -> tuple[slice, slice]:
    middle = ceil(n_images / 2)
    return slice(0, middle), slice(middle, n_images)
