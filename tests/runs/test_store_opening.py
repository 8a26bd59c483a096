"""Opening a store: from nothing, by several processes at once, from version 1, and with what cannot be opened."""

import json
import subprocess
import sys
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from digitcore.errors import StoreError
from digitcore.models import Epoch
from digitcore.runs import Store
from digitcore.runs.database import create_engine
from digitcore.runs.migrations import version_1
from digitcore.runs.run import Evaluation
from digitcore.runs.store import KeptExperiment

N_PROCESSES, N_ROUNDS = 5, 4
# Opens a store whenever a line with its URL and home comes, and answers with one line.
OPENER = """
import sys
from pathlib import Path
from digitcore.errors import StoreError
from digitcore.runs import RunSpec, Store

spec = RunSpec(dataset="digits", model="softmax")
print("ready", flush=True)
for line in sys.stdin:
    url, home = line.split()
    try:
        store = Store(url, home=Path(home))
        print(store.begin(spec, sys.argv[1]), len(store.recent()), flush=True)
    except StoreError as error:
        print(error, flush=True)
"""
VERSION_1 = """
CREATE TABLE schema_version (version INTEGER NOT NULL, PRIMARY KEY (version));
CREATE TABLE runs (
    digest VARCHAR(64) NOT NULL, spec TEXT NOT NULL, state VARCHAR(16) NOT NULL, reason TEXT NOT NULL,
    evaluation JSON NOT NULL, created_at TIMESTAMP NOT NULL, seconds FLOAT NOT NULL, attempt INTEGER NOT NULL,
    owner VARCHAR(200) NOT NULL, heartbeat_at TIMESTAMP NOT NULL, PRIMARY KEY (digest)
);
CREATE INDEX ix_runs_state ON runs (state);
CREATE INDEX ix_runs_created_at ON runs (created_at);
CREATE TABLE epochs (
    digest VARCHAR(64) NOT NULL, number INTEGER NOT NULL, train_loss FLOAT NOT NULL, train_accuracy FLOAT NOT NULL,
    validation_loss FLOAT, validation_accuracy FLOAT, seconds FLOAT NOT NULL, PRIMARY KEY (digest, number)
);
CREATE TABLE background_runs (digest VARCHAR(64) NOT NULL, PRIMARY KEY (digest));
CREATE TABLE experiments (
    digest VARCHAR(64) NOT NULL, kind VARCHAR(32) NOT NULL, plan TEXT NOT NULL, state VARCHAR(16) NOT NULL,
    created_at TIMESTAMP NOT NULL, seconds FLOAT NOT NULL, owner VARCHAR(200) NOT NULL,
    heartbeat_at TIMESTAMP NOT NULL, PRIMARY KEY (digest)
);
CREATE INDEX ix_experiments_state ON experiments (state);
CREATE INDEX ix_experiments_created_at ON experiments (created_at);
INSERT INTO schema_version VALUES (1);
"""
EVALUATION = {
    "parts": {
        "test": {
            "n_images": 10,
            "n_right": 9,
            "accuracy": 0.9,
            "loss": 0.5,
            "accuracy_low": 0.6,
            "accuracy_high": 0.98,
        }
    },
    "best_epoch": 2,
}
EPOCHS = (Epoch(1, 2.0, 0.5, None, None, 0.1), Epoch(2, 1.0, 0.75, 1.5, 0.625, 0.2))


@pytest.fixture(scope="module")
def openers():
    """Processes that have imported all they need, so that they open a store at the same moment."""
    command = [sys.executable, "-c", OPENER]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    processes = [subprocess.Popen([*command, f"opener-{number}"], **pipes) for number in range(N_PROCESSES)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    yield processes
    for process in processes:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def open_at_once(openers, url, home):
    for process in openers:
        process.stdin.write(f"{url} {home}\n")
        process.stdin.flush()
    return sorted(process.stdout.readline() for process in openers)


@pytest.mark.parametrize("number", range(N_ROUNDS))
def test_processes_that_open_a_fresh_store_at_once_all_succeed(openers, store_url, tmp_path, number):
    # And one of them has begun the run, whose row they all see.
    assert open_at_once(openers, store_url, tmp_path) == ["1 1\n"] + ["None 1\n"] * (N_PROCESSES - 1)


def write_version_1(url, specs):
    """Write a store of version 1 with runs: done, done in the background, running without any result."""
    engine = create_engine(sa.make_url(url))
    with engine.begin() as connection:
        for statement in VERSION_1.split(";")[:-1]:
            connection.exec_driver_sql(statement)
        states = [("done", EVALUATION), ("done", EVALUATION), ("running", {})]
        for minute, (spec, (state, evaluation)) in enumerate(zip(specs, states, strict=True)):
            created = f"2025-05-04 03:0{minute}:01.000000"
            values = [spec.digest, spec.canonical_json, state, "No reason.", json.dumps(evaluation)]
            insert_row(connection, "runs", *values, created, 1.5, 3, "host|17|1.0", created)
        connection.exec_driver_sql(f"INSERT INTO background_runs VALUES ('{specs[1].digest}')")
        for epoch in EPOCHS:
            insert_row(connection, "epochs", specs[0].digest, *astuple(epoch))
        created = "2025-05-04 03:00:00.000000"
        insert_row(connection, "experiments", "feed", "sweep", "{}", "running", created, 9.5, "host|17|1.0", created)
    engine.dispose()


def insert_row(connection, table, *values):
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({', '.join([mark] * len(values))})", values)


def test_a_store_of_version_1_is_opened_with_all_it_holds(store_url, tmp_path, quick):
    done, background, running = specs = [quick(seed) for seed in range(3)]
    write_version_1(store_url, specs)
    store = Store(store_url, home=tmp_path)
    run = store.load(done.digest)
    assert (run.spec, run.state, run.reason, run.epochs) == (done, "done", "No reason.", EPOCHS)
    assert (run.evaluation, run.seconds) == (Evaluation.from_json(EVALUATION), 1.5)
    assert run.created_at == datetime(2025, 5, 4, 3, 0, 1, tzinfo=UTC)
    assert [run.spec for run in store.recent(background=True)] == [running, background, done]
    assert [run.spec for run in store.recent(background=True, evaluated=True)] == [background, done]
    assert [run.spec for run in store.recent(evaluated=True)] == [done]
    created_at = datetime(2025, 5, 4, 3, tzinfo=UTC)
    assert store.load_experiment("feed") == KeptExperiment("feed", "sweep", "{}", "running", created_at, 9.5)
    assert store.close_orphans(lambda owner, beats: (owner, beats) != ("host|17|1.0", None)) == [running.digest]
    assert store.begin(done, "me") == 4
    store.close()


def test_a_store_of_version_1_is_opened_by_processes_at_once(openers, store_url, tmp_path, quick):
    write_version_1(store_url, [quick(seed) for seed in range(3)])
    # Two of its runs are in the foreground, and the one that is begun.
    assert open_at_once(openers, store_url, tmp_path) == ["1 3\n"] + ["None 3\n"] * (N_PROCESSES - 1)
    store = Store(store_url, home=tmp_path)
    assert store.load(quick(0).digest).epochs == EPOCHS
    store.close()


def test_a_store_of_the_first_days_is_opened(tmp_path, quick):
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    write_version_1(url, [quick(seed) for seed in range(3)])
    with create_engine(sa.make_url(url)).begin() as connection:
        # Version 1 had no experiments at first; its first server may have been killed before it wrote the version.
        for statement in ("DROP TABLE experiments", "DROP TABLE background_runs", "DELETE FROM schema_version"):
            connection.exec_driver_sql(statement)
    store = Store(home=tmp_path)
    assert len(store.recent()) == 3
    assert store.recent_experiments("sweep") == []


def test_a_migration_that_fails_leaves_the_store_as_it_was(store_url, tmp_path, quick, monkeypatch):
    write_version_1(store_url, [quick(seed) for seed in range(3)])
    set_aside = version_1._set_aside

    def killed(connection, table):
        if table is version_1.experiments:
            raise KeyboardInterrupt
        return set_aside(connection, table)

    monkeypatch.setattr(version_1, "_set_aside", killed)
    with pytest.raises(KeyboardInterrupt):
        Store(store_url, home=tmp_path)
    monkeypatch.undo()
    store = Store(store_url, home=tmp_path)
    assert store.load(quick(0).digest).epochs == EPOCHS
    store.close()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", r"^DIGITCORE_STORE is not the URL of a database: set it to one such as sqlite:///.*unset it\.$"),
        ("postgresql://host:port/runs", "is not the URL of a database"),
        ("mysql+nodriver://host/runs", r"^Runs are kept in SQLite or PostgreSQL, DIGITCORE_STORE names mysql: set it"),
        (
            "postgresql+psycopg2://u:secret@host/runs",
            r"^The driver of DIGITCORE_STORE's postgresql\+psycopg2 is not installed: write postgresql\+psycopg:// "
            r"instead, and run pip install -e '\.\[postgresql\]' in digitcore's directory\.$",
        ),
        ("postgresql+nodriver://host/runs", "driver of DIGITCORE_STORE's postgresql.nodriver is not installed"),
        ("sqlite+nodriver:///runs.db", "driver of DIGITCORE_STORE's sqlite.nodriver is not installed: write sqlite://"),
    ],
)
def test_a_url_that_cannot_be_used_is_said_in_one_sentence(tmp_path, monkeypatch, url, sentence):
    monkeypatch.setenv("DIGITCORE_STORE", url)
    with pytest.raises(StoreError, match=sentence) as error:
        Store(home=tmp_path)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("url", ["postgresql+psycopg://host/runs", "postgresql://host/runs"])
def test_psycopg_that_is_not_installed_is_named(tmp_path, monkeypatch, url):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"^The driver psycopg .* run pip install -e '\.\[postgresql\]' in"):
        Store(url, home=tmp_path)


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path):
    with pytest.raises(StoreError, match=r"^Cannot open the store postgresql.*:\*\*\*@127\.0\.0\.1:9/runs: .*refused"):
        Store("postgresql+psycopg://me:secret@127.0.0.1:9/runs", home=tmp_path)
