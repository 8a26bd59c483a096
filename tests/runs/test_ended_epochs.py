import pickle

import numpy as np
import pandas as pd
import pytest

from digitcore.evaluation import epochs_table
from digitcore.models.epoch import Epoch
from digitcore.runs.ended_epochs import EndedEpochs, PackedEpochs


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


def test_two_runs_of_a_thousand_epochs_for_each_of_a_hundred_visitors_stay():
    kept, thousand = EndedEpochs(), epochs(1001)
    for number in range(200):
        kept.get((str(number), 1, 1001), lambda: thousand)
    for number in range(200):
        assert len(kept.get((str(number), 1, 1001), lambda: ())) == 1001


def test_a_store_shows_the_epochs_of_a_run_that_was_trained_again(store, quick):
    spec = quick()
    for n in (2, 5):
        store.begin(spec, "host|1|1|1")
        store.add_epochs(spec.digest, epochs(n))
        store.close_orphans(lambda owner, beats: False)
        assert len(store.load(spec.digest).epochs) == n
        assert store.load(spec.digest).epochs is store.load(spec.digest).epochs


# With and without validation, and with figures that float32 could not tell apart.
MIXED = (
    Epoch(1, 1 / 3, 0.5, None, None, seconds=0.1),
    Epoch(2, 0.1 + 0.2, 0.6, 0.7, 0.8, seconds=1e-9),
    Epoch(1001, float("inf"), 1.0, 0.0, 1.0, seconds=12345.678),
)


def test_packed_epochs_are_those_that_were_packed():
    packed = PackedEpochs(MIXED)
    assert tuple(packed) == MIXED == packed[:]
    assert packed == MIXED and packed == PackedEpochs(MIXED)
    assert packed != MIXED[:2] and packed != 3
    assert packed[-1] == MIXED[-1] and packed[1:] == MIXED[1:]
    assert isinstance(packed[0].number, int) and packed[0].validation_loss is None
    assert hash(packed) == hash(MIXED)
    assert pickle.loads(pickle.dumps(packed)) == MIXED
    with pytest.raises(IndexError):
        packed[3]


def test_packed_epochs_may_be_none_at_all():
    assert PackedEpochs(()) == () and not PackedEpochs(()) and len(epochs_table(PackedEpochs(()))) == 0


def test_a_table_of_packed_epochs_is_that_of_the_epochs():
    packed = PackedEpochs(MIXED)
    pd.testing.assert_frame_equal(epochs_table(packed), epochs_table(MIXED))
    column = packed.column("train_loss")
    column[:] = np.nan  # the caller's own
    assert packed == MIXED
