"""Loops compiled to the processor's own vector instructions, for what array libraries do in many passes over memory.

Each file stands alone, and so some lines stand in two: numba, which keeps what it compiled on disk, notices a change of
the file that a kernel stands in, not of what that file imports, nor of the options below. Rows are copied in loops: to
assign one whole brings the texts of numba's error messages along, which take two seconds more to compile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numba


def kernel(*, reorders_sums: bool = False) -> Callable[[Callable], Callable]:
    """Return a decorator that compiles a function of arrays at its first call; later processes find it on disk.

    A kernel lets other Python threads run, uses no threads of its own and gives equal bits for equal input.

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
