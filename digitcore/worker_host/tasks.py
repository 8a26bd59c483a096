"""Packs calls as bytes, so that the scheduler does not import the code that trains.

The scheduler unpickles every task that it receives, and imports what the task refers to. It receives :func:`call` with
bytes instead, which the worker unpickles.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from distributed.protocol.pickle import dumps, loads


def packed(function: Callable[..., Any], *arguments: Any) -> tuple[bytes | bytearray, ...]:
    """Return the arguments of :func:`call`: the pickled call, and the memory of each of its arrays."""
    buffers: list[pickle.PickleBuffer] = []
    header = dumps((function, arguments), buffer_callback=buffers.append)
    # The worker's arrays are views of these bytes, so that none is held twice; a bytearray keeps them writable.
    return header, *(bytearray(buffer.raw()) for buffer in buffers)


def call(header: bytes, *buffers: bytearray) -> Any:
    """Run a call from :func:`packed`; return its result or raise its exception."""
    function, arguments = loads(header, buffers=buffers)
    return function(*arguments)
