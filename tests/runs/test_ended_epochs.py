from digitcore.models.epoch import Epoch
from digitcore.runs.ended_epochs import EndedEpochs


def epochs(n):
    return tuple(Epoch(number, 1.0, 0.5, None, None, seconds=0.1) for number in range(1, n + 1))


def test_epochs_are_loaded_once_for_each_attempt():
    kept, loaded = EndedEpochs(), []

    def load():
        loaded.append(1)
        return epochs(3)

    assert kept.get(("run", 1, 3), load) == kept.get(("run", 1, 3), load) == epochs(3)
    assert len(loaded) == 1
    kept.get(("run", 2, 3), load)
    kept.get(("run", 2, 4), load)
    assert len(loaded) == 3


def test_what_was_looked_at_longest_ago_goes_first():
    kept = EndedEpochs(max_epochs=10)
    for name in ("a", "b"):
        kept.get((name, 1, 4), lambda: epochs(4))
    kept.get(("a", 1, 4), lambda: epochs(4))
    kept.get(("c", 1, 4), lambda: epochs(4))
    assert kept.get(("a", 1, 4), lambda: ()) == epochs(4)
    assert kept.get(("b", 1, 4), lambda: ()) == ()


def test_a_store_shows_the_epochs_of_a_run_that_was_trained_again(store, quick):
    spec = quick()
    for n in (2, 5):
        store.begin(spec, "host|1|1|1")
        store.add_epochs(spec.digest, epochs(n))
        store.close_orphans(lambda owner, beats: False)
        assert len(store.load(spec.digest).epochs) == n
        assert store.load(spec.digest).epochs is store.load(spec.digest).epochs
