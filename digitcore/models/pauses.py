"""Pauses: moments between two batches at which whoever runs a training may hold it up or end it.

A training loop calls :func:`pause` and knows nothing of who listens; predictions and other long computations do, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PAUSE_SECONDS = 0.2


def _nobody_listens() -> None:
    pass


_hook: ContextVar[Callable[[], None]] = ContextVar("hook", default=_nobody_listens)


@contextmanager
def pauses(action: Callable[[], object], every_seconds: float = PAUSE_SECONDS) -> Iterator[None]:
    """Have what this thread runs inside call ``action`` between two batches.

    Parameters
    ----------
    action : callable
        May wait as long as it likes. What it raises, :class:`digitcore.errors.Interrupted` above all, ends what is
        under way.
    every_seconds : float
        Pauses sooner than this after the last one are passed over: batches may take microseconds.
    """
    token = _hook.set(_at_most_every(every_seconds, action))
    try:
        yield
    finally:
        _hook.reset(token)


def pause_hook() -> Callable[[], None]:
    """Return what :func:`pause` calls now, for loops in which even looking for it counts."""
    return _hook.get()


def pause() -> None:
    """Give whoever runs this the chance to hold it up or to end it."""
    _hook.get()()


def _at_most_every(seconds: float, action: Callable[[], object]) -> Callable[[], None]:
    now = time.monotonic
    due = now() + seconds

    def hook() -> None:
        nonlocal due
        if now() >= due:
            action()
            due = now() + seconds

    return hook
