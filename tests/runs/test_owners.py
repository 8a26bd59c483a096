import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from digitcore.runs import Engine, Store, owners
from digitcore.runs.owners import Owners

ELSEWHERE = "elsewhere|4f1c|17|4711|1"


@pytest.fixture
def here():
    owners = Owners()
    yield owners
    owners.close()


@pytest.fixture
def ticking(monkeypatch):
    """A monotonic clock that a test moves; the wall clock stays as it is."""

    class Clock:
        seconds = 1000.0

        def __call__(self):
            return self.seconds

    clock = Clock()
    monkeypatch.setattr(owners.time, "monotonic", clock)
    return clock


@pytest.fixture
def other_process():
    """Another process that runs an engine's owner and prints it."""
    program = "from digitcore.runs.owners import Owners; print(Owners().own, flush=True); input()"
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process = subprocess.Popen([sys.executable, "-c", program], **pipes)
    yield process, process.stdout.readline().strip()
    process.kill()
    process.wait()


def step_wall_clock(monkeypatch, seconds):
    """Let everything that tells the time of day tell another one, as after a step of the system's clock."""
    now, boot = time.time, psutil.boot_time()
    monkeypatch.setattr(time, "time", lambda: now() + seconds)
    # What /proc/stat says moves with the clock; psutil adds a process's start ticks to it.
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot + seconds)


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_step_of_the_clock_kills_no_owner(here, other_process, monkeypatch, seconds):
    _, other = other_process
    step_wall_clock(monkeypatch, seconds)
    assert here.is_alive(here.own, None)
    assert here.is_alive(other, None)


def test_a_server_keeps_its_runs_when_the_clock_is_stepped(tmp_path, slow, monkeypatch):
    with Engine(Store(home=tmp_path)) as engine, Engine(Store(home=tmp_path)) as second:
        engine.store.begin(slow(), engine.owner)
        step_wall_clock(monkeypatch, 3600)
        for each in (engine, second):
            assert each.store.close_orphans(each.owner_is_alive) == []
        assert engine.store.load(slow().digest).state == "queued"


def test_a_killed_process_is_dead(here, other_process):
    process, owner = other_process
    assert here.is_alive(owner, None)
    process.kill()
    process.wait()
    assert not here.is_alive(owner, None)


def test_a_zombie_is_dead(here):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, Owners().own.encode())
        signal.pause()
        os._exit(0)
    owner = os.read(reading, 1000).decode()
    assert here.is_alive(owner, None)
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended, and stays unreaped
    assert psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    assert not here.is_alive(owner, None)
    os.waitpid(child, 0)


@pytest.mark.parametrize("part", ["boot", "ticks"])
def test_a_process_of_the_same_number_is_another_one(here, other_process, part):
    _, owner = other_process
    host, boot, process, ticks, number = owner.split("|")
    changed = {"boot": ("0" + boot[1:], ticks), "ticks": (boot, str(int(ticks) - 1))}[part]
    assert not here.is_alive("|".join((host, changed[0], process, changed[1], number)), None)


def test_a_program_name_with_parentheses_is_read(tmp_path, here):
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        while psutil.Process(process.pid).name() != program.name:
            time.sleep(0.01)
        ticks = round((psutil.Process(process.pid).create_time() - psutil.boot_time()) * os.sysconf("SC_CLK_TCK"))
        assert abs(int(owners._start_ticks(process.pid)) - ticks) <= 100
        process.kill()


def test_a_closed_engine_of_this_process_is_dead():
    first, second = Owners(), Owners()
    assert first.own != second.own
    assert second.is_alive(first.own, None)
    first.close()
    assert not second.is_alive(first.own, None)
    assert second.is_alive(second.own, None)


def test_owners_of_version_1_are_judged(here):
    host, process = socket.gethostname(), psutil.Process()
    assert here.is_alive(f"{host}|{process.pid}|{process.create_time():.3f}", None)
    assert not here.is_alive(f"{host}|{process.pid}|{process.create_time() - 60:.3f}", None)
    assert not here.is_alive(f"{host}|999999|1.000", None)


def test_where_the_system_has_no_proc_the_start_time_counts(here, monkeypatch, tmp_path):
    monkeypatch.setattr(owners, "_PROC", tmp_path)
    host = socket.gethostname()
    assert owners._identity.__wrapped__(os.getpid()).startswith(f"{host}||{os.getpid()}|")
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        started = psutil.Process(child.pid).create_time()
        assert here.is_alive(f"{host}||{child.pid}|{started:.3f}|1", None)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie until the end of this block
        assert not here.is_alive(f"{host}||{child.pid}|{started:.3f}|1", None)


@pytest.mark.parametrize("identity", ["", "x|y", "|||", "1"])
def test_an_owner_here_without_a_process_is_dead(here, identity):
    assert not here.is_alive(f"{socket.gethostname()}|{identity}", None)


def test_an_owner_elsewhere_is_alive_as_long_as_its_heartbeats_change(here, ticking):
    for beats in range(100):
        assert here.is_alive(ELSEWHERE, beats)
        ticking.seconds += 2
    alive = []
    for _ in range(40):
        alive.append(here.is_alive(ELSEWHERE, 99))
        ticking.seconds += 2
    # Heard for the last time 2 seconds before these looks.
    assert alive == [True] * 29 + [False] * 11


def test_an_owner_elsewhere_is_not_silent_while_nobody_listens(here, ticking):
    assert here.is_alive(ELSEWHERE, 7)
    ticking.seconds += 3600  # the store could not be read
    assert here.is_alive(ELSEWHERE, 7)
    assert here.is_alive(ELSEWHERE, 8)


def test_a_step_of_the_clock_does_not_silence_an_owner_elsewhere(tmp_path, quick, monkeypatch):
    store = Store(home=tmp_path)
    store.begin(quick(), ELSEWHERE)
    with Engine(Store(home=tmp_path)) as engine:
        engine.store.close_orphans(engine.owner_is_alive)
        step_wall_clock(monkeypatch, 86400)
        assert engine.store.close_orphans(engine.owner_is_alive) == []
