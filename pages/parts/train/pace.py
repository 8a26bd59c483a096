"""How often a page that follows a training is redrawn: the more sessions watch, the more rarely each is redrawn."""

from __future__ import annotations

import threading
import time

from streamlit.runtime.scriptrunner import get_script_run_ctx

# One session sees an epoch soon after its end; all sessions together cause no more drawings than this.
FASTEST_SECONDS, MOST_DRAWINGS_PER_SECOND = 0.15, 10
# A session that has drawn nothing for this long no longer watches.
GONE_SECONDS = 5.0
# Differences below this factor go unnoticed.
_TOLERANCE = 1.5

_lock = threading.Lock()
_watching: dict[str, float] = {}


def seconds() -> float:
    """Note that this session watches a training; return the seconds until its page is to be drawn again."""
    context = get_script_run_ctx()
    return _noted(context.session_id if context is not None else "", time.monotonic())


def _noted(session: str, now: float) -> float:
    with _lock:
        _watching[session] = now
        for gone in [each for each, seen in _watching.items() if now - seen > GONE_SECONDS]:
            del _watching[gone]
        return max(FASTEST_SECONDS, len(_watching) / MOST_DRAWINGS_PER_SECOND)


def is_other(seconds_now: float, seconds_before: float) -> bool:
    """Whether a pace is so different that the page should take it."""
    return not 1 / _TOLERANCE < seconds_now / seconds_before < _TOLERANCE
