"""A network that is trained in one thread, by few calls that each do much."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from importlib import import_module
from itertools import pairwise

import torch
from threadpoolctl import ThreadpoolController

from digitcore.models.layer_plans import Layer
from digitcore.models.torch_backend.kernels.dense_layers import DenseLayers
from digitcore.models.torch_backend.layers import ChannelsConvBlock, Network, PickedImages, Rectifier
from digitcore.models.torch_backend.updates import Sums, Update

# Gradients of so many weights of dense layers stay in a core's own cache until they are added to their sums. Of more,
# torch adds them up on the way: mnist-cnn would take half as long again.
MOST_WEIGHTS = 2**18


def suits_one_thread(layers: Sequence[Layer]) -> bool:
    """Return True if torch has one thread and the layers convolve: :class:`OneThreadNetwork` is then quicker."""
    kinds = {layer.kind for layer in layers}
    return torch.get_num_threads() == 1 and "conv" in kinds and "norm" not in kinds


class OneThreadNetwork(Network):
    """Convolutions and dense layers in one thread, most of them by compiled loops and NumPy's products of matrices.

    An epoch of mnist-instant takes 0.72 times as long as with torch's operations, one of two convolutions on the 8x8
    digits 0.55 times. Other threads of Python can run meanwhile: a step is seven calls, where torch makes a hundred,
    and at each of these two threads may have to wait for one another. Use it only inside :meth:`at_work`.
    """

    _LATER_BLOCK = ChannelsConvBlock
    # Larger groups mean fewer calls, and the kernels themselves work on a few images at a time.
    _VALUES_IN_CACHE = 800_000

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with one_blas_thread():
            yield

    def prepare_training(self, update: Update | Sums, most_images: int, whole: torch.Tensor | None = None) -> None:
        super().prepare_training(update, most_images, whole)
        sizes = [self.dense[0].n_inputs, *(dense.n_units for dense in self.dense)]
        self._products = None
        n_weights = sum((n_inputs + 1) * n_units for n_inputs, n_units in pairwise(sizes))
        is_plain = all(isinstance(each, Rectifier) and each.dropout is None for each in self._rectifiers)
        if is_plain and n_weights <= MOST_WEIGHTS:
            weights, sums = (tensor[-n_weights:].numpy() for tensor in (update.values, update.summed))
            self._products = DenseLayers(sizes, weights, sums, most_images)

    def forward(
        self, X: torch.Tensor | PickedImages, *, training: bool = False, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See :class:`Network`; ``out`` is needed while training, with a class's logits side by side."""
        if not training or self._products is None:
            return super().forward(X, training=training, out=out)
        self._products.forward(self._forward_images(X, training).numpy(), out.t().numpy())
        return out

    def backward(self, d_logits: torch.Tensor, scale: float, kept: float) -> None:
        if self._products is None:
            super().backward(d_logits, scale, kept)
            return
        d_features = self._buffers("d_features", len(d_logits), self.dense[0].n_inputs)
        self._products.backward(d_logits.t().numpy(), scale, kept, d_features.numpy())
        self._backward_images(d_features, scale)


class _BlasLimit:
    """One thread for the products of matrices in the whole process, from the first who asks for it to the last."""

    def __init__(self) -> None:
        self._lock, self._n_users, self._until_last = threading.Lock(), 0, ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._n_users == 0:
                self._until_last.enter_context(_blas().limit(limits=1))
            self._n_users += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_users -= 1
                if self._n_users == 0:
                    self._until_last.close()


_blas_limit = _BlasLimit()


def one_blas_thread() -> AbstractContextManager[None]:
    """Return a context in which each product of matrices by NumPy's and SciPy's BLAS takes one thread, for equal bits.

    It may be entered by several threads at a time.
    """
    return _blas_limit()


@cache
def _blas() -> ThreadpoolController:
    # The products of compiled loops are SciPy's, whose library must be there to be found.
    import_module("scipy.linalg.cython_blas")
    return ThreadpoolController().select(user_api="blas")
