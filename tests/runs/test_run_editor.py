"""What visitors write about runs, and runs that are deleted, restored and removed."""

import threading
import time
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from safetensors.numpy import save

from digitcore.errors import InvalidSetting, NotAllowed
from digitcore.runs import Engine, Store, schema
from digitcore.runs import keeper as keeper_module
from digitcore.runs import run_editor as run_editor_module
from digitcore.runs.catalogue import Catalogue
from digitcore.runs.run_editor import RunEditor
from digitcore.runs.run_query import RunQuery
from digitcore.runs.texts import searchable
from tests.runs.kept_runs import keep
from tests.waiting import wait_for

RUNS = RunQuery(grouped=False, sort="name", descending=False)


@pytest.fixture
def store(store_url, tmp_path):
    store = Store(store_url, tmp_path)
    yield store
    store.close()


@pytest.fixture
def editor(store):
    return RunEditor(store)


def line_of(store, digest):
    (line,) = [line for line in Catalogue(store).page(RUNS).itertuples() if line.digest == digest]
    return line


def test_what_was_written_stays_through_deletion_and_another_training(store, editor, quick):
    digest = keep(store, quick(), 90)
    editor.rename(digest, "  My\tbest\n<script>\x00\x1b run \u202e")
    editor.set_note(digest, "First line\r\nsecond\x07 line \n")
    editor.add_tags(digest, ["b", " a ", "a", ""])
    editor.remove_tags(digest, ["b", "c"])
    editor.pin(digest)
    editor.archive(digest)
    editor.archive(digest, False)
    assert editor.delete(digest) == [digest]
    assert store.load(digest) is None and store.load_many([digest]) == {} and store.recent() == []
    assert Catalogue(store).count(RUNS) == 0
    assert store.begin(quick(), "me") == 2
    line = line_of(store, digest)
    assert (line.name, line.note, line.tags) == ("My best <script> run", "First line\nsecond line", ["a"])
    assert (line.pinned, line.archived, line.state, line.n_evaluated) == (True, False, "queued", 0)
    assert Catalogue(store).digests(RunQuery(search="BEST second")) == [digest]


def test_a_deleted_run_comes_back_whole(store, editor, quick):
    digests = [keep(store, quick(seed), 90) for seed in range(3)]
    store.finish(store.load(digests[0]), save({"a": np.zeros(3)}))
    assert editor.delete(digests[:2]) == sorted(digests[:2])
    assert [run.digest for run in store.recent()] == digests[2:]
    assert editor.delete(digests) == digests[2:]
    assert editor.restore(digests[0]) == digests[:1]
    assert store.load(digests[0]).evaluation.parts["test"].n_right == 90
    assert store.has_tensors(digests[0]) and len(store.load(digests[0]).epochs) == 2


def test_a_purge_removes_what_was_deleted_long_ago(store, editor, quick):
    kept, deleted, trained_again = digests = [keep(store, quick(seed), 90) for seed in range(3)]
    for digest in digests:
        store.finish(store.load(digest), save({"a": np.zeros(3)}))
        store.keep_finding(f"robustness-{digest}", digest, pd.DataFrame({"accuracy": [0.5]}))
    editor.add_tags(digests, ["final"])
    editor.delete([deleted, trained_again])
    store.begin(quick(2), "me")
    assert editor.purge(timedelta(minutes=1)) == []
    assert editor.purge(timedelta(0)) == [deleted]
    assert [store.has_tensors(digest) for digest in digests] == [True, False, True]
    with pytest.raises(InvalidSetting, match="removed for good"):
        editor.restore(deleted)
    with store.database.transaction("read") as connection:
        for table in (schema.runs, schema.epochs, schema.tags, schema.findings):
            assert deleted not in connection.scalars(sa.select(table.c.digest)).all()
    assert line_of(store, kept).tags == line_of(store, trained_again).tags == ["final"]


def test_an_active_run_is_not_deleted_nor_others_with_it(store, editor, quick):
    done = keep(store, quick(0), 90)
    store.begin(quick(1), "me")
    with pytest.raises(InvalidSetting, match=f"^Run {quick(1).digest} is queued or training: stop it before"):
        editor.delete([done, quick(1).digest])
    assert store.load(done) is not None


def test_a_run_that_is_gone_is_said_and_others_are_changed(store, editor, quick):
    gone, there = keep(store, quick(0), 90), keep(store, quick(1), 90)
    editor.delete(gone)
    assert editor.rename([gone, there], "Name") == [there]
    with pytest.raises(InvalidSetting, match=r"^This run was deleted meanwhile: restore it first, or choose others$"):
        editor.pin(gone)
    with pytest.raises(InvalidSetting, match="These runs were deleted meanwhile"):
        editor.set_note([gone, "0" * 20], "note")
    assert editor.pin([]) == []


def test_what_is_too_long_or_too_much_is_refused_and_nothing_changed(store, editor, quick):
    digests = [keep(store, quick(seed), 90) for seed in range(2)]
    editor.rename(digests, "Old")
    editor.add_tags(digests[0], [f"tag {number}" for number in range(20)])
    with pytest.raises(InvalidSetting, match=r"^The name has 10,000 characters, at most 200 are kept: shorten it$"):
        editor.rename(digests, "<b>" + 9997 * "a")
    with pytest.raises(InvalidSetting, match="The note has 2,001 characters, at most 2,000"):
        editor.set_note(digests, 2001 * "a")
    with pytest.raises(InvalidSetting, match="A tag has 51 characters, at most 50"):
        editor.add_tags(digests, [51 * "a"])
    with pytest.raises(InvalidSetting, match="A run may have 20 tags at most"):
        editor.add_tags(digests, ["one more"])
    assert [line_of(store, digest).name for digest in digests] == ["Old", "Old"]
    assert [len(line_of(store, digest).tags) for digest in digests] == [20, 0]


def test_every_change_is_counted_and_a_refusal_is_none(store, editor, quick):
    digest = keep(store, quick(), 90)
    editor.rename(digest, "A name")
    editor.add_tags(digest, ["a"])
    editor.pin(digest)
    editor.delete(digest)
    assert editor.n_edits == 4
    with pytest.raises(InvalidSetting):
        editor.rename("0" * 20, "A name")
    assert editor.n_edits == 4
    editor.purge(timedelta(0))
    assert editor.n_edits == 5


def test_many_runs_are_changed_at_once(store, editor, quick):
    digests = [quick(seed).digest for seed in range(1200)]
    row = dict(spec="{}", state="done", created_at=sa.func.now(), owner="me", seedless_digest="0")
    with store.database.transaction("write") as connection:
        connection.execute(
            sa.insert(schema.runs).values(**row, digest=sa.bindparam("own")), [{"own": d} for d in digests]
        )
    assert editor.add_tags(digests, ["all"]) == sorted(digests)
    assert Catalogue(store).count(RunQuery(grouped=False, search="ALL", tags=("all",))) == 1200


def test_two_servers_that_edit_at_once_lose_nothing(store, store_url, tmp_path, quick, monkeypatch):
    digests = [keep(store, quick(seed), 90) for seed in range(3)]
    other, failures = Store(store_url, tmp_path), []

    def slowly(text):
        time.sleep(0.002)
        return searchable(text)

    # Between reading what is searched and writing it there is time for the other server.
    monkeypatch.setattr(run_editor_module, "searchable", slowly)

    def edit(own, tags, order, write):
        try:
            for tag in tags:
                write(RunEditor(own), tag)
                RunEditor(own).add_tags(digests[::order], [f"tag-{tag}"])
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=edit, args=(store, "abcdef", 1, lambda own, tag: own.rename(digests, f"Name {tag}"))),
        threading.Thread(
            target=edit, args=(other, "uvwxyz", -1, lambda own, tag: own.set_note(digests, f"Note {tag}"))
        ),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    tags = [f"tag-{letter}" for letter in "abcdefuvwxyz"]
    for digest in digests:
        line = line_of(other, digest)
        assert (line.name, line.note, line.tags) == ("Name f", "Note z", tags)
    assert Catalogue(other).count(RunQuery(grouped=False, search=" ".join(["Name f Note z", *tags]))) == 3
    other.close()


def test_a_run_that_is_submitted_after_its_deletion_is_trained_again(engine, quick):
    spec = quick(4711)
    engine.wait(engine.submit(spec).digest, 60)
    engine.editor.rename(spec.digest, "Mine")
    engine.editor.delete(spec.digest)
    assert engine.run(spec.digest) is None
    assert engine.submit(spec).active
    assert engine.wait(spec.digest, 60).state == "done"
    assert line_of(engine.store, spec.digest).name == "Mine"


def test_a_run_deleted_by_another_server_is_trained_again(engine, quick):
    spec = quick(4712)
    engine.wait(engine.submit(spec).digest, 60)
    assert engine.run(spec.digest).state == "done"
    RunEditor(engine.store).delete(spec.digest)
    assert engine.submit(spec).active
    engine.wait(spec.digest, 60)


def test_an_engine_removes_what_was_deleted_long_ago(tmp_path, quick, monkeypatch):
    monkeypatch.setattr(keeper_module, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(keeper_module, "UNDO_PERIOD", timedelta(0))
    store = Store(home=tmp_path)
    digest = keep(store, quick(), 90)
    store.finish(store.load(digest), save({"a": np.zeros(3)}))
    RunEditor(store).delete(digest)
    with Engine(store):
        wait_for(lambda: not store.has_tensors(digest), "the removal", 10)


def test_where_nobody_may_edit_runs_all_stay_as_they_are(store, quick):
    digest = keep(store, quick(), 90)
    editor = RunEditor(store, allowed=False)
    for edit in (editor.delete, editor.archive, editor.pin, lambda runs: editor.rename(runs, "Mine")):
        with pytest.raises(NotAllowed, match='its setting "edit" is "nobody"'):
            edit(digest)
    assert line_of(store, digest).name == ""


def test_a_server_may_forbid_the_editing_of_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITCORE_EDIT", "nobody")
    with Engine(Store(home=tmp_path)) as engine:
        assert not engine.editor.allowed
