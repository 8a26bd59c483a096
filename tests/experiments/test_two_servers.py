"""Two servers on one store: an experiment is run by one of them, and stopped from either."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from digitcore.errors import NotAllowed, StoreError
from digitcore.experiments import Axis, ExperimentRunner, Sweep
from digitcore.runs import Engine
from digitcore.runs.limits import visitor_key
from digitcore.runs.store import SERVER_STOPPED
from digitcore.runs.worker import warm_up
from digitcore.server_settings import ServerSettings
from tests.waiting import wait_for

SECONDS = 60
# Runs a plan until it is killed; says so when a member has shown an epoch.
SERVER = """
import sys
from digitcore.experiments import ExperimentRunner
from digitcore.experiments.plans import plan_from_json
from digitcore.runs import Engine, Store
plan = plan_from_json(sys.argv[1])
engine = Engine(Store(sys.argv[2]), n_workers=1)
runner = ExperimentRunner(engine)
runner.start(plan)
while not any(engine.run(member.digest) and engine.run(member.digest).epochs for member in plan.members):
    engine.wait_for_change(0.05)
print("training", flush=True)
runner.wait(plan.digest)
"""


@pytest.fixture(scope="module", autouse=True)
def warm_process():
    """Import now what training needs: the cluster of threads in this process would answer nobody meanwhile."""
    warm_up()


@pytest.fixture
def store_url(request, tmp_path):
    """The URL of an empty database: of SQLite, and of PostgreSQL for the tests that are marked so."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path / 'runs.db'}"
    return request.getfixturevalue("postgresql_url")


# Where what the database does at the same time decides.
on_each_database = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def serve(open_store, scheduler):
    """Return a function that starts one more server on the store, with settings of its own."""
    started = []

    def serve_one(**settings):
        engine = Engine(open_store(), scheduler=scheduler, settings=ServerSettings(**settings))
        started.append((ExperimentRunner(engine), engine))
        return started[-1][0]

    yield serve_one
    for each in (each for pair in started for each in pair):
        each.close()


@pytest.fixture
def servers(serve):
    """The runners of two servers."""
    return serve(), serve()


def long_one(slow, seed=0):
    """Return a plan whose first member ends at once, and the second not within minutes."""
    return Sweep(slow(seed), (Axis.of("epochs", [2, 50_000]),))


def start_and_wait(runner, plan, visitor=""):
    """Start a plan of :func:`long_one` and wait until its first member has ended and the second has epochs."""
    runner.start(plan, visitor)
    engine, (short, long) = runner.engine, (member.digest for member in plan.members)
    wait_for(lambda: engine.run(short) and engine.run(short).state == "done", "the end of a member")
    # Not those of an earlier attempt.
    wait_for(lambda: engine.run(long) and engine.run(long).active and engine.run(long).epochs, "an epoch")


def dead_owner(runner):
    return f"{runner.engine.owner.split('|')[0]}|1999999|1.000"


@on_each_database
def test_the_other_server_stops_an_experiment_as_its_own_does(servers, slow):
    first, second = servers
    plan = long_one(slow)
    start_and_wait(first, plan)
    assert (second.experiment(plan.digest).state, second.active()) == ("running", [])
    second.stop(plan.digest)
    stopped = second.wait(plan.digest, SECONDS)
    assert (stopped.state, stopped.stopping, stopped.n_ended) == ("stopped", False, 1)
    assert (first.experiment(plan.digest).state, first.active()) == ("stopped", [])
    run = second.engine.wait(plan.members[1].digest, SECONDS)
    assert (run.state, len(run.epochs) > 0) == ("cancelled", True)
    assert second.engine.run(plan.members[0].digest).state == "done"


def test_an_experiment_is_stopping_until_its_server_has_heard_of_it(servers, slow, monkeypatch):
    first, second = servers
    plan = long_one(slow)
    monkeypatch.setattr(first, "_stop_requested", lambda: None)
    first.start(plan)
    assert not second.experiment(plan.digest).stopping
    second.stop(plan.digest)
    second.stop(plan.digest)  # pressed twice
    assert second.experiment(plan.digest).stopping
    monkeypatch.undo()
    assert second.wait(plan.digest, SECONDS).state == "stopped"


def test_a_stopped_experiment_goes_on_at_either_server(servers, slow):
    plan = long_one(slow)
    for runner, other in (servers, servers[::-1]):
        start_and_wait(runner, plan)
        # Nothing is left of the stop before.
        assert not runner.engine.store.load_experiment(plan.digest).stop_requested
        n_before = len(runner.engine.run(plan.members[1].digest).epochs)
        other.stop(plan.digest)
        assert runner.wait(plan.digest, SECONDS).state == "stopped"
        ended = other.engine.wait(plan.members[1].digest, SECONDS)
        assert [epoch.number for epoch in ended.epochs][:n_before] == list(range(1, n_before + 1))


def test_only_who_started_an_experiment_may_stop_it_on_another_server(servers, slow):
    plan = long_one(slow)
    servers[0].start(plan, "ann")
    for server in servers:
        experiment = server.experiment(plan.digest)
        assert (server.may_stop(experiment, "ann"), server.may_stop(experiment, "bob")) == (True, False)
        with pytest.raises(NotAllowed, match="Another visitor started this"):
            server.stop(plan.digest, "bob")
        assert experiment.starter == visitor_key("ann") != "ann"
    assert servers[1].engine.store.requested_experiment_stops(servers[0].engine.owner) == []
    servers[1].stop(plan.digest, "ann")
    assert servers[0].wait(plan.digest, SECONDS).state == "stopped"


def test_anyone_may_stop_an_experiment_of_another_server_in_a_shared_space(serve, slow):
    first, second = serve(), serve(stop="anyone")
    plan = long_one(slow)
    first.start(plan, "ann")
    assert second.may_stop(second.experiment(plan.digest), "bob")
    second.stop(plan.digest, "bob")
    assert first.wait(plan.digest, SECONDS).state == "stopped"


@on_each_database
def test_an_experiment_started_at_both_servers_is_run_by_the_first(servers, slow):
    first, second = servers
    plan = long_one(slow)
    first.start(plan, "ann")
    assert second.start(plan, "bob").starter == visitor_key("ann")
    assert second.active() == []
    second.stop(plan.digest, "ann")
    assert first.wait(plan.digest, SECONDS).state == "stopped"


def test_a_stop_of_what_has_ended_changes_nothing(servers, quick):
    first, second = servers
    plan = Sweep(quick(), (Axis.of("seed", [1, 2]),))
    first.start(plan)
    ended = first.wait(plan.digest, SECONDS)
    second.stop(plan.digest)
    second.stop("0" * 20)
    assert not second.engine.store.load_experiment(plan.digest).stop_requested
    assert second.experiment(plan.digest).state == "done"
    assert second.experiment(plan.digest).runs == ended.runs


@on_each_database
def test_a_stop_that_comes_as_an_experiment_ends_leaves_it_whole(servers, quick):
    first, second = servers
    for seed in range(10):
        plan = Sweep(quick(), (Axis.of("seed", [100 + 2 * seed, 101 + 2 * seed]),))
        first.start(plan)
        # From before its first training to after its last.
        timer = threading.Timer(0.03 * seed, second.stop, [plan.digest])
        timer.start()
        ended = first.wait(plan.digest, SECONDS)
        timer.join()
        assert ended.state == "stopped" or (ended.state, ended.n_ended) == ("done", 2)
        assert second.experiment(plan.digest).state == ended.state
    assert first.active() == []
    assert first.engine.store.requested_experiment_stops(first.engine.owner) == []


@on_each_database
def test_an_experiment_that_was_started_again_meanwhile_goes_on(servers, slow, monkeypatch):
    runner, plan = servers[0], long_one(slow)
    runner.start(plan)
    store, asked = runner.engine.store, threading.Event()
    read = store.requested_experiment_stops

    def read_late(owner):
        found = read(owner)
        if found:
            runner.stop(plan.digest)
            runner.start(plan)
            asked.set()
        return found

    monkeypatch.setattr(store, "requested_experiment_stops", read_late)
    servers[1].stop(plan.digest)
    assert asked.wait(SECONDS)
    wait_for(lambda: any(run.active for run in runner.experiment(plan.digest).runs.values()), "a training")
    assert runner.experiment(plan.digest).state == "running"
    runner.stop(plan.digest)


def test_what_a_dead_server_was_to_stop_is_taken_over_and_not_begun(serve, slow):
    first, plan = serve(), long_one(slow)
    store = first.engine.store
    store.begin(plan.members[0].spec, dead_owner(first), background=True)
    row = (plan.digest, plan.KIND, plan.canonical_json, dead_owner(first))
    store.begin_experiment(*row, starter=visitor_key("ann"))
    store.request_experiment_stop(plan.digest)
    for runner in (first, serve()):
        experiment = runner.wait(plan.digest, SECONDS)
        assert (experiment.state, experiment.starter) == ("stopped", visitor_key("ann"))
        assert list(experiment.runs) == [plan.members[0].digest]
        wait_for(lambda runner=runner: runner.engine.run(plan.members[0].digest).reason == SERVER_STOPPED)


def test_what_is_taken_over_is_still_its_starters(serve, slow):
    runner, plan = serve(), long_one(slow)
    row = (plan.digest, plan.KIND, plan.canonical_json, dead_owner(runner))
    runner.engine.store.begin_experiment(*row, starter=visitor_key("ann"))
    wait_for(lambda: runner.active() != [], "taking over")
    with pytest.raises(NotAllowed, match="Another visitor started this"):
        runner.stop(plan.digest, "bob")
    runner.stop(plan.digest, "ann")
    assert runner.experiment(plan.digest).state == "stopped"


def stop_unheard(runner, digest, server):
    """Stop an experiment of another server, which stands still meanwhile: not while it writes to the store."""
    for _ in range(5):
        server.send_signal(signal.SIGSTOP)
        try:
            runner.stop(digest)
        except StoreError:
            server.send_signal(signal.SIGCONT)
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the other server was always at work on the store")


def test_a_server_killed_before_it_hears_of_a_stop_leaves_a_stopped_experiment(serve, store_url, slow):
    runner, plan = serve(), long_one(slow)
    command = [sys.executable, "-c", SERVER, plan.canonical_json, store_url]
    environment = {**os.environ, "DIGITCORE_HOME": str(runner.engine.store.home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            server.stdout.readline()
            stop_unheard(runner, plan.digest, server)
            assert runner.experiment(plan.digest).stopping
        finally:
            server.kill()
    ended = runner.wait(plan.digest, SECONDS)
    assert ended.state == "stopped"
    assert all(run.state == "done" or run.reason == SERVER_STOPPED for run in ended.runs.values())
    assert any(runner.engine.run(digest).epochs for digest in ended.runs)


def test_a_server_without_experiments_asks_for_no_stops(servers, monkeypatch):
    asked = []
    monkeypatch.setattr(servers[0].engine.store, "requested_experiment_stops", lambda owner: asked.append(owner) or [])
    servers[0]._stop_requested()
    assert asked == []
