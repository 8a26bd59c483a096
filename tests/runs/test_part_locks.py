"""A locked test part: its figures stay out of lists and of what pages get, until they are opened run by run."""

import inspect
import typing
from types import SimpleNamespace

import numpy as np
import pytest

from digitcore.errors import InvalidSetting, NotAllowed
from digitcore.models import Epoch
from digitcore.runs import Engine, Run, RunSpec, Store
from digitcore.runs.arrays import RunArrays
from digitcore.runs.catalogue import Catalogue
from digitcore.runs.covering import CoveredEngine, CoveredStore, covered_run
from digitcore.runs.glimpse import Glimpse
from digitcore.runs.listed_table import listed_table
from digitcore.runs.part_locks import PartLocks
from digitcore.runs.run_query import RunQuery
from digitcore.runs.summary import chosen_by, end_text, run_labels, warnings_of
from tests.runs.kept_runs import keep


@pytest.fixture
def kept(store_url, tmp_path):
    store = Store(store_url, home=tmp_path)
    yield store
    store.close()


def accuracies(store, *digests):
    lines = Catalogue(store).lines(digests)
    return [None if np.isnan(accuracy) else accuracy for accuracy in lines["test_accuracy"]]


def test_a_locked_part_is_left_out_of_lists_until_it_is_opened(kept, quick):
    locks = PartLocks(kept)
    before, after, other = quick(0), quick(1), quick(2).with_changes(split={"random_state": 7})
    keep(kept, before, 70)
    locks.lock_part(before)
    for spec in (after, other):
        keep(kept, spec, 80)
    digests = [spec.digest for spec in (before, after, other)]
    assert accuracies(kept, *digests) == [None, None, 0.8]
    # Nor does an order of the list tell them.
    by_accuracy = Catalogue(kept).digests(RunQuery(grouped=False, sort="test_accuracy"))
    assert by_accuracy[0] == other.digest
    assert Catalogue(kept).lines(digests)["covered"].tolist() == [True, True, False]
    assert listed_table(Catalogue(kept).lines(digests), {})["interval"].tolist()[:2] == ["locked", "locked"]
    assert [locks.is_covered(digest) for digest in digests] == [True, True, False]
    # The figures of the first were seen before the lock, those of the second never were.
    assert [Catalogue(kept).n_tested_alike(digest) for digest in digests] == [1, 0, 1]
    locks.open_test_figures(after.digest)
    assert accuracies(kept, *digests) == [None, 0.8, 0.8]
    assert Catalogue(kept).lines([after.digest])["gap"].tolist() == pytest.approx([0.1])
    assert locks.opened_at(after.digest) is not None and locks.opened_at(before.digest) is None
    assert Catalogue(kept).n_tested_alike(after.digest) == 2
    assert kept.load(before.digest).figures["test"].accuracy == 0.7  # Python is not kept out


def test_an_opening_stays_when_the_run_is_trained_again_and_the_part_is_locked_again(kept, quick):
    locks = PartLocks(kept)
    keep(kept, quick(), 70)
    locks.lock_part(quick())
    locks.open_test_figures(quick().digest)
    first = locks.opened_at(quick().digest)
    keep(kept, quick(), 70)
    locks.lock_part(quick())
    locks.open_test_figures(quick().digest)
    assert PartLocks(kept).opened_at(quick().digest) == first
    assert accuracies(kept, quick().digest) == [0.7]


def test_unlocking_opens_all_runs_of_the_part(kept, quick):
    locks = PartLocks(kept)
    locks.lock_part(quick())
    digests = [keep(kept, quick(seed), 70) for seed in range(2)]
    state = locks.state
    locks.unlock_part(quick())
    assert not locks.is_locked(quick())
    assert accuracies(kept, *digests) == [0.7, 0.7]
    assert None not in [locks.opened_at(digest) for digest in digests]
    assert locks.state != state


def test_another_server_on_the_store_covers_too(kept, quick, monkeypatch):
    monkeypatch.setattr("digitcore.runs.part_locks.LOOK_SECONDS", 0)
    here, elsewhere = PartLocks(kept), PartLocks(kept)
    keep(kept, quick(), 70)
    assert not elsewhere.is_locked(quick())
    here.lock_part(quick())
    assert elsewhere.is_locked(quick()) and elsewhere.covers(kept.load(quick().digest))


def test_what_cannot_be_locked_or_opened_is_refused_in_a_sentence(kept, quick):
    with pytest.raises(InvalidSetting, match="no test part to lock"):
        PartLocks(kept).lock_part(quick().with_changes(split={"test_size": 0.0}))
    with pytest.raises(InvalidSetting, match="has no results to open"):
        PartLocks(kept).open_test_figures("0" * 20)
    with pytest.raises(NotAllowed, match="opened by nobody on this server"):
        PartLocks(kept, allowed=False).lock_part(quick())


def test_a_covered_run_has_no_figure_of_the_test_part(kept, quick):
    watching = RunSpec(dataset="digits", model="softmax", split={"validation": "test"})
    digest = keep(kept, watching, 70)
    kept.add_epochs(digest, [Epoch(1, 2.0, 0.5, 1.5, 0.7, 0.1)])
    shown = covered_run(kept.load(digest))
    assert list(shown.figures) == ["train"] and shown.covered
    assert [epoch.validation_accuracy for epoch in shown.epochs] == [None, None]
    assert chosen_by(shown) is None
    assert end_text(shown) == "The training has ended."
    assert "%" not in run_labels([shown])[digest]
    assert warnings_of(covered_run(kept.load(keep(kept, quick(), 70)))) == []


def test_whatever_gives_pages_a_run_or_its_arrays_is_covered():
    """A method that is added to the engine or the store must not go round the cover."""
    telling = ("runs.run.Run", "RunArrays", "ndarray", "Glimpse")
    for covered, whole in ((CoveredEngine, Engine), (CoveredStore, Store)):
        for name, method in inspect.getmembers(whole, inspect.isfunction):
            returned = str(typing.get_type_hints(method).get("return"))
            if not name.startswith("_") and any(word in returned for word in telling):
                assert name in vars(covered), f"{whole.__name__}.{name}"


def test_pages_see_nothing_of_a_training_that_is_watched_on_a_covered_test_part(kept, quick):
    spec, locks = quick(), PartLocks(kept)
    kept.begin(spec, "me")
    nothing = np.zeros((0, 3), dtype=np.int64)
    glimpses = {part: Glimpse(1, part, 0, nothing, nothing, nothing, nothing) for part in ("test", "validation")}
    for part, glimpse in glimpses.items():
        engine = CoveredEngine(SimpleNamespace(store=kept, part_locks=locks, glimpse=lambda digest, own=glimpse: own))
        assert engine.glimpse(spec.digest) is not None
        locks.lock_part(spec)
        assert (engine.glimpse(spec.digest) is None) == (part == "test")
        locks.unlock_part(spec)


def test_pages_get_no_probabilities_of_covered_test_images(kept, quick):
    spec = quick()
    kept.begin(spec, "me")
    arrays = RunArrays.of(probabilities={"train": np.ones((1, 2)), "test": np.ones((1, 2))})
    kept.finish(Run(spec, "done"), arrays.tensors)
    locks = PartLocks(kept)
    assert set(CoveredStore(kept, locks).load_tensors(spec.digest)) == {"probabilities.train", "probabilities.test"}
    locks.lock_part(spec)
    assert set(CoveredStore(kept, locks).load_tensors(spec.digest)) == {"probabilities.train"}
