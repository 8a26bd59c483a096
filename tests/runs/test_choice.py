"""Choices of runs: kept by digest, read from links, and named."""

import math

import pandas as pd
import pytest

from digitcore.runs import RunSpec, Store
from digitcore.runs.catalogue import Catalogue
from digitcore.runs.choice import (
    MOST_CHOSEN,
    choice_from_text,
    choice_to_text,
    entries_of,
    entry_label,
    gone_sentences,
    labels_of,
    lines_of,
    notes_of,
)
from digitcore.runs.listed_table import date_format, interval_texts, listed_table, telling_columns
from digitcore.runs.run_editor import RunEditor
from digitcore.runs.run_query import RunQuery
from digitcore.wording import MOST_LETTERS
from tests.runs.kept_runs import keep


def softmax(seed=0, **parameters):
    return RunSpec(dataset="digits", model="softmax", parameters=parameters, random_state=seed)


SEEDS = [softmax(seed, epochs=7) for seed in range(3)]
ALONE = softmax(epochs=8)


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'runs.db'}", tmp_path)
    for n_right, spec in zip((90, 94, 92), SEEDS, strict=True):
        keep(store, spec, n_right)
    keep(store, ALONE, 97, losses=(2.0, 1.0, 0.5))
    yield store
    store.close()


@pytest.fixture
def catalogue(store):
    return Catalogue(store)


@pytest.fixture
def editor(store):
    return RunEditor(store, max_text_length=20_000)


def entries(catalogue):
    """The entries of the group of three seeds and of the single run."""
    page = catalogue.page(RunQuery(sort="n_epochs"))
    by_runs = dict(zip(page["n"], entries_of(page), strict=True))
    return by_runs[3], by_runs[1]


def test_a_group_stands_for_its_runs_and_a_single_run_for_itself(catalogue):
    group, alone = entries(catalogue)
    lines = lines_of(catalogue, [group, alone])
    assert set(lines[group]["digest"]) == {spec.digest for spec in SEEDS}
    assert lines[alone]["digest"].tolist() == [ALONE.digest]


def test_a_choice_survives_a_link(catalogue):
    chosen = list(entries(catalogue))
    assert choice_from_text(choice_to_text(chosen)) == (chosen, [])


def test_a_full_choice_of_groups_is_short_enough_for_a_link():
    assert len(choice_to_text([f"{number:020x}~" for number in range(MOST_CHOSEN)])) <= 200


@pytest.mark.parametrize("text", ["nonsense", "<b>x</b>", "a" * 19, "A" * 20, "g" * 20, f"{'a' * 20}~~"])
def test_what_is_no_run_is_named_and_left_out(text):
    entries, (problem,) = choice_from_text(f"{'b' * 20},{text}")
    assert entries == ["b" * 20]
    assert "is no run; it was left out" in problem


def test_of_too_many_runs_the_first_are_taken():
    entries, (problem,) = choice_from_text(",".join(f"{number:020x}" for number in range(9)))
    assert entries == [f"{number:020x}" for number in range(8)]
    assert problem == "The link has 9 runs, at most 8 are compared: the others were left out."


def test_a_run_that_was_deleted_has_no_lines_and_is_named(catalogue, editor):
    editor.delete(ALONE.digest)
    lines = lines_of(catalogue, [ALONE.digest, "0" * 20, *entries_of(catalogue.page(RunQuery()))])
    assert [len(each) for each in lines.values()] == [0, 0, 3]
    assert entry_label(ALONE.digest, lines[ALONE.digest]) == f"not kept here: {ALONE.digest}"
    (sentence,) = gone_sentences(lines)
    assert sentence.startswith("2 of the chosen runs are not kept") and ALONE.digest in sentence


def test_a_group_is_called_after_no_seed_of_its_runs(catalogue, editor):
    editor.delete(SEEDS[0].digest)
    group = next(entry for entry in entries_of(catalogue.page(RunQuery())) if entry != ALONE.digest)
    assert entry_label(group, lines_of(catalogue, [group])[group]).endswith("7 epochs · 2 seeds")


def test_an_entry_is_called_by_its_name_or_by_its_settings(catalogue, editor):
    group, alone = entries(catalogue)
    editor.rename(ALONE.digest, "n" * 10_000)
    lines = lines_of(catalogue, [group, alone])
    assert entry_label(group, lines[group]).endswith("7 epochs · 3 seeds")
    assert entry_label(alone, lines[alone]) == "n" * (MOST_LETTERS - 1) + "…"
    page = catalogue.page(RunQuery())
    assert dict(zip(entries_of(page), labels_of(page), strict=True)) == {
        entry: entry_label(entry, each) for entry, each in lines.items()
    }


def test_the_notes_of_several_runs_are_what_they_have_in_common(catalogue, editor):
    editor.rename([SEEDS[0].digest, SEEDS[1].digest], "same")
    editor.set_note(SEEDS[0].digest, "first")
    editor.add_tags([SEEDS[0].digest, SEEDS[1].digest], ["both"])
    editor.add_tags(SEEDS[0].digest, ["one"])
    editor.pin(SEEDS[0].digest)
    notes = notes_of(catalogue.lines([SEEDS[0].digest, SEEDS[1].digest]))
    assert (notes.name, notes.note, notes.pinned, notes.archived) == ("same", "", False, False)
    assert (notes.tags, notes.some_tags) == (("both",), ("both", "one"))
    assert notes_of(catalogue.lines([spec.digest for spec in SEEDS])).name == ""


def test_lines_of_digests_keep_their_order_and_leave_out_what_is_gone(catalogue):
    digests = [SEEDS[2].digest, "0" * 20, SEEDS[0].digest]
    assert catalogue.lines(digests)["digest"].tolist() == [SEEDS[2].digest, SEEDS[0].digest]


def test_a_listed_table_says_labels_and_per_cent(catalogue, editor):
    editor.pin(ALONE.digest)
    page = catalogue.page(RunQuery())
    row = listed_table(page, catalogue.loss_sparklines(page["digest"].tolist())).iloc[0]
    assert row["called"] == f"★ {page['title'].iloc[0]}"
    assert (row["data"], row["model"], row["n"]) == ("Digits 8×8", "Softmax regression", 1)
    assert (row["accuracy"], row["gap"]) == (pytest.approx(97), pytest.approx(-7))
    assert row["interval"] == "91.55 to 98.97"
    assert row["losses"] == [2.0, 1.0, 0.5]


def test_columns_that_tell_nothing_of_any_line_are_left_out(catalogue, editor):
    each, grouped = (listed_table(catalogue.page(RunQuery(grouped=grouped)), {}) for grouped in (False, True))
    left_out = {"n", "sd", "tags", "state", "recipe"}
    assert set(each) - set(telling_columns(each)) == left_out
    assert set(grouped) - set(telling_columns(grouped)) == {"tags", "state", "recipe"}
    editor.add_tags([ALONE.digest], ["kept"])
    stopped = listed_table(catalogue.page(RunQuery(grouped=False)), {}).assign(state="cancelled")
    assert set(stopped) - set(telling_columns(stopped)) == {"n", "sd", "recipe"}
    renamed = each.assign(called="mine", recipe="digits-mlp")
    assert set(renamed) - set(telling_columns(renamed)) == left_out - {"recipe"}


def test_a_list_leaves_out_the_year_that_is_this_one():
    now = pd.Timestamp("2027-01-01 00:30", tz="UTC")
    this, last = pd.Timestamp("2027-01-01", tz="UTC"), pd.Timestamp("2026-12-31 23:59", tz="UTC")
    assert date_format(pd.Series([this]), now) == "D MMM, HH:mm"
    assert date_format(pd.Series([this, last]), now) == date_format(pd.Series([last]), now) == "D MMM YYYY, HH:mm"


def test_a_list_of_runs_has_the_short_names_of_models(catalogue):
    lines = catalogue.page(RunQuery()).assign(model="mlp")
    assert set(listed_table(lines, {})["model"]) == {"MLP"}


def test_an_interval_ends_at_100_per_cent_and_may_be_missing():
    texts = interval_texts(pd.Series([0.651, -0.2, math.nan]), pd.Series([1.073, 0.5, math.nan]))
    assert texts == ["65.10 to 100.00", "0.00 to 50.00", ""]
