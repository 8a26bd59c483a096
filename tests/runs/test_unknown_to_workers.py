"""A model that only this process knows: workers cannot train it, and say what to do."""

from dataclasses import replace

import pytest

from digitcore.errors import InvalidSetting
from digitcore.models import MODELS, register_model, registry
from digitcore.runs import RunSpec


@pytest.fixture
def notebook_model(monkeypatch):
    """Register a model in this process alone and return its name."""
    monkeypatch.setitem(registry._entries, "only-here", None)
    del registry._entries["only-here"]
    register_model(replace(MODELS["softmax"], name="only-here", load=lambda: None))
    return "only-here"


def test_a_model_that_workers_do_not_know_names_the_variable(engine, notebook_model):
    spec = RunSpec(dataset="digits", model=notebook_model, parameters={"epochs": 1})
    run = engine.wait(engine.submit(spec).digest, 60)
    assert run.state == "failed"
    assert "name that module in DIGITCORE_PLUGINS" in run.reason
    assert "log" not in run.reason
    with pytest.raises(InvalidSetting, match="failed and has no model: .*DIGITCORE_PLUGINS") as told:
        engine.model(run.digest)
    assert "train it again" not in str(told.value)


@pytest.mark.parametrize("digest", [None, 7, "../runs"])
def test_arrays_of_what_is_no_digest_are_refused_in_one_sentence(engine, digest):
    with pytest.raises(InvalidSetting, match="A run's digest is a text of letters and digits only, got"):
        engine.arrays(digest)
