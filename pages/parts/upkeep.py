"""The server's own upkeep of its memory: garbage goes while nobody waits, widgets that are gone are forgotten."""

from __future__ import annotations

import ctypes
import gc
import logging
import sys
import threading
import time

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state import SessionState

log = logging.getLogger("digitcore.pages")

LOOK_SECONDS = 1.0
# A process that used less than this share of a core during the last look is at rest.
RESTING_SHARE = 0.1
# A server that is never at rest collects all the same after this time.
LONGEST_SECONDS = 60.0
# Less work than this leaves too little garbage to look for.
WORTH_CPU_SECONDS = 1.0
# Collections of young objects stay automatic; one of all objects, which takes a quarter of a second, does not.
THRESHOLDS = (5_000, 20, 1_000_000)
# Parameters of glibc's mallopt, and their values: arenas in all, and bytes from which a block is mapped alone.
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
MOST_ARENAS, LARGE_BYTES = 2, 1 << 17


def bound_fragmentation() -> None:
    """Have threads share two arenas of C's heap, and keep large blocks out of it; only with glibc on Linux.

    Otherwise nearly each thread has an arena of its own, and what caches keep lies there between what pages needed only
    while they were drawn: no arena can shrink, and the server grows by a hundred megabytes that nobody uses. With two
    arenas threads hardly wait for each other, as Python's lock lets only one of them run at a time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_ARENA_MAX, MOST_ARENAS)
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)


def keep_tidy() -> None:
    """Put aside all objects that exist by now, and collect garbage among later ones at quiet moments."""
    freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
    threading.Thread(target=_collect_forever, name="garbage", daemon=True).start()


def freeze() -> None:
    """Exempt the objects that exist now, imported modules above all, from collections: they stay until the end."""
    gc.collect()
    gc.freeze()


def forget_gone_widgets() -> None:
    """Let Streamlit forget the widgets whose values it has dropped in this session.

    It drops the value of a widget that its page no longer draws, but keeps what it knows about the widget, with its
    callbacks and options, until the tab is closed: a list of runs gets a new identity with each new run, and so the
    server would keep every list that a visitor ever saw, and all the runs in it.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state._lock:
        state = context.session_state._state
        drawn = context.shared.widget_ids_this_run.snapshot()
        _forget_all_but(state, drawn | state._old_state.keys() | state._new_widget_state.states.keys())


def _forget_all_but(state: SessionState, kept: set[str]) -> None:
    known = state._new_widget_state.widget_metadata
    for gone in known.keys() - kept:
        del known[gone]
    keys = state._key_id_mapper
    for gone in keys.id_key_mapping.keys() - kept:
        key = keys.get_key_from_id(gone)
        if keys.get_id_from_key(key) != gone:
            # Another widget has the key by now.
            del keys.id_key_mapping[gone]
        elif key not in kept:
            keys.delete(key)


def _collect_forever() -> None:
    collected_at, cpu_then = time.monotonic(), time.process_time()
    cpu_before = cpu_then
    while True:
        time.sleep(LOOK_SECONDS)
        now, cpu = time.monotonic(), time.process_time()
        resting = cpu - cpu_before < RESTING_SHARE * LOOK_SECONDS
        cpu_before = cpu
        if is_due(resting=resting, cpu_seconds=cpu - cpu_then, waited_seconds=now - collected_at):
            gc.collect()
            collected_at, cpu_then = now, time.process_time()


def is_due(*, resting: bool, cpu_seconds: float, waited_seconds: float) -> bool:
    """Return True if garbage should be collected now.

    Parameters
    ----------
    resting : bool
        Whether the process has just been doing next to nothing.
    cpu_seconds : float
        Processor time that it has used since the last collection.
    waited_seconds : float
        Wall time since the last collection.
    """
    return cpu_seconds >= WORTH_CPU_SECONDS and (resting or waited_seconds >= LONGEST_SECONDS)
