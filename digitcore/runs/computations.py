"""Computations in workers beside the trainings: range tests, maps, searches of labels."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from distributed import Future

from digitcore.runs.dispatch import Task

# Of those that have ended.
MAX_KEPT = 32


@dataclass(frozen=True)
class Computation:
    """How a computation in a worker stands: its state, its result when done, a sentence when failed."""

    state: Literal["running", "done", "failed"]
    result: Any = None
    reason: str = ""


RUNNING = Computation("running")


@dataclass
class Computing:
    """A computation that has not ended: what is computed, for whom, and the handle to the worker's task."""

    key: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    visitors: set[str]
    # Digest of the run with which the result, a table, is kept; empty where it is not.
    kept_with: str = ""
    future: Future[Any] | None = None
    # A name of its own each time: the scheduler would hand out the failure of an equal one.
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"compute-{self.key}-{time.monotonic_ns()}"

    @property
    def task(self) -> Task:
        """What the queue sees of it."""
        return Task(self.name, "computation", frozenset(self.visitors))


class Computations:
    """The computations of an engine, by key: equal keys mean equal results. Safe to use from several threads."""

    def __init__(self) -> None:
        self._by_key: dict[str, Computing | Computation] = {}
        self._lock = threading.Lock()

    def get_or_add(
        self,
        key: str,
        visitor: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        kept_with: str = "",
    ) -> Computation:
        """Return how a computation stands; an unknown one is added and waits."""
        visitors = {visitor} if visitor else set()
        with self._lock:
            known = self._by_key.get(key)
            if isinstance(known, Computation):
                return known
            if known is None:
                self._by_key[key] = Computing(key, function, arguments, visitors, kept_with)
            else:
                known.visitors |= visitors
            return RUNNING

    def under_way(self) -> list[Computing]:
        """Return those that have not ended, oldest first."""
        with self._lock:
            return [each for each in self._by_key.values() if isinstance(each, Computing)]

    def knows(self, key: str) -> bool:
        """Return True if a computation is under way or has ended and is kept."""
        with self._lock:
            return key in self._by_key

    def holds(self, computing: Computing) -> bool:
        """Return True if a computation has neither ended nor been dropped."""
        with self._lock:
            return self._by_key.get(computing.key) is computing

    def end(self, computing: Computing, ended: Computation) -> None:
        """Keep a result or a failure; of those, the last 32 are kept."""
        with self._lock:
            if self._by_key.get(computing.key) is computing:  # it was not stopped meanwhile
                self._remember(computing.key, ended)

    def ended(self, key: str) -> Computation | None:
        """Return the result or failure of a computation; None while it is under way, and for an unknown key."""
        with self._lock:
            known = self._by_key.get(key)
            return known if isinstance(known, Computation) else None

    def remember(self, key: str, ended: Computation) -> Computation:
        """Keep a result that was found before, as :meth:`end` does, and return it."""
        with self._lock:
            self._remember(key, ended)
        return ended

    def _remember(self, key: str, ended: Computation) -> None:
        self._by_key.pop(key, None)
        self._by_key[key] = ended
        kept = [each for each, known in self._by_key.items() if isinstance(known, Computation)]
        for oldest in kept[: max(0, len(kept) - MAX_KEPT)]:
            del self._by_key[oldest]

    def forget(self, key: str) -> None:
        """Let the next request for this key start anew, after a failure."""
        with self._lock:
            if isinstance(self._by_key.get(key), Computation):
                del self._by_key[key]

    def leave(self, key: str, visitor: str) -> Computing | None:
        """Remove a visitor from a computation; if nobody else waits for it, drop it and return it."""
        with self._lock:
            computing = self._by_key.get(key)
            if not isinstance(computing, Computing):
                return None
            computing.visitors.discard(visitor)
            if computing.visitors:
                return None
            return self._by_key.pop(key)
