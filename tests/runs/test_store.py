import json
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa
from safetensors.numpy import save

from digitcore.errors import InvalidSetting, StoreError
from digitcore.models import Epoch
from digitcore.runs import Run, Store, schema
from digitcore.runs.run import Evaluation
from digitcore.runs.store import SERVER_STOPPED

EPOCHS = [Epoch(1, 2.0, 0.5, None, None, 0.1), Epoch(2, 1.0, 0.75, 1.5, 0.625, 0.2)]


def finished(spec, **changes):
    return replace(Run(spec, "done", epochs=tuple(EPOCHS), evaluation=Evaluation(), seconds=1.5), **changes)


def test_what_was_kept_comes_back(store, quick):
    store.begin(quick(), "me")
    store.mark_running(quick().digest)
    store.add_epochs(quick().digest, EPOCHS)
    store.finish(finished(quick()))
    run = store.load(quick().digest)
    assert (run.spec, run.state, run.epochs, run.evaluation, run.seconds) == (
        quick(),
        "done",
        tuple(EPOCHS),
        Evaluation(),
        1.5,
    )


def test_an_unknown_digest_is_none(store):
    assert store.load("0" * 20) is None


def test_a_second_store_on_the_same_home_sees_the_run(store, quick):
    store.begin(quick(), "me")
    assert Store(home=store.home).load(quick().digest).state == "queued"


def test_epochs_of_the_same_number_are_replaced(store, quick):
    store.begin(quick(), "me")
    store.add_epochs(quick().digest, EPOCHS)
    again = replace(EPOCHS[1], train_loss=0.25)
    store.add_epochs(quick().digest, [again])
    assert store.load(quick().digest).epochs == (EPOCHS[0], again)


def test_a_new_attempt_counts_up_and_begins_without_epochs(store, quick):
    assert store.begin(quick(), "me") == 1
    store.add_epochs(quick().digest, EPOCHS)
    assert store.begin(quick(), "me") == 2
    assert store.load(quick().digest).epochs == ()


def test_arrays_come_back_bit_by_bit(store, quick):
    weights = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    store.begin(quick(), "me")
    store.finish(finished(quick()), save({"weights.coef": weights}))
    np.testing.assert_array_equal(store.load_tensors(quick().digest)["weights.coef"], weights)


def test_missing_arrays_are_named(store, quick):
    assert not store.has_tensors(quick().digest)
    with pytest.raises(StoreError, match=r"gone .*train it again"):
        store.load_tensors(quick().digest)


def test_a_damaged_weights_file_is_named(store, quick):
    store.begin(quick(), "me")
    store.finish(finished(quick()), save({"a": np.zeros(3)}))
    path = store.weights_directory / f"{quick().digest}.safetensors"
    path.write_bytes(path.read_bytes()[:10])
    with pytest.raises(StoreError, match=rf"{path.name} cannot be read.*train the run again"):
        store.load_tensors(quick().digest)


def test_a_digest_never_becomes_a_path(store):
    with pytest.raises(InvalidSetting, match="letters and digits"):
        store.load_tensors("../../etc/passwd")


def test_recent_lists_the_newest_first_and_only_evaluated_ones_if_asked(store, quick):
    for seed in range(3):
        store.begin(quick(seed), "me")
    store.finish(finished(quick(1)))
    assert [run.spec.random_state for run in store.recent()] == [2, 1, 0]
    assert [run.spec.random_state for run in store.recent(2)] == [2, 1]
    assert [run.spec.random_state for run in store.recent(evaluated=True)] == [1]


@pytest.mark.parametrize("evaluated", [False, True])
@pytest.mark.parametrize("background", [False, True])
def test_recent_reads_no_more_rows_than_it_lists(store, evaluated, background):
    seen = []
    sa.event.listen(store.database.engine, "before_cursor_execute", lambda *call: seen.append(call[2:4]))
    store.recent(7, evaluated=evaluated, background=background)
    statement, parameters = next(call for call in seen if call[0].startswith("SELECT"))
    with store.database.engine.connect() as connection:
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    # One walk along an index, in its order: nothing is scanned, nothing sorted.
    index = {
        (False, True): "SCAN runs USING INDEX ix_runs_listed",
        (False, False): "SEARCH runs USING INDEX ix_runs_listed_foreground (background=?)",
        (True, True): "SEARCH runs USING INDEX ix_runs_listed_evaluated (evaluated=?)",
        (True, False): "SEARCH runs USING INDEX ix_runs_listed_evaluated_foreground (evaluated=? AND background=?)",
    }
    assert [step[3] for step in steps] == [index[evaluated, background]]


def test_a_run_is_evaluated_until_it_begins_anew(store, quick):
    store.begin(quick(), "me")
    assert store.recent(evaluated=True) == []
    store.finish(finished(quick()))
    assert [run.digest for run in store.recent(evaluated=True)] == [quick().digest]
    store.begin(quick(), "me")
    assert store.recent(evaluated=True) == []


def test_a_background_run_is_listed_once_it_is_brought_forward(store, quick):
    for seed in range(3):
        store.begin(quick(seed), "me", background=True)
    assert store.recent() == []
    assert len(store.recent(background=True)) == 3
    store.bring_forward(quick(1).digest)
    store.begin(quick(2), "me")
    assert [run.digest for run in store.recent()] == [quick(2).digest, quick(1).digest]


@pytest.mark.parametrize("n_unreadable", [1, 7, 25])
def test_runs_of_an_unknown_data_set_take_no_place_in_the_list(store, quick, n_unreadable):
    for seed in range(4 + n_unreadable):
        store.begin(quick(seed), "me")
        store.finish(finished(quick(seed)))
    newest = [quick(seed).digest for seed in range(4, 4 + n_unreadable)]
    with sqlite3.connect(store.home / "runs.db") as connection:
        marks = ", ".join("?" * len(newest))
        letters = f"UPDATE runs SET spec = replace(spec, 'digits', 'letters') WHERE digest IN ({marks})"
        connection.execute(letters, newest)
    assert [run.spec.random_state for run in store.recent(3, evaluated=True)] == [3, 2, 1]
    assert [run.spec.random_state for run in store.recent(50)] == [3, 2, 1, 0]


def test_a_run_of_an_unknown_model_is_left_out_of_the_list(store, quick):
    store.begin(quick(), "me")
    with sqlite3.connect(store.home / "runs.db") as connection:
        connection.execute("""UPDATE runs SET spec = '{"dataset": "digits", "model": "svm"}'""")
    assert store.recent() == []


def test_orphans_are_closed_and_keep_their_epochs(store, quick):
    store.begin(quick(0), "dead")
    store.add_epochs(quick(0).digest, EPOCHS)
    store.begin(quick(1), "alive")
    assert store.close_orphans(lambda owner, _silence: owner == "alive") == [quick(0).digest]
    orphan = store.load(quick(0).digest)
    assert (orphan.state, orphan.reason, orphan.epochs) == ("failed", SERVER_STOPPED, tuple(EPOCHS))
    assert store.load(quick(1).digest).state == "queued"


def test_heartbeats_are_counted_while_something_is_in_training(store, quick):
    heard = []
    store.begin(quick(0), "me")
    for _ in range(3):
        store.close_orphans(lambda owner, beats: heard.append((owner, beats)) or True)
        store.heartbeat("me")
    assert heard == [("me", None), ("me", 1), ("me", 2)]
    store.heartbeat("idle")
    store.begin(quick(1), "idle")
    store.close_orphans(lambda owner, beats: heard.append((owner, beats)) or True)
    assert ("idle", None) in heard


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "runs.db").write_text("this is a shopping list, not a database" * 100)
    with pytest.raises(StoreError, match=r"runs\.db is not a database.*move that file away"):
        Store(home=tmp_path)


def test_a_home_that_is_a_file_is_named(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match=r"Cannot open the store .*home"):
        Store(home=tmp_path / "home")


def test_a_newer_store_is_refused(store):
    with sqlite3.connect(store.home / "runs.db") as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(StoreError, match=r"version 99.*update digitcore"):
        Store(home=store.home)


def test_a_full_disk_is_said_and_nothing_kept_is_lost(store, quick):
    store.begin(quick(), "me")
    store.add_epochs(quick().digest, EPOCHS[:1])
    with store.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    # SQLite's own limit answers a write exactly as a full disk does.
    limit = lambda connection, _record, _proxy: connection.execute(f"PRAGMA max_page_count={pages}")  # noqa: E731
    sa.event.listen(store.database.engine, "checkout", limit)
    many = [Epoch(number, 1.0, 0.5, None, None, 0.1) for number in range(2, 5000)]
    with pytest.raises(StoreError, match=r"disk .* is full: free some space"):
        store.add_epochs(quick().digest, many)
    assert store.load(quick().digest).epochs == tuple(EPOCHS[:1])


def test_half_written_weights_are_never_seen(store, quick, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    store.begin(quick(), "me")
    monkeypatch.setattr("digitcore.runs.weights_files.os.fsync", full)
    with pytest.raises(StoreError, match="is full"):
        store.finish(finished(quick()), save({"a": np.zeros(3)}))
    assert list(store.weights_directory.iterdir()) == []
    assert store.load(quick().digest).state == "queued"


@pytest.mark.parametrize("change", [{"model": "of a plugin that is gone"}, {"random_state": 77}])
def test_a_run_whose_description_means_another_one_now_is_not_there(store, quick, change):
    digest = quick(1).digest
    store.begin(quick(1), "owner")
    store.finish(Run(quick(1), "done", evaluation=Evaluation()))
    described = {**json.loads(quick(1).canonical_json), **change}
    with store.database.transaction("write") as connection:
        connection.execute(sa.update(schema.runs).values(spec=json.dumps(described)))
    assert store.load(digest) is None
    assert store.recent() == []
    assert store.load_many([digest]) == {}
