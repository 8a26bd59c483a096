"""The embedded cluster: who may speak with it, what it leaves behind, how it starts."""

import asyncio
import os
import pwd
import signal
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from distributed import Security
from distributed.comm import connect

from digitcore.errors import EngineError
from digitcore.runs.cluster import TrainingCluster
from digitcore.runs.dispatch import Places
from tests.waiting import wait_for

SERVER = """
import sys, time
from digitcore.runs.cluster import TrainingCluster
from digitcore.runs.dispatch import Places
cluster = TrainingCluster(None, 1)
while cluster.starting:
    time.sleep(0.05)
print(cluster.host.process.pid, flush=True)
sys.stdin.read()
cluster.close()
"""


def descendants(process):
    return [process, *process.children(recursive=True)]


def semaphores_of(processes):
    maps = (entry.path for process in processes for entry in process.memory_maps())
    return {Path(path) for path in maps if path.startswith("/dev/shm/sem.")}


@pytest.fixture
def temporary(monkeypatch):
    """A system's temporary directory of the test's own, with a path as short as usual."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)


@pytest.fixture(scope="module")
def cluster():
    cluster = TrainingCluster(None, 1)
    wait_for(lambda: cluster.n_ready == 1, "a worker")
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def processes(cluster):
    return descendants(psutil.Process(cluster.host.process.pid))


@pytest.fixture(scope="module")
def listening(processes):
    found = [c.laddr for process in processes for c in process.net_connections("inet") if c.status == "LISTEN"]
    assert len(found) == 3  # a scheduler, a nanny and a worker; none for pages
    return found


def as_another_user(function):
    """Return what ``function`` returns in a child process that belongs to another account."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            other = pwd.getpwnam("nobody")
            os.setgroups([])
            os.setgid(other.pw_gid)
            os.setuid(other.pw_uid)
            os.write(writing, repr(function()).encode())
        except BaseException as error:
            os.write(writing, f"failed: {error!r}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def ask(protocol, address, **connection):
    """Ask a dask server who it is, as any dask program begins."""

    async def identity():
        comm = await connect(f"{protocol}://127.0.0.1:{address.port}", timeout=5, **connection)
        await comm.write({"op": "identity", "reply": True})
        return (await comm.read())["type"]

    try:
        # In a thread of its own: a browser that other tests drive keeps this one's event loop.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, identity()).result()
    except OSError as error:
        return f"refused: {type(error).__name__}"


def without_checks(security):
    """Return a TLS context as an attacker would make it, who does not care whom he talks to."""
    context = security.get_connection_args("client")["ssl_context"] if security else ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_who_has_the_keys_is_let_in(cluster, listening):
    arguments = cluster.host.security.get_connection_args("client")
    assert {ask("tls", address, **arguments) for address in listening} == {
        "TrainingScheduler",
        "Nanny",
        "TrainingWorker",
    }


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("how", ["plain", "no key", "own key"])
def test_another_user_is_refused(listening, how):
    protocol = "tcp" if how == "plain" else "tls"
    contexts = {"plain": {}, "no key": {"ssl_context": without_checks(None)}}
    contexts["own key"] = {"ssl_context": without_checks(Security.temporary())}
    for address in listening:
        assert "refused" in as_another_user(lambda address=address: ask(protocol, address, **contexts[how]))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_can_read_no_file(cluster):
    directory = cluster.host.directory
    assert "PermissionError" in as_another_user(lambda: os.listdir(directory))
    assert "PermissionError" in as_another_user((directory / "key.pem").read_text)


def test_all_files_are_private(cluster):
    directory = cluster.host.directory
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [directory, *directory.rglob("*")]}
    assert {directory / name for name in ("key.pem", "certificate.pem", "lock")} <= set(modes)
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if not path.is_dir()} == {0o600}


def test_workers_keep_their_files_there(cluster):
    folder, *_ = cluster.client.run(lambda dask_worker: dask_worker.local_directory).values()
    assert cluster.host.directory in Path(folder).parents
    (temporary,) = cluster.client.run(tempfile.gettempdir).values()
    assert temporary == str(cluster.host.directory)


def test_no_key_is_in_a_command_line_or_an_environment(cluster, processes):
    lines = (cluster.host.directory / "key.pem").read_text().splitlines()[1:-1]
    assert len(lines) > 10
    for process in processes:
        seen = " ".join([*process.cmdline(), *process.environ().values()])
        assert not any(line in seen for line in lines)


def test_only_loopback_is_listened_on(listening):
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_what_workers_are_forked_from_has_one_thread(processes):
    forker = next(process for process in processes[1:] if process.children())
    assert forker.num_threads() == 1


def test_a_worker_has_the_umask_of_the_server(cluster):
    before = os.umask(0o022)
    os.umask(before)
    there, *_ = cluster.client.run(lambda: [os.umask(0o077), os.umask(before)][0]).values()
    assert there == before


def test_spare_workers_join_once(cluster):
    assert cluster.places() == Places(1, 1, 1)
    cluster.have_spare_workers()
    wait_for(lambda: cluster.n_ready == 3, "the spare workers")
    cluster.have_spare_workers()
    assert cluster.places() == Places(3, 2, 1)
    assert len(cluster.client.nthreads()) == 3


@pytest.mark.parametrize(
    "how", [*(pytest.param(how, marks=pytest.mark.slow) for how in ("close", signal.SIGTERM)), signal.SIGKILL], ids=str
)
def test_nothing_is_left_behind(temporary, how):
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    started = descendants(psutil.Process(int(server.stdout.readline())))
    assert len(started) >= 4
    semaphores = semaphores_of(started)
    assert semaphores
    assert len(os.listdir(temporary)) == 1
    if how == "close":
        server.stdin.close()
    else:
        server.send_signal(how)
    server.wait(20)
    _, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []
    wait_for(lambda: os.listdir(temporary) == [], "an empty directory", 5)
    assert not any(path.exists() for path in semaphores)


def test_what_kills_left_behind_is_removed_at_the_next_start(temporary):
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    host = psutil.Process(int(server.stdout.readline()))
    started = descendants(host)
    for process in (host, server):
        process.kill()
    server.wait(5)
    _, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []
    (left,) = os.listdir(temporary)
    not_a_cluster = tempfile.mkdtemp(prefix="digitcore-cluster-")
    cluster = TrainingCluster(None, 1)
    cluster.wait_until_connected()
    remaining = set(os.listdir(temporary))
    cluster.close()
    assert left not in remaining
    assert remaining >= {Path(not_a_cluster).name, cluster.host.directory.name}


def test_a_cluster_in_use_is_not_taken_for_a_leftover(temporary):
    clusters = [TrainingCluster(None, 1) for _ in range(2)]
    for cluster in clusters:
        cluster.wait_until_connected()
    assert all((cluster.host.directory / "key.pem").exists() for cluster in clusters)
    for cluster in clusters:
        cluster.close()
    assert os.listdir(temporary) == []


def test_a_slow_start_is_waited_for(tmp_path):
    called = threading.Event()
    cluster = TrainingCluster(None, 1, on_change=lambda: cluster.starting or called.set())
    cluster.wait_until_connected()
    host = psutil.Process(cluster.host.process.pid)
    host.suspend()
    time.sleep(0.3)
    assert cluster.starting
    assert cluster.alive
    assert cluster.n_ready == 0
    assert not called.is_set()
    host.resume()
    assert called.wait(60)
    assert not cluster.starting
    assert cluster.n_ready == 1
    cluster.close()
    assert not cluster.alive


@pytest.mark.slow
def test_a_long_path_of_temporary_files_is_no_hindrance(tmp_path, monkeypatch):
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    cluster = TrainingCluster(None, 1)
    wait_for(lambda: not cluster.starting, "the start")
    assert cluster.problem == ""
    cluster.close()


@pytest.mark.parametrize("broken", ["distributed", "numba"], ids=["host", "worker"])
def test_what_cannot_start_is_an_error_and_not_waited_for(tmp_path, temporary, monkeypatch, broken):
    (tmp_path / f"{broken}.py").write_text("raise ImportError('broken on purpose')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    called = threading.Event()
    cluster = TrainingCluster(None, 1, on_change=lambda: cluster.starting or called.set())
    assert called.wait(60)
    assert "cannot be started" in cluster.problem
    assert not cluster.starting
    assert not cluster.alive
    with pytest.raises(EngineError, match="on this machine cannot be started or reached"):
        cluster.wait_until_connected()
    cluster.close()
    assert os.listdir(temporary) == []
