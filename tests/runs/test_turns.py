from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time

import pytest

from digitcore.runs import turns
from digitcore.runs.turns import Turn, turn_on

HOLD = """
import sys, time
from pathlib import Path
from digitcore.runs.turns import Turn
turn = Turn(Path(sys.argv[1]), alone=sys.argv[2] == "alone", n_places=1)
turn.wait()
print("has it", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Returns a process that has a turn, alone or beside others."""
    started = []

    def start(how):
        process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path, how], stdout=subprocess.PIPE, text=True)
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

    def make(alone, n_places=1):
        made.append(Turn(tmp_path, alone=alone, n_places=n_places))
        return made[-1]

    yield make
    for one in made:
        with contextlib.suppress(OSError):  # the test may have closed it
            one.close()


def after(seconds):
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() > deadline


@pytest.mark.parametrize(
    ("held", "wanted", "free"),
    [("alone", True, False), ("alone", False, False), ("beside", True, False), ("beside", False, True)],
)
def test_a_place_is_for_one_alone_or_for_several_beside_each_other(holder, turn, held, wanted, free):
    holder(held)
    assert turn(wanted).wait(after(0.2)) == free


def test_a_second_place_is_taken_when_the_first_is_not_free(holder, turn):
    holder("alone")
    assert turn(True, n_places=2).wait(after(0.2))


def test_a_killed_process_gives_its_turn_back(holder, turn):
    process = holder("alone")
    mine = turn(True)
    assert not mine.wait(after(0.1))
    process.kill()
    assert mine.wait(after(10))


def test_who_waits_to_be_alone_is_not_passed_by_later_ones(holder, turn):
    process = holder("beside")
    alone, came, order = turn(True), turn(False), []
    waiting = [
        threading.Thread(target=lambda one=one, name=name: one.wait(after(20)) and order.append(name))
        for name, one in (("alone", alone), ("later", came))
    ]
    waiting[0].start()
    time.sleep(0.2)
    waiting[1].start()
    time.sleep(0.2)
    assert order == []
    process.kill()
    waiting[0].join()
    assert order == ["alone"]
    alone.close()
    waiting[1].join()
    assert order == ["alone", "later"]


def test_a_long_turn_is_passed_on_to_who_waits(turn, monkeypatch):
    monkeypatch.setattr(turns, "ALONE_SECONDS", 0.1)
    first, second, order = turn(True), turn(True), []
    first.wait()
    waiting = threading.Thread(target=lambda: second.wait() and order.append("second"))
    waiting.start()
    first.pass_on(after(0))
    assert order == []
    time.sleep(0.15)
    assert not first.pass_on(after(0.3))
    waiting.join()
    assert order == ["second"]


def test_a_long_turn_goes_on_when_nobody_waits(turn, monkeypatch):
    monkeypatch.setattr(turns, "ALONE_SECONDS", 0.0)
    mine = turn(True)
    mine.wait()
    assert mine.pass_on()


def test_where_nothing_can_be_written_nobody_waits(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        turn_on(tmp_path / "file" / "turns", alone=True) as first,
        turn_on(tmp_path / "file" / "turns", alone=True) as second,
    ):
        assert first.wait(after(0)) and second.wait(after(0)) and first.pass_on(after(0))


def test_who_passes_a_turn_on_comes_after_who_waited(turn, monkeypatch):
    monkeypatch.setattr(turns, "ALONE_SECONDS", 0.0)
    holder, others, order = turn(True), [turn(True), turn(False)], []
    holder.wait()
    waiting = []
    for number, other in enumerate(others):

        def take(other=other, number=number):
            other.wait()
            order.append(number)
            other.close()

        waiting.append(threading.Thread(target=take))
        waiting[-1].start()
        time.sleep(0.1)
    holder.pass_on()
    order.append("holder")
    for thread in waiting:
        thread.join()
    assert order == [0, 1, "holder"]
