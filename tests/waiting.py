"""Waiting for what other threads and processes do."""

import time


def wait_for(condition, what="the condition", seconds=120.0):
    """Return as soon as ``condition()`` is true; fail with a sentence about ``what`` when that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds:g} s"
        time.sleep(0.02)
