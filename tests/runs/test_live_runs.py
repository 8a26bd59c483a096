import pytest

from digitcore.runs import Store, live_runs
from digitcore.runs.live_runs import LiveRuns
from digitcore.runs.run import Evaluation, Run


@pytest.fixture
def ended(tmp_path, quick):
    """A store with 20 runs that have ended, and their digests."""
    store = Store(f"sqlite:///{tmp_path / 'runs.db'}", tmp_path)
    for seed in range(20):
        store.begin(quick(seed), "owner")
        store.finish(Run(quick(seed), "done", evaluation=Evaluation()))
    return store, [quick(seed).digest for seed in range(20)]


def loads_of(store, monkeypatch):
    loaded, load = [], store.load
    monkeypatch.setattr(store, "load", lambda digest: loaded.append(digest) or load(digest))
    return loaded


def test_a_run_that_has_ended_is_looked_up_once_a_second(ended, monkeypatch):
    store, (digest, *_) = ended
    loaded, clock = loads_of(store, monkeypatch), [100.0]
    monkeypatch.setattr(live_runs.time, "monotonic", lambda: clock[0])
    runs = LiveRuns(store)
    assert runs.run(digest) is runs.run(digest)
    clock[0] += 1.0
    runs.run(digest)
    assert loaded == [digest, digest]


def test_runs_that_were_looked_up_do_not_stay_in_memory(ended, monkeypatch):
    store, digests = ended
    clock = [100.0]
    monkeypatch.setattr(live_runs.time, "monotonic", lambda: clock[0])
    runs = LiveRuns(store)
    for digest in digests:
        runs.run(digest)
        clock[0] += 0.4
    assert list(runs._looked_up) == digests[-3:]


def test_a_run_that_is_not_kept_is_looked_up_once_a_second(ended, quick, monkeypatch):
    # Each move of a slider asks for a run that nobody has trained, several times while the page is drawn.
    store, _ = ended
    loaded, clock = loads_of(store, monkeypatch), [100.0]
    monkeypatch.setattr(live_runs.time, "monotonic", lambda: clock[0])
    runs, digest = LiveRuns(store), quick(99).digest
    assert runs.run(digest) is runs.run(digest) is None
    clock[0] += 1.0
    assert runs.run(digest) is None
    assert loaded == [digest, digest]


def test_a_run_that_ends_while_it_is_looked_up_is_looked_up_anew(ended, quick, monkeypatch):
    store, _ = ended
    runs, spec = LiveRuns(store), quick(99)
    load = store.load

    def load_and_end(digest):
        found = load(digest)
        store.begin(spec, "owner")
        store.finish(Run(spec, "done", evaluation=Evaluation()))
        runs.forget([digest])
        return found

    monkeypatch.setattr(store, "load", load_and_end)
    assert runs.run(spec.digest) is None
    monkeypatch.setattr(store, "load", load)
    assert runs.run(spec.digest).state == "done"
