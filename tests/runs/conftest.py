"""One engine for the tests that do not break it."""

import pytest

from digitcore.runs import Engine, RunSpec, Store


@pytest.fixture
def store(tmp_path):
    store = Store(home=tmp_path)
    yield store
    store.close()


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    with Engine(Store(home=tmp_path_factory.mktemp("engine"))) as engine:
        engine.start()
        yield engine


@pytest.fixture
def quick():
    """Return a factory of specs that train in a blink; each seed makes another run."""

    def make(seed=0, **parameters):
        values = {"epochs": 3, "batch_size": None, **parameters}
        return RunSpec(dataset="digits", model="softmax", parameters=values, random_state=seed)

    return make


@pytest.fixture
def slow():
    """Return a factory of specs that train for minutes unless stopped."""

    def make(seed=0, **parameters):
        values = {"epochs": 20_000, "batch_size": 64, "hidden_units": (64,), **parameters}
        return RunSpec(dataset="digits", model="mlp", parameters=values, random_state=seed)

    return make
