"""Owners: which engine trains a run or an experiment, and whether it is still alive.

An owner is the text ``host|boot|process|ticks|number``: the host name, the id of the host's boot, the process id, the
clock ticks from the boot to the start of the process, and a number for each engine of the process. None of these
changes when the wall clock is set.
"""

from __future__ import annotations

import itertools
import os
import socket
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

# An owner on another host whose heartbeats stand still for this long counts as dead.
SILENCE_SECONDS = 60.0
# What one look adds to an owner's silence at most: while the store cannot be read, no owner can be heard.
_LOOK_SECONDS = 5.0
# How far two readings of a process's start time may differ where the system gives only the time of day.
_START_TOLERANCE_SECONDS = 2.0
_PROC = Path("/proc")

_numbers = itertools.count(1)
_engines_here: set[str] = set()


@dataclass
class _Silence:
    beats: int | None
    looked_at: float
    seconds: float = 0.0


class Owners:
    """Tells which owners are alive, as seen by one engine, which becomes an owner itself.

    Attributes
    ----------
    own : str
        This engine as an owner; alive until :meth:`close`.
    """

    def __init__(self) -> None:
        self.own = f"{_identity(os.getpid())}|{next(_numbers)}"
        _engines_here.add(self.own)
        self._silences: dict[str, _Silence] = {}

    def is_alive(self, owner: str, beats: int | None) -> bool:
        """Return True if ``owner`` is alive.

        Parameters
        ----------
        owner : str
            An engine of this process is alive until it is closed, one of another process on this host as long as the
            process is there and no zombie.
        beats : int or None
            The owner's heartbeats so far, None before the first. An owner on another host is alive as long as they
            change; only the time in which this engine has looked counts as silence, by the monotonic clock.
        """
        process, _, _number = owner.rpartition("|")
        if process == _identity(os.getpid()):
            return owner in _engines_here
        host, *rest = owner.split("|")
        return _is_alive_here(rest) if host == socket.gethostname() else self._is_heard(owner, beats)

    def close(self) -> None:
        """Count this engine as dead from now on."""
        _engines_here.discard(self.own)

    def _is_heard(self, owner: str, beats: int | None) -> bool:
        now = time.monotonic()
        silence = self._silences.get(owner)
        if silence is None or silence.beats != beats:
            self._silences[owner] = _Silence(beats, looked_at=now)
            return True
        silence.seconds += min(now - silence.looked_at, _LOOK_SECONDS)
        silence.looked_at = now
        return silence.seconds < SILENCE_SECONDS


def _is_alive_here(identity: list[str]) -> bool:
    """Return True if the process of an owner on this host is alive; ``identity`` is the owner without its host."""
    try:
        if len(identity) < 3:  # stores of version 1 hold the process id and the time of day of its start
            return _started_at(int(identity[0]), float(identity[1]))
        boot, process, start = identity[:3]
        if not _has_ticks():
            return _started_at(int(process), float(start))
        return boot == _boot_id() and start == _start_ticks(int(process))
    except (ValueError, IndexError):
        return False


@cache
def _identity(process: int) -> str:
    """Return what is common to all owners of this process, whose id is given: a fork has another one."""
    start = _start_ticks(process) if _has_ticks() else f"{psutil.Process().create_time():.3f}"
    return "|".join((socket.gethostname(), _boot_id(), str(process), str(start)))


def _has_ticks() -> bool:
    return (_PROC / "self" / "stat").exists()


def _boot_id() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start_ticks(process: int) -> str | None:
    """Return the clock ticks from the boot to the start of a process, or None if it is dead or a zombie."""
    try:
        stat = (_PROC / str(process) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field, the program's name in parentheses, may itself hold spaces and parentheses.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in ("Z", "X", "x") else fields[18]


def _started_at(process: int, started: float) -> bool:
    """Return True if a process that started at this time of day, in seconds since 1970, is alive."""
    try:
        found = psutil.Process(process)
        is_same = abs(found.create_time() - started) < _START_TOLERANCE_SECONDS
        return is_same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
