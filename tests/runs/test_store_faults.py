"""The store fails while runs are in training: nothing that was shown is lost, and what is wrong is said until then."""

import contextlib
import subprocess
import sys
import threading
import time
from dataclasses import astuple

import numpy as np
import pytest
import sqlalchemy as sa

from digitcore.errors import StoreError
from digitcore.runs import Engine, Store
from digitcore.runs import keeper as keeper_module
from tests.waiting import wait_for

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
input()
"""


def wait_for_epochs(engine, digest, n_epochs):
    wait_for(lambda: len(engine.run(digest).epochs) >= n_epochs, f"{n_epochs} epochs")


def more_epochs(engine, digest):
    wait_for_epochs(engine, digest, len(engine.run(digest).epochs) + 5)


def is_kept(engine, run):
    kept = engine.store.load(run.digest)
    return (kept.state, kept.epochs) == (run.state, run.epochs)


@pytest.fixture
def training(scheduler, tmp_path, monkeypatch):
    """An engine whose keeper looks often, on a SQLite store that does not wait long for other writers."""
    monkeypatch.setattr(keeper_module, "TICK_SECONDS", 0.05)
    monkeypatch.setattr("digitcore.runs.database.BUSY_SECONDS", 1.0)
    with Engine(Store(home=tmp_path), scheduler=scheduler) as engine:
        yield engine


@pytest.fixture
def locker(training):
    """Return a context in which another process holds the store's only lock for writing."""

    @contextlib.contextmanager
    def lock():
        command = [sys.executable, "-c", LOCKER, str(training.store.home / "runs.db")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "locked\n"
            yield
            process.communicate("\n")

    return lock


@pytest.fixture
def full_database(training):
    """Return a context in which the database cannot grow; SQLite's own limit answers as a full disk does."""

    @contextlib.contextmanager
    def fill():
        engine = training.store.database.engine
        with engine.connect() as connection:
            n_pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        limit = lambda connection, *_: connection.execute(f"PRAGMA max_page_count={n_pages}")  # noqa: E731
        lift = lambda connection, *_: connection.execute("PRAGMA max_page_count=1073741823")  # noqa: E731
        sa.event.listen(engine, "checkout", limit)
        yield
        sa.event.remove(engine, "checkout", limit)
        sa.event.listen(engine, "checkout", lift)

    return fill


@pytest.fixture
def small_disk(training):
    """Mount a disk of 200 kB as the directory of the weights, and return it."""
    folder = training.store.weights_directory
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"A small disk cannot be mounted here: {error} {getattr(error, 'stderr', '')}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_database_that_restarts_in_mid_training_costs_no_epoch(postgresql, postgresql_url, scheduler, tmp_path, slow):
    spec = slow(epochs=1500)
    with Engine(Store(postgresql_url, home=tmp_path), scheduler=scheduler) as engine:
        engine.submit(spec)
        wait_for_epochs(engine, spec.digest, 5)
        postgresql.stop("immediate")
        try:
            more_epochs(engine, spec.digest)
            assert engine.run(spec.digest).state == "running"
            wait_for(lambda: "Cannot write the store postgresql" in engine.run(spec.digest).reason, "the message")
        finally:
            postgresql.start()
        run = engine.wait(spec.digest, 120)
        assert [epoch.number for epoch in run.epochs] == list(range(1, 1501))
        assert run.state == "done"
        wait_for(lambda: is_kept(engine, run), "the run in the store")
        wait_for(lambda: engine.run(spec.digest).reason == "", "the end of the message")


def test_a_locked_store_holds_nothing_up_and_all_is_kept_after_it(training, locker, slow, quick):
    digest = training.submit(slow()).digest
    wait_for_epochs(training, digest, 5)
    refused = []

    def submit():
        try:
            training.submit(quick())
        except StoreError as error:
            refused.append(str(error))

    with locker():
        submitting = threading.Thread(target=submit)
        submitting.start()
        for _ in range(20):
            assert training.run(digest).state == "running"
            assert [run.digest for run in training.active()] == [digest]
        assert submitting.is_alive()  # it waits for the lock; all of the above did not
        submitting.join()
        assert "is locked by another process" in refused[0]
        wait_for(lambda: "is locked by another process" in training.run(digest).reason, "the message")
        for _ in range(3):
            more_epochs(training, digest)
    wait_for(lambda: training.run(digest).reason == "", "the end of the message")
    training.cancel(digest)
    run = training.wait(digest, 60)
    wait_for(lambda: is_kept(training, run), "the run in the store")
    assert training.submit(quick()).active
    training.wait(quick().digest, 60)


def test_a_full_disk_is_told_until_epochs_and_result_are_kept(training, full_database, slow):
    digest = training.submit(slow()).digest
    wait_for_epochs(training, digest, 5)
    with full_database():
        wait_for(lambda: "is full: free some space" in training.run(digest).reason, "the message")
        more_epochs(training, digest)
        training.cancel(digest)
        run = training.wait(digest, 60)
        for _ in range(1000):
            assert "is full" in training.run(digest).reason
        assert not is_kept(training, run)
    wait_for(lambda: training.run(digest).reason == "", "the end of the message")
    assert is_kept(training, run)
    assert training.store.has_tensors(digest)


def test_epochs_that_a_second_worker_reports_again_are_kept_once(training, full_database, slow):
    digest = training.submit(slow()).digest
    wait_for_epochs(training, digest, 5)
    with full_database():
        wait_for(lambda: "is full" in training.run(digest).reason, "the message")
        more_epochs(training, digest)
        again = [astuple(epoch) for epoch in training.run(digest).epochs[-3:]]
        # As the first attempt's worker would, from its topic.
        training.workers.cluster.client.log_event(f"digitcore-{digest}-1-0", {"epochs": again})
        more_epochs(training, digest)
    training.cancel(digest)
    run = training.wait(digest, 60)
    wait_for(lambda: is_kept(training, run), "the run in the store")


def test_a_full_disk_of_the_weights_is_told_until_they_are_kept(training, small_disk, quick):
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1000))
    digest = training.submit(quick()).digest
    assert training.wait(digest, 60).state == "done"
    # Its epochs were kept, and are found to be kept at every turn.
    until = time.monotonic() + 1
    while time.monotonic() < until:
        assert "is full: free some space" in training.run(digest).reason
    n_ended = training.n_ended
    assert not training.store.has_tensors(digest)
    filler.unlink()
    wait_for(lambda: training.run(digest).reason == "", "the end of the message")
    assert training.store.has_tensors(digest)
    assert training.store.load(digest).state == "done"
    assert training.n_ended == n_ended == 1


def test_a_write_that_fails_for_one_run_keeps_no_other_from_being_kept(training, quick, monkeypatch):
    finish = training.store.finish

    def finish_others(run, tensors=None):
        if run.digest == quick(1).digest:
            raise StoreError("The disk is full.")
        finish(run, tensors)

    monkeypatch.setattr(training.store, "finish", finish_others)
    training.submit(quick(1))
    training.wait(quick(1).digest, 60)
    training.submit(quick(2))
    run = training.wait(quick(2).digest, 60)
    wait_for(lambda: is_kept(training, run), "the other run in the store")
    assert training.run(quick(1).digest).reason == "The disk is full."
    assert training.run(quick(2).digest).reason == ""


@pytest.mark.parametrize("kept_bytes", [0, 10, 2000])
def test_weights_that_were_cut_short_are_named_and_trained_again(training, quick, kept_bytes):
    digest = training.submit(quick()).digest
    training.wait(digest, 60)
    whole = training.arrays(digest)
    path = training.store.weights_directory / f"{digest}.safetensors"
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(StoreError, match=rf"file .*{digest}\.safetensors cannot be read .*: train the run again"):
        training.arrays(digest)
    assert training.submit(quick()).active
    assert training.wait(digest, 60).state == "done"
    np.testing.assert_array_equal(training.arrays(digest)["weights.output.weight"], whole["weights.output.weight"])


def test_weights_that_were_deleted_are_named_and_trained_again(training, quick):
    digest = training.submit(quick()).digest
    training.wait(digest, 60)
    (training.store.weights_directory / f"{digest}.safetensors").unlink()
    with pytest.raises(StoreError, match=rf"^The weights of run {digest} are gone from .*: train it again\.$"):
        training.arrays(digest)
    assert training.submit(quick()).active
    assert training.wait(digest, 60).state == "done"
    assert training.arrays(digest)
