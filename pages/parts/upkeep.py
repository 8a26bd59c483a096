"""The server's own upkeep: cyclic garbage is collected while nobody waits."""

from __future__ import annotations

import gc
import logging
import threading
import time

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
