"""Fixtures for all tests: a home of their own, real MNIST where it is there."""

import os
from pathlib import Path

import numpy as np
import pytest
from distributed import LocalCluster
from postgresql_server import PostgreSQLServer, Unavailable
from sklearn.datasets import load_digits
from xdist.scheduler import LoadScopeScheduling

from digitcore.runs import Store

BROWSER = "tests/browser/"
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


class Files(LoadScopeScheduling):
    """Keep the tests of a file in one process, and all that drive a browser: two browsers take more than two cores."""

    def _split_scope(self, nodeid):
        return BROWSER if nodeid.startswith(BROWSER) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config, log):
    return Files(config, log)


@pytest.fixture(scope="session", autouse=True)
def data_directory(tmp_path_factory):
    """Let every test look for data sets where the real files are, or in an empty directory."""
    if "DIGITCORE_DATA" not in os.environ:
        there = (SHARED_DATA / "mnist").is_dir()
        os.environ["DIGITCORE_DATA"] = str(SHARED_DATA if there else tmp_path_factory.mktemp("data"))
    return Path(os.environ["DIGITCORE_DATA"])


def real_files(directory, name):
    """Return a directory if it holds the four files of a data set; skip the test where they are absent."""
    if len(list(directory.glob("*ubyte*"))) < 4:
        pytest.skip(f"{name} is not in DIGITCORE_DATA")
    return directory


@pytest.fixture(scope="session")
def mnist_directory(data_directory):
    """The directory that holds the four real MNIST files; skips where they are absent."""
    return real_files(data_directory / "mnist", "MNIST")


@pytest.fixture(scope="session")
def fashion_mnist_directory(data_directory):
    """The directory that holds the four real Fashion-MNIST files; skips where they are absent."""
    return real_files(data_directory / "fashion-mnist", "Fashion-MNIST")


@pytest.fixture(scope="session", autouse=True)
def session_home(tmp_path_factory):
    """Keep the tests out of the user's home directory."""
    home = tmp_path_factory.mktemp("home")
    os.environ["DIGITCORE_HOME"] = str(home)
    return home


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator."""
    return np.random.default_rng(20240607)


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return 600 of scikit-learn's digits, float32 0 to 1, read-only, and their labels."""
    X, y = load_digits(return_X_y=True)
    # In the file neighbours are of one writer.
    chosen = np.random.default_rng(0).permutation(len(y))[:600]
    X = (X[chosen] / 16).astype(np.float32)
    X.setflags(write=False)
    return X, y[chosen]


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server for these tests alone; skips where it is not installed."""
    try:
        server = PostgreSQLServer()
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield server
    server.close()


@pytest.fixture
def postgresql_url(postgresql):
    """The URL of an empty PostgreSQL database."""
    url = postgresql.create_database()
    yield url
    postgresql.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """The URL of an empty database, of each kind that the store knows."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'runs.db'}"
    return request.getfixturevalue("postgresql_url")


@pytest.fixture
def open_store(store_url, tmp_path):
    """Return a factory of stores on one database."""
    opened = []

    def open_one():
        opened.append(Store(store_url, home=tmp_path))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def scheduler():
    """The address of a cluster of threads in this process, which is there at once."""
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address
