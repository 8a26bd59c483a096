"""Several servers on one store: each run is trained by one of them, and the others follow it."""

import threading
import time

import pytest
import sqlalchemy as sa

from digitcore.errors import InvalidSetting, NotAllowed
from digitcore.runs import Engine, schema
from digitcore.runs.limits import visitor_key
from tests.waiting import wait_for


@pytest.fixture
def servers(open_store, scheduler):
    """Two engines on one store, as two servers have them."""
    with Engine(open_store(), scheduler=scheduler) as first, Engine(open_store(), scheduler=scheduler) as second:
        yield first, second


def attempts(store):
    with store.database.transaction("read") as connection:
        return dict(connection.execute(sa.select(schema.runs.c.digest, schema.runs.c.attempt)).all())


def test_a_run_of_another_owner_is_not_begun_again(open_store, quick):
    store = open_store()
    assert store.begin(quick(), "first") == 1
    assert store.begin(quick(), "second") is None
    assert store.begin(quick(), "second", is_alive=lambda owner, beats: owner == "first") is None


def test_a_run_of_a_dead_owner_is_taken_over(open_store, quick):
    store, asked = open_store(), []
    store.begin(quick(), "first")
    store.heartbeat("first")
    assert store.begin(quick(), "second", is_alive=lambda *owner: asked.append(owner)) == 2
    assert asked == [("first", 1)]
    assert store.close_orphans(lambda owner, beats: owner == "second") == []


def test_a_run_that_has_ended_is_begun_by_anybody(open_store, quick):
    store = open_store()
    store.begin(quick(), "first")
    store.close_orphans(lambda owner, beats: False)
    assert store.begin(quick(), "second") == 2


def test_of_many_owners_at_once_one_begins(open_store, quick):
    stores = [open_store() for _ in range(8)]
    for seed in range(10):
        begun, start = [], threading.Barrier(len(stores))

        def begin(number, seed=seed, begun=begun, start=start):
            start.wait()
            begun.append(stores[number].begin(quick(seed), f"owner-{number}"))

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(len(stores))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(begun, key=str) == [1] + [None] * (len(stores) - 1)


def test_two_servers_train_a_spec_once(servers, quick):
    specs = [quick(seed, epochs=50) for seed in range(8)]
    start, ended = threading.Barrier(2), []

    def train(engine):
        for spec in specs:
            start.wait()
            engine.submit(spec)
        ended.extend(engine.wait(spec.digest, 60) for spec in specs)

    threads = [threading.Thread(target=train, args=(engine,)) for engine in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert attempts(servers[0].store) == {spec.digest: 1 for spec in specs}
    assert [run.state for run in ended] == ["done"] * 16
    assert all(len(run.epochs) == 50 for run in ended)


def test_the_other_server_follows_the_epochs_and_can_stop_the_run(servers, slow):
    first, second = servers
    digest = first.submit(slow()).digest
    assert second.submit(slow()).active
    deadline = time.monotonic() + 30
    while len(second.run(digest).epochs) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert second.active() == []
    n_shown = len(second.run(digest).epochs)
    second.cancel(digest)
    run = second.wait(digest, 30)
    assert (run.state, run.stopping) == ("cancelled", False)
    assert len(run.epochs) >= n_shown
    assert first.run(digest).state == "cancelled"
    assert attempts(first.store) == {digest: 1}


def test_a_run_is_stopping_until_it_has_ended(servers, slow, monkeypatch):
    first, second = servers
    digest = first.submit(slow(3)).digest
    assert not first.run(digest).stopping and not second.run(digest).stopping
    monkeypatch.setattr(first.store, "requested_stops", lambda owner: [])
    second.cancel(digest)
    assert second.run(digest).stopping and not first.run(digest).stopping
    monkeypatch.undo()
    wait_for(lambda: first.run(digest).stopping or not first.run(digest).active, "the other server's stop")
    ended = first.wait(digest, 30)
    assert (ended.state, ended.stopping) == ("cancelled", False)
    assert not second.run(digest).stopping


def test_only_who_started_a_run_may_stop_it_on_another_server(servers, slow):
    first, second = servers
    digest = first.submit(slow(1), visitor="ann").digest
    assert second.submit(slow(1), visitor="bob").active  # looks on
    for server in servers:
        assert (server.may_stop(digest, "ann"), server.may_stop(digest, "bob")) == (True, False)
        with pytest.raises(NotAllowed, match="Another visitor started this"):
            server.cancel(digest, "bob")
    assert "ann" not in second.store.starter(digest)
    second.cancel(digest, "ann")
    assert first.wait(digest, 30).state == "cancelled"


def test_a_run_of_a_python_call_may_be_stopped_by_anyone_on_another_server(servers, slow):
    first, second = servers
    digest = first.submit(slow(2)).digest
    assert second.store.starter(digest) == ""
    second.cancel(digest, "bob")
    assert first.wait(digest, 30).state == "cancelled"


def test_the_next_attempt_has_another_starter(open_store, quick):
    store = open_store()
    store.begin(quick(), "first", starter=visitor_key("ann"))
    assert store.starter(quick().digest) == visitor_key("ann")
    assert visitor_key("ann") != visitor_key("bob")
    store.begin(quick(), "first", starter=visitor_key(""))
    assert store.starter(quick().digest) == ""
    assert store.starter("nowhere") == ""


def test_a_stop_that_came_too_late_does_not_stop_the_next_attempt(open_store, quick):
    store = open_store()
    store.begin(quick(), "first")
    store.request_stop(quick().digest)
    assert store.requested_stops("first") == [quick().digest]
    assert store.requested_stops("second") == []
    store.close_orphans(lambda owner, beats: False)
    assert store.requested_stops("first") == []
    store.begin(quick(), "first")
    assert store.requested_stops("first") == []


def test_a_stop_of_a_run_that_is_nowhere_changes_nothing(servers, quick):
    servers[0].cancel(quick().digest)
    with pytest.raises(InvalidSetting, match="There is no run"):
        servers[0].wait(quick().digest)


def test_the_run_of_a_dead_server_is_trained_by_the_next_one(servers, quick):
    engine, _ = servers
    dead = f"{engine.owner.split('|')[0]}|1999999|1.000"
    engine.store.begin(quick(), dead)
    engine.submit(quick())
    assert engine.wait(quick().digest, 30).state == "done"
    assert attempts(engine.store) == {quick().digest: 2}
