"""A store is brought up to date after a copy was made; what is newer is refused."""

import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from digitcore.errors import StoreError
from digitcore.runs import Store, schema
from digitcore.runs.catalogue import Catalogue
from digitcore.runs.database import create_engine
from digitcore.runs.migrations import upgrade
from digitcore.runs.run_query import RunQuery
from tests.runs.test_store_opening import write_version_1

NEWER = "01726f528a6053dbfbb5"
KEPT = Path(__file__).parents[1] / "data" / "kept_store"
VERSION_7 = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "7", "6"


def upgrade():
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("mood", sa.Text, nullable=False, server_default=""))
    {more}
"""


@pytest.fixture
def kept_home(tmp_path):
    """A copy of the kept store."""
    home = tmp_path / "kept"
    shutil.copytree(KEPT, home)
    return home


@pytest.fixture
def make_version_7(tmp_path, monkeypatch):
    """Return a function that lets this be a digitcore of version 7, one column more than today's."""

    def make(more=""):
        folder = tmp_path / "versions"
        folder.mkdir()
        (folder / "version_7.py").write_text(VERSION_7.format(more=more))
        monkeypatch.setattr(upgrade, "VERSION_FOLDERS", [*upgrade.VERSION_FOLDERS, folder])
        monkeypatch.setattr(schema, "SCHEMA_VERSION", 7)

    return make


def digests_and_columns(url):
    engine = create_engine(sa.make_url(url))
    with engine.connect() as connection:
        columns = {column["name"] for column in sa.inspect(connection).get_columns("runs")}
        digests = set(connection.scalars(sa.text("SELECT digest FROM runs")))
    engine.dispose()
    return digests, columns


def test_the_migrations_make_the_tables_that_a_new_store_has(store_url):
    engine = create_engine(sa.make_url(store_url))
    with engine.begin() as connection:
        assert upgrade.upgrade(connection, None) == schema.SCHEMA_VERSION
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    engine.dispose()


def test_a_store_is_copied_and_brought_up_to_date(kept_home, make_version_7):
    before, columns = digests_and_columns(f"sqlite:///{kept_home / 'runs.db'}")
    make_version_7()
    store = Store(home=kept_home, url=f"sqlite:///{kept_home / 'runs.db'}")
    assert {run.digest for run in store.recent(background=True)} == before
    assert digests_and_columns(str(store.url)) == (before, {*schema.runs.columns.keys(), "mood"})
    assert digests_and_columns(f"sqlite:///{kept_home / 'runs.db.version-2'}") == (before, columns)


def test_a_store_of_version_1_becomes_one_of_version_7(tmp_path, quick, make_version_7):
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    write_version_1(url, [quick(seed) for seed in range(3)])
    make_version_7()
    # As it would stand in schema.py by then.
    mood = sa.Column("mood", sa.Text, nullable=False, server_default="")
    schema.runs.append_column(mood)
    try:
        store = Store(url, home=tmp_path)
        assert len(store.recent(background=True)) == 3
        store.close()
    finally:
        schema.runs._columns.remove(mood)
    assert "mood" in digests_and_columns(url)[1]


def test_a_postgresql_store_is_copied_and_brought_up_to_date(postgresql_url, tmp_path, quick, make_version_7):
    store = Store(postgresql_url, home=tmp_path)
    store.begin(quick(1), "owner")
    make_version_7()
    Store(postgresql_url, home=tmp_path)
    digests, columns = digests_and_columns(postgresql_url)
    assert (digests, "mood" in columns) == ({quick(1).digest}, True)
    engine = create_engine(sa.make_url(postgresql_url))
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT digest FROM runs_of_version_6")) == quick(1).digest
    engine.dispose()


def test_a_store_of_a_later_version_is_refused(kept_home, make_version_7, monkeypatch):
    with monkeypatch.context():
        make_version_7()
        Store(f"sqlite:///{kept_home / 'runs.db'}", home=kept_home)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="has version 7, this digitcore knows version 6: update digitcore"):
        Store(f"sqlite:///{kept_home / 'runs.db'}", home=kept_home)


def test_a_migration_that_fails_changes_nothing(kept_home, make_version_7):
    url = f"sqlite:///{kept_home / 'runs.db'}"
    before = digests_and_columns(url)
    make_version_7(more='op.execute("SELECT * FROM nowhere")')
    with pytest.raises(StoreError):
        Store(url, home=kept_home)
    assert digests_and_columns(url) == before
    assert sqlite3.connect(kept_home / "runs.db").execute("SELECT version FROM schema_version").fetchall() == [(2,)]


def test_lists_have_the_runs_of_an_older_store(kept_home):
    with sqlite3.connect(kept_home / "runs.db") as connection:
        spec = connection.execute("SELECT spec FROM runs WHERE digest = ?", [NEWER]).fetchone()[0]
        connection.execute("UPDATE runs SET spec = replace(spec, 'softmax', 'transformer') WHERE digest = ?", [NEWER])
    store = Store(f"sqlite:///{kept_home / 'runs.db'}", home=kept_home)
    catalogue, every = Catalogue(store), RunQuery(grouped=False, background=True)
    runs = {run.digest: run for run in store.recent(background=True)}
    page = catalogue.page(every)
    assert set(page.digest) == set(runs) and len(runs) == 5
    for line in page.itertuples():
        run = runs[line.digest]
        assert (line.dataset, line.model, line.seed) == (run.spec.dataset, run.spec.model, run.spec.random_state)
        assert line.test_accuracy == run.figures["test"].accuracy and line.n_test == run.figures["test"].n_images
        assert line.gap == run.figures["train"].accuracy - run.figures["test"].accuracy
        assert (line.n_epochs, line.last_loss) == (run.n_trained, store.load(run.digest).epochs[-1].train_loss)
    # What cannot be read stays as it is, until it can.
    assert catalogue.n_unread() == 1
    with sqlite3.connect(kept_home / "runs.db") as connection:
        connection.execute("UPDATE runs SET spec = ? WHERE digest = ?", [spec, NEWER])
    store.read_again()
    assert catalogue.n_unread() == 0 and catalogue.count(every) == 6
