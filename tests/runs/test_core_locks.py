from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time

import pytest

from digitcore.runs import core_locks
from digitcore.runs.core_locks import Turn, turn_for

HOLD = """
import sys, time
from pathlib import Path
from digitcore.runs.core_locks import Turn
turn = Turn(Path(sys.argv[1]), n_places=1)
turn.wait()
print("has it", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Returns a process that has a turn."""
    started = []

    def start():
        process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "has it\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def turn(tmp_path):
    """Returns a turn of this process's own."""
    made = []

    def make(n_places=1):
        made.append(Turn(tmp_path, n_places=n_places))
        return made[-1]

    yield make
    for one in made:
        with contextlib.suppress(OSError):  # the test may have closed it
            one.close()


def after(seconds):
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() > deadline


def wait_in_order(turns, order):
    """Have turns waited for one after the other, each given back at once; return the threads."""

    def take(number, one):
        if one.wait(after(20)):
            order.append(number)
            one.close()

    threads = [threading.Thread(target=take, args=each) for each in enumerate(turns)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    return threads


def test_a_place_is_for_one(holder, turn):
    holder()
    assert not turn().wait(after(0.2))


def test_a_second_place_is_taken_when_the_first_is_not_free(holder, turn):
    holder()
    assert turn(n_places=2).wait(after(0.2))


def test_one_thread_waits_for_nobody(holder, tmp_path):
    holder()
    with turn_for(1, tmp_path) as turn:
        assert turn.wait(after(0))
        assert turn.pass_on(after(0))


def test_a_killed_process_gives_its_turn_back(holder, turn):
    process = holder()
    mine = turn()
    assert not mine.wait(after(0.1))
    process.kill()
    assert mine.wait(after(10))


def test_who_waits_is_not_passed_by_later_ones(holder, turn):
    process, order = holder(), []
    threads = wait_in_order([turn(), turn()], order)
    assert order == []
    process.kill()
    for thread in threads:
        thread.join()
    assert order == [0, 1]


def test_who_passes_a_turn_on_comes_after_all_who_wait(turn, monkeypatch):
    monkeypatch.setattr(core_locks, "TURN_SECONDS", 0.0)
    mine, order = turn(), []
    mine.wait()
    threads = wait_in_order([turn(), turn()], order)
    assert mine.pass_on()
    order.append("mine")
    for thread in threads:
        thread.join()
    assert order == [0, 1, "mine"]


def test_a_turn_is_kept_for_its_time(turn, monkeypatch):
    monkeypatch.setattr(core_locks, "TURN_SECONDS", 60.0)
    mine, order = turn(), []
    mine.wait()
    threads = wait_in_order([turn()], order)
    assert mine.pass_on(after(0))
    assert order == []
    mine.close()
    threads[0].join()
    assert order == [0]


def test_a_long_turn_goes_on_when_nobody_waits(turn, monkeypatch):
    monkeypatch.setattr(core_locks, "TURN_SECONDS", 0.0)
    mine = turn()
    mine.wait()
    assert mine.pass_on()


def test_where_nothing_can_be_written_nobody_waits(tmp_path):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "turns"
    with turn_for(2, folder) as first, turn_for(2, folder) as second:
        assert first.wait(after(0)) and second.wait(after(0)) and first.pass_on(after(0))
