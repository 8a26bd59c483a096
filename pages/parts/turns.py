"""Pages are drawn in turns: one at a time, in the order in which they were asked for.

Python runs one thread at a time. Twenty pages drawn at once take longer than twenty drawn one after the other, because
their threads wake each other up and queue for the same locks of Streamlit, and none of them is ready before all are
nearly ready.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# The best for 100 visitors on two cores, see benchmarks/visitors.md.
N_AT_ONCE = 1
# A page that takes longer than this, such as one that loads a data set, no longer keeps others waiting.
LONGEST_SECONDS = 0.5


@dataclass
class _Waiting:
    thread: int
    may_go: threading.Event = field(default_factory=threading.Event)


class Turns:
    """Limits how many threads are at work at a time: first come, first served.

    Parameters
    ----------
    n_at_once : int
        Threads, from 1.
    longest_seconds : float
        After this time a thread does not count any more.
    clock : callable
        Returns seconds on a steady clock.
    """

    def __init__(self, n_at_once: int, longest_seconds: float, clock: Callable[[], float] = time.monotonic):
        self._n_at_once, self._longest, self._clock = n_at_once, longest_seconds, clock
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        # When each thread that has its turn began, by its identity.
        self._since: dict[int, float] = {}

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for this thread's turn, which ends with the block. A block inside one that has its turn goes at once."""
        thread = threading.get_ident()
        if thread in self._since:
            yield
            return
        self._begin(thread)
        try:
            yield
        finally:
            self._end(thread)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let others go during the block, which waits for something, and wait for another turn after it."""
        thread = threading.get_ident()
        had_turn = self._end(thread)
        try:
            yield
        finally:
            if had_turn:
                self._begin(thread)

    def _begin(self, thread: int) -> None:
        own = _Waiting(thread)
        with self._lock:
            self._waiting.append(own)
            self._let_go()
        while not own.may_go.wait(self._longest):
            with self._lock:
                self._let_go()

    def _end(self, thread: int) -> bool:
        with self._lock:
            had_turn = self._since.pop(thread, None) is not None
            self._let_go()
        return had_turn

    def _let_go(self) -> None:
        now = self._clock()
        n_busy = sum(now - since < self._longest for since in self._since.values())
        while self._waiting and n_busy < self._n_at_once:
            first = self._waiting.popleft()
            self._since[first.thread] = now
            first.may_go.set()
            n_busy += 1


_pages = Turns(N_AT_ONCE, LONGEST_SECONDS)
turn, pause = _pages.turn, _pages.pause
