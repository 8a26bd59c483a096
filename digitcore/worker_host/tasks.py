"""Packs what workers are given to do, so that the scheduler need not import the code that trains.

A scheduler reads each task that it passes on, and imports what that needs. It gets a call of this module instead, which
a worker unpacks.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from distributed.protocol.pickle import dumps, loads


def packed(function: Callable[..., Any], *arguments: Any) -> tuple[bytes | bytearray, ...]:
    """Return the arguments of :func:`call`: the call without its arrays, and the memory of each of these."""
    buffers: list[pickle.PickleBuffer] = []
    header = dumps((function, arguments), buffer_callback=buffers.append)
    # What can be written to stays so: the arrays of the worker are views of it, and nothing is held twice.
    return header, *(bytearray(buffer.raw()) for buffer in buffers)


def call(header: bytes, *buffers: bytearray) -> Any:
    """Call what :func:`packed` was given; return what it returns, raise what it raises."""
    function, arguments = loads(header, buffers=buffers)
    return function(*arguments)
