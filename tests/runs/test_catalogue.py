"""Lists of kept runs: sorted, filtered, searched, grouped and paged by either database."""

import math
import statistics

import pytest
import sqlalchemy as sa
from scipy import stats

from digitcore.errors import InvalidSetting
from digitcore.evaluation import wilson_interval
from digitcore.runs import RunSpec, Store, schema
from digitcore.runs.catalogue import COLUMNS, Catalogue
from digitcore.runs.run_editor import RunEditor
from digitcore.runs.run_query import SORTS, RunQuery
from digitcore.specs.recipes import RECIPES
from tests.runs.kept_runs import keep

EVERY = RunQuery(grouped=False, background=True, archived=True)
SEEDS = {0: 90, 1: 94, 2: 92}


def softmax(seed=0, **parameters):
    return RunSpec(dataset="digits", model="softmax", parameters=parameters, random_state=seed)


SPECS = {
    **{f"seed {seed}": softmax(seed, learning_rate=0.02) for seed in SEEDS},
    "alone": softmax(epochs=7),
    "failed": RunSpec(dataset="digits", model="mlp", parameters={"epochs": 7}),
    "of an experiment": softmax(epochs=8),
    "archived": softmax(epochs=9),
    "pinned": softmax(epochs=11),
    "official": RunSpec(dataset="mnist", model="softmax", split={"kind": "official"}),
    "deleted": softmax(epochs=12),
}
DIGESTS = {name: spec.digest for name, spec in SPECS.items()}
NAMES = {digest: name for name, digest in DIGESTS.items()}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("catalogue")
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    store = Store(server.create_database() if server else f"sqlite:///{home / 'runs.db'}", home)
    for seed, n_right in SEEDS.items():
        keep(store, SPECS[f"seed {seed}"], n_right, seconds=1.0 + seed)
    keep(store, SPECS["alone"], 97, train=100, losses=[1 / number for number in range(1, 102)])
    keep(store, SPECS["failed"], state="failed", losses=(3.0,))
    keep(store, SPECS["of an experiment"], 50, background=True)
    for name, n_right in {"archived": 60, "pinned": 40, "official": 99, "deleted": 100}.items():
        keep(store, SPECS[name], n_right)
    editor = RunEditor(store)
    editor.rename(DIGESTS["alone"], "Größe 100% <b>fett</b>")
    editor.set_note(DIGESTS["seed 1"], "with snake_case")
    editor.add_tags([DIGESTS["alone"], DIGESTS["seed 1"]], ["final"])
    editor.add_tags(DIGESTS["alone"], ["Best"])
    editor.archive(DIGESTS["archived"])
    editor.pin(DIGESTS["pinned"])
    editor.delete(DIGESTS["deleted"])
    yield store
    url = str(store.url.render_as_string(hide_password=False))
    store.close()
    if server:
        server.drop_database(url)


@pytest.fixture
def catalogue(store):
    return Catalogue(store)


def found(catalogue, **query):
    return {NAMES[digest] for digest in catalogue.digests(RunQuery(grouped=False, **query))}


def test_runs_that_differ_in_the_seed_are_one_line_with_the_interval_of_their_mean(catalogue):
    line = catalogue.page(RunQuery()).set_index("digest").loc[DIGESTS["seed 2"]]
    accuracies = [n_right / 100 for n_right in SEEDS.values()]
    mean, sd = statistics.mean(accuracies), statistics.stdev(accuracies)
    reach = stats.t.ppf(0.975, 2) * sd / math.sqrt(3)
    assert (line.n, line.n_evaluated, line.note, line.tags) == (3, 3, "", ["final"])
    assert line.test_accuracy == pytest.approx(mean) and line.test_sd == pytest.approx(sd)
    assert (line.test_low, line.test_high) == pytest.approx((mean - reach, mean + reach))
    assert line.gap == pytest.approx(0.9 - mean) and line.seconds == pytest.approx(2.0)
    assert line.title == "Digits 8×8, Softmax regression, 30 epochs, rate 0.02"


def test_one_run_has_the_interval_of_its_images(catalogue):
    page = catalogue.page(RunQuery(tags=("Best",)))
    assert list(page.columns) == list(COLUMNS)
    (line,) = page.itertuples()
    assert (line.digest, line.n, line.seed, line.state) == (DIGESTS["alone"], 1, 0, "done")
    assert (line.name, line.tags) == ("Größe 100% <b>fett</b>", ["Best", "final"])
    assert (line.test_low, line.test_high) == pytest.approx(wilson_interval(97, 100))
    assert math.isnan(line.test_sd) and math.isnan(line.validation_accuracy)
    assert (line.n_test, line.n_epochs, line.last_loss) == (100, 101, pytest.approx(1 / 101))
    assert str(page.created_at.dt.tz) == "UTC"


def test_members_are_the_runs_of_a_line(catalogue):
    group = catalogue.page(RunQuery(tags=("final",), sort="test_accuracy")).group[1]
    members = catalogue.members(group)
    assert [NAMES[digest] for digest in members.digest] == ["seed 0", "seed 1", "seed 2"]
    assert list(members.test_accuracy) == pytest.approx([0.90, 0.94, 0.92])
    assert list(catalogue.members(group, RunQuery(tags=("final",))).digest) == [DIGESTS["seed 1"]]


@pytest.mark.parametrize("sort", SORTS)
def test_pages_of_runs_are_in_order_with_pinned_ones_first_and_missing_values_last(store, catalogue, sort):
    column = schema.runs.c[SORTS[sort]]
    with store.database.transaction("read") as connection:
        rows = connection.execute(sa.select(schema.runs.c.digest, column)).all()
    values = {digest: value for digest, value in rows if digest != DIGESTS["deleted"]}
    for descending in (True, False):
        query = RunQuery(grouped=False, background=True, archived=True, sort=sort, descending=descending)
        digests = catalogue.digests(query)
        paged = [digest for offset in range(0, 12, 2) for digest in catalogue.page(query, offset, 2).digest]
        assert digests == paged and set(digests) == set(values) and digests[0] == DIGESTS["pinned"]
        known = [digest for digest in digests[1:] if values[digest] is not None]
        assert digests[1 : 1 + len(known)] == known
        keys = [(values[digest], digest) for digest in known]
        assert keys == sorted(keys, reverse=descending)


@pytest.mark.parametrize("descending", [True, False])
def test_pages_of_groups_are_in_order(catalogue, descending):
    query = RunQuery(sort="test_accuracy", descending=descending)
    names = [NAMES[digest] for offset in range(0, 6, 2) for digest in catalogue.page(query, offset, 2).digest]
    by_mean = ["official", "alone", "seed 2"]
    assert names == ["pinned", *(by_mean if descending else by_mean[::-1]), "failed"]
    assert catalogue.count(query) == 5


@pytest.mark.parametrize("sort", SORTS)
def test_groups_can_be_sorted_by_every_column(catalogue, sort):
    assert len(catalogue.page(RunQuery(sort=sort))) == 5


def test_lists_leave_out_what_was_not_asked_for(catalogue):
    usual = {"seed 0", "seed 1", "seed 2", "alone", "failed", "pinned", "official"}
    assert found(catalogue) == usual
    assert found(catalogue, background=True) == usual | {"of an experiment"}
    assert found(catalogue, archived=True) == usual | {"archived"}
    assert catalogue.count(EVERY) == 9


def test_filters_choose_runs(catalogue):
    assert found(catalogue, models=("mlp",)) == found(catalogue, states=["failed"]) == {"failed"}
    assert found(catalogue, datasets=("mnist",)) == {"official"}
    assert found(catalogue, tags=("final", "Best")) == {"alone"}
    assert found(catalogue, pinned=True) == {"pinned"}
    assert "failed" not in found(catalogue, evaluated=True)
    assert found(catalogue, recipes=("",)) | found(catalogue, recipes=tuple(RECIPES)) == found(catalogue)


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("GRÖSSE", {"alone"}),
        ("100%", {"alone"}),
        ("10_%", set()),
        ("<b>fett</b>", {"alone"}),
        ("snake_case", {"seed 1"}),
        ("snake%case", set()),
        ("Fin snake", {"seed 1"}),
        ("final", {"alone", "seed 1"}),
        ("MNIST", {"official"}),
        ("neural DIGITS", {"failed"}),
        ("\x00alone'; DROP TABLE runs; --\ud800", set()),
    ],
)
def test_a_search_finds_words_as_they_are_written(catalogue, search, names):
    assert found(catalogue, search=search) == names


def test_the_newest_run_is_the_latest_whatever_the_order(catalogue):
    assert catalogue.latest(RunQuery(sort="name", descending=False)) == DIGESTS["official"]
    assert catalogue.latest(RunQuery(models=("mlp",))) == DIGESTS["failed"]
    assert catalogue.latest(RunQuery(search="nowhere")) is None


def test_an_empty_page_has_the_columns_of_others(catalogue):
    page = catalogue.page(RunQuery(search="nowhere"))
    assert len(page) == 0 and list(page.dtypes) != [] and page.test_accuracy.dtype == float
    assert list(page.columns) == list(COLUMNS)


def test_choices_are_what_is_kept(catalogue):
    choices = catalogue.choices()
    assert (choices["datasets"], choices["models"]) == (["digits", "mnist"], ["mlp", "softmax"])
    assert (choices["states"], choices["tags"]) == (["done", "failed"], ["Best", "final"])


def test_sparklines_are_thinned_and_end_with_the_last_epoch(catalogue):
    lines = catalogue.loss_sparklines([DIGESTS["alone"], DIGESTS["failed"], "0" * 20], 11)
    assert lines[DIGESTS["failed"]] == [3.0]
    assert lines[DIGESTS["alone"]] == pytest.approx([1 / number for number in range(1, 102, 10)])
    assert set(lines) == {DIGESTS["alone"], DIGESTS["failed"]}


def test_trainings_on_the_same_test_part_are_counted(catalogue):
    # The failed one was not tested; those of an experiment, archived and deleted were.
    assert catalogue.n_tested_alike(DIGESTS["alone"]) == 8
    assert catalogue.n_tested_alike(DIGESTS["official"]) == 1
    assert catalogue.n_tested_alike(DIGESTS["failed"]) == 0


def test_a_page_of_runs_is_one_walk_along_an_index(store):
    if store.url.get_backend_name() != "sqlite":
        pytest.skip("The plans of PostgreSQL depend on the number of rows.")
    seen = []
    listener = lambda *call: seen.append(call[2:4])  # noqa: E731
    sa.event.listen(store.database.engine, "before_cursor_execute", listener)
    for sort, column in SORTS.items():
        seen.clear()
        Catalogue(store).page(RunQuery(grouped=False, sort=sort))
        statement, parameters = next(call for call in seen if call[0].startswith("SELECT"))
        with store.database.engine.connect() as connection:
            (step,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        assert f"INDEX ix_runs_by_{column} (pinned=?" in step[3]
    sa.event.remove(store.database.engine, "before_cursor_execute", listener)


def test_unknown_orders_and_endless_searches_are_refused():
    with pytest.raises(InvalidSetting, match="Unknown order 'colour': known are created_at, name"):
        RunQuery(sort="colour")
    with pytest.raises(InvalidSetting, match="The search has 10,000 characters, at most 200"):
        RunQuery(search="a" * 10_000)
