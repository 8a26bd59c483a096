"""How a loop is compiled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numba


def kernel(*, reorders_sums: bool = False) -> Callable[[Callable], Callable]:
    """Return a decorator that compiles a function of arrays at its first call; later processes find it on disk.

    A kernel lets other Python threads run, uses no threads of its own and gives equal bits for equal input. If it
    multiplies matrices, that holds inside :func:`digitcore.models.torch_backend.one_thread.one_blas_thread` alone.

    Parameters
    ----------
    reorders_sums : bool
        Whether the terms of a sum may be added in the order that suits the processor.
    """
    # A product and a sum in one instruction; NaN and infinity keep their meaning.
    allowed = {"contract", "nsz"} | ({"reassoc"} if reorders_sums else set())

    def compiled(function: Callable) -> Callable:
        dispatcher = numba.njit(nogil=True, error_model="numpy", fastmath=allowed)(function)
        with contextlib.suppress(RuntimeError):  # no folder can be written: each process compiles for itself
            dispatcher.enable_caching()
        return dispatcher

    return compiled
