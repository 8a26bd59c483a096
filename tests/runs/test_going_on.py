"""Runs that go on: after a stop, with more epochs, with other settings, after a killed worker or server."""

import numpy as np
import psutil
import pytest

from digitcore.directories import home_directory
from digitcore.runs import Engine, Store, train_spec
from digitcore.runs import checkpoint_file as checkpoint_file_module
from digitcore.runs.checkpoint_file import CheckpointFile
from digitcore.specs.run_spec import goes_on_from
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with Engine(Store(home=tmp_path_factory.mktemp("going-on")), n_workers=2) as engine:
        yield engine


def stopped(engine, spec, n_epochs=10):
    """Train some epochs of a spec and stop it."""
    engine.submit(spec)
    wait_for(lambda: len(engine.run(spec.digest).epochs) >= n_epochs, f"{n_epochs} epochs")
    engine.cancel(spec.digest)
    run = engine.wait(spec.digest, 60)
    assert run.state == "cancelled"
    assert n_epochs <= len(run.epochs) < spec.parameters["epochs"]
    return run


def assert_as_trained_in_one_piece(engine, spec, *, snapshots=True):
    run, expected = engine.wait(spec.digest, 120), train_spec(spec)
    assert run.state == "done"
    assert [each.train_loss for each in run.epochs] == [each.train_loss for each in expected.epochs]
    assert run.evaluation == expected.evaluation
    arrays = engine.arrays(spec.digest).without_checkpoint()
    assert set(arrays) == set(expected.arrays)
    for name, array in arrays.items():
        if name.startswith("snapshots.") and not snapshots:
            continue
        np.testing.assert_array_equal(array, expected.arrays[name], err_msg=name)


def test_a_stopped_run_goes_on_bit_for_bit_and_shows_what_it_has_meanwhile(engine, quick):
    spec = quick(301, epochs=3000)
    before = stopped(engine, spec)
    assert engine.can_go_on(spec.digest)
    at_once = engine.submit(spec)
    assert at_once.epochs[: len(before.epochs)] == before.epochs
    assert_as_trained_in_one_piece(engine, spec)
    # What was trained before was not trained again: its seconds are those of then.
    assert engine.run(spec.digest).epochs[: len(before.epochs)] == before.epochs


def test_more_epochs_are_the_longer_training_in_one_piece(engine, quick):
    short, longer = quick(302, epochs=5), quick(302, epochs=12)
    first = engine.wait(engine.submit(short).digest, 60)
    engine.submit(longer, continues=short)
    assert_as_trained_in_one_piece(engine, longer)
    assert engine.run(longer.digest).epochs[:5] == first.epochs


def test_a_run_goes_on_with_other_settings_from_where_another_was_stopped(engine, quick):
    spec = quick(303, epochs=3000)
    run = stopped(engine, spec)
    n_before = len(run.epochs)
    parent = spec.with_changes(parameters={"epochs": n_before})
    fork = spec.with_changes(parent=parent, parameters={"epochs": n_before + 5, "learning_rate": 0.001})
    engine.submit(fork, continues=spec)
    # Snapshots were taken where a training of 3000 epochs wants them.
    assert_as_trained_in_one_piece(engine, fork, snapshots=False)
    assert engine.run(fork.digest).epochs[:n_before] == run.epochs
    # From the fork's description alone it is the same.
    again = fork.with_changes(parameters={"epochs": n_before + 6})
    engine.submit(again)
    assert_as_trained_in_one_piece(engine, again)


@pytest.mark.slow
def test_a_run_that_is_stopped_again_before_it_goes_on_is_what_it_was(engine, quick, slow):
    spec = quick(304, epochs=3000)
    before = stopped(engine, spec)
    others = [slow(310 + number) for number in range(2)]
    for other in others:
        engine.submit(other)
    wait_for(lambda: all(engine.run(other.digest).state == "running" for other in others), "busy workers")
    assert engine.submit(spec, continues=spec).state == "queued"
    engine.cancel(spec.digest)
    after = engine.wait(spec.digest, 30)
    for other in others:
        engine.cancel(other.digest)
    assert (after.state, after.epochs, after.evaluation) == ("cancelled", before.epochs, before.evaluation)
    assert engine.store.load(spec.digest).epochs == before.epochs
    assert engine.can_go_on(spec.digest)
    engine.submit(spec)
    assert_as_trained_in_one_piece(engine, spec)


def checkpoint_path(spec):
    return home_directory() / "checkpoints" / f"{spec.digest}.safetensors"


def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path, quick):
    spec = quick(305, epochs=40000)
    with Engine(Store(home=tmp_path), n_workers=1) as engine:
        engine.submit(spec)
        wait_for(lambda: checkpoint_path(spec).exists(), "a checkpoint")
        first = engine.run(spec.digest).epochs[:50]
        for worker in psutil.Process(engine.workers.cluster.host.process.pid).children(recursive=True):
            worker.kill()
        wait_for(lambda: engine.run(spec.digest).reason, "the news that the worker is lost")
        n_seen = len(engine.run(spec.digest).epochs)
        wait_for(lambda: len(engine.run(spec.digest).epochs) > n_seen or not engine.run(spec.digest).active, "epochs")
        assert engine.run(spec.digest).epochs[:50] == first
        n_at_end = len(engine.run(spec.digest).epochs)
    # The server has ended in the middle of it; another one goes on.
    assert checkpoint_path(spec).exists()
    with Engine(Store(home=tmp_path), n_workers=1) as engine:
        assert len(engine.run(spec.digest).epochs) >= n_at_end
        engine.submit(spec)
        wait_for(lambda: engine.run(spec.digest).state == "running", "its turn")
        wait_for(lambda: len(engine.run(spec.digest).epochs) > 50, "its epochs")
        assert engine.run(spec.digest).epochs[:50] == first
        engine.cancel(spec.digest)
        assert engine.wait(spec.digest, 60).state in ("cancelled", "done")
        assert not checkpoint_path(spec).exists()


# What is no checkpoint of the training.


def arrays(n_epochs):
    return {"weights.a": np.arange(3.0), "history.train_loss": np.zeros(n_epochs)}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_file_module, "EVERY_SECONDS", 0.0)
    return CheckpointFile(tmp_path / "checkpoints", "abc123")


def test_the_file_gives_what_it_was_given_if_that_is_further(file):
    assert file.latest(None) is None
    file.keep(arrays(4))
    np.testing.assert_array_equal(file.latest(None)["weights.a"], arrays(4)["weights.a"])
    assert len(file.latest(arrays(2))["history.train_loss"]) == 4
    assert len(file.latest(arrays(5))["history.train_loss"]) == 5
    file.remove()
    file.remove()
    assert file.latest(None) is None


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b'\x10\x00\x00\x00\x00\x00\x00\x00{"a":'])
def test_a_damaged_file_is_left_aside(file, content, tmp_path, caplog):
    file.keep(arrays(4))
    (tmp_path / "checkpoints" / "abc123.safetensors").write_bytes(content)
    assert file.latest(None) is None
    assert "left aside" in caplog.text


def test_a_directory_that_cannot_be_written_costs_no_training(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(checkpoint_file_module, "EVERY_SECONDS", 0.0)
    (tmp_path / "taken").write_text("a file where the directory would be")
    file = CheckpointFile(tmp_path / "taken", "abc123")
    file.keep(arrays(4))
    file.keep(arrays(5))
    assert caplog.text.count("No more checkpoints") == 1


def test_a_training_goes_on_only_from_its_own_beginning_or_its_parent(quick):
    spec = quick(1, epochs=10)
    other_rate = spec.with_changes(parameters={"learning_rate": 0.3})
    fork = other_rate.with_changes(parent=spec, parameters={"epochs": 20})
    assert goes_on_from(spec, spec, 4)
    assert goes_on_from(spec.with_changes(parameters={"epochs": 12}), spec, 10)
    assert goes_on_from(fork, spec, 10)
    assert goes_on_from(fork, spec.with_changes(parameters={"epochs": 500}), 10)
    for earlier, n_epochs in (
        (spec, 9),
        (spec, 11),
        (other_rate, 10),
        (quick(2, epochs=10), 10),
        (fork, 21),
        (fork, 0),
    ):
        assert not goes_on_from(fork, earlier, n_epochs)
