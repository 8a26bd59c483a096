"""The weights directory is limited: what was unopened for longest goes first."""

import logging
import os
import time

import numpy as np
import pytest
from safetensors.numpy import save

from digitcore.errors import StoreError
from digitcore.runs import Engine, Run, Store, weights_files
from digitcore.runs import keeper as keeper_module
from digitcore.runs.run import Evaluation
from digitcore.server_settings import ServerSettings

TENSORS = save({"weights.coef": np.zeros(1000, np.float32)})


@pytest.fixture
def kept(store, quick):
    """Digests of five runs that were kept; the first was opened longest ago."""
    digests = []
    for seed in range(5):
        store.begin(quick(seed), "me")
        store.finish(Run(quick(seed), "done", evaluation=Evaluation()), TENSORS)
        digests.append(quick(seed).digest)
        age(store, digests[-1], hours=10 - seed)
    return digests


def age(store, digest, hours):
    """Let a run's weights have been opened hours ago."""
    then = time.time() - 3600 * hours
    os.utime(store.weights_directory / f"{digest}.safetensors", (then, then))


def whole(store, digests):
    return [store.has_tensors(digest) for digest in digests]


def test_the_runs_unopened_for_longest_go_first(store, kept):
    assert store.trim(2.5 * len(TENSORS)) == kept[:3]
    assert whole(store, kept) == [False, False, False, True, True]


def test_what_fits_stays(store, kept):
    assert store.trim(5 * len(TENSORS)) == []
    assert whole(store, kept) == [True] * 5


def test_a_run_that_was_opened_stays_longer(store, kept):
    store.load_tensors(kept[0])
    assert store.trim(3 * len(TENSORS)) == kept[1:3]
    assert store.load_tensors(kept[0])


def test_a_run_that_is_opened_often_is_marked_once_a_minute(store, kept):
    path = store.weights_directory / f"{kept[0]}.safetensors"
    store.load_tensors(kept[0])
    marked = path.stat().st_mtime_ns
    store.load_tensors(kept[0])
    assert path.stat().st_mtime_ns == marked
    age(store, kept[0], hours=1.1 * weights_files.OPENED_SECONDS / 3600)
    store.load_tensors(kept[0])
    assert path.stat().st_mtime_ns > marked


def test_the_weights_of_an_active_run_stay(store, kept, quick):
    store.begin(quick(0), "me")
    store.begin(quick(1), "me")
    store.mark_running(kept[1])
    assert store.trim(0) == kept[2:]
    assert whole(store, kept) == [True, True, False, False, False]


def test_of_a_removed_run_the_figures_remain(store, kept, quick):
    before = store.load(kept[0])
    store.trim(0)
    assert store.load(kept[0]) == before
    assert [run.digest for run in store.recent(evaluated=True)] == kept[::-1]
    with pytest.raises(StoreError, match=rf"^The weights of run {kept[0]} are gone from .*: train it again\.$"):
        store.load_tensors(kept[0])


def test_the_log_says_which_were_removed(store, kept, caplog):
    with caplog.at_level(logging.WARNING):
        store.trim(3 * len(TENSORS))
    (line,) = caplog.messages
    assert f"weights of 2 runs, those unopened for longest: {2 * len(TENSORS)} bytes" in line
    assert line.endswith(f"at most {3 * len(TENSORS)}: {kept[0]}, {kept[1]}")


def test_what_a_killed_server_left_half_written_is_removed(store, kept):
    left, present = (store.weights_directory / f".writing-{name}.part" for name in ("left", "present"))
    for path in (left, present):
        path.write_bytes(TENSORS[:100])
    os.utime(left, (0, 0))
    store.trim(1e9)
    assert not left.exists()
    assert present.exists()


def test_an_engine_trims_what_it_keeps(scheduler, tmp_path, quick, monkeypatch):
    monkeypatch.setattr(keeper_module, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(keeper_module, "TRIM_SECONDS", 0.0)
    store = Store(home=tmp_path)
    with Engine(store, scheduler=scheduler, settings=ServerSettings(max_kept_gigabytes=1e-3)) as engine:
        digest = engine.wait(engine.submit(quick(0)).digest, 60).digest
        age(store, digest, hours=1)
        (store.weights_directory / f"{'0' * 20}.safetensors").write_bytes(bytes(900_000))
        engine.wait(engine.submit(quick(1)).digest, 60)
        deadline = time.monotonic() + 30
        while store.has_tensors(digest):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert store.has_tensors(quick(1).digest)
        assert engine.submit(quick(0)).active
        assert engine.wait(digest, 60).state == "done"
