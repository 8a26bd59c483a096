"""A cache limited by the memory that its values take: one run's arrays may take a thousand times another's."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SizedCache(Generic[Value]):
    """Keeps values that are not to be changed; those asked for longest ago go first. Safe to use from several threads.

    Parameters
    ----------
    max_bytes : int
        Of all values together; a larger one is kept alone.
    size : callable
        Returns the bytes of a value.
    """

    def __init__(self, max_bytes: int, size: Callable[[Value], int]):
        self._max_bytes, self._size = max_bytes, size
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of ``key``, from ``make()`` if it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._lock:
            if key in self._kept:
                return self._kept[key]
            self._kept[key] = value
            self._n_bytes += self._size(value)
            while self._n_bytes > self._max_bytes and len(self._kept) > 1:
                _, forgotten = self._kept.popitem(last=False)
                self._n_bytes -= self._size(forgotten)
        return value

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._kept.clear()
            self._n_bytes = 0
