"""A store that an earlier version made: all of it is still there, and says the same.

`tests/data/kept_store` has a run of each model, one that was stopped, and a sweep of two, made before the store had
migrations.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from digitcore.datasets import load_dataset
from digitcore.experiments import ExperimentRunner
from digitcore.runs import Engine, RunSpec, Store
from digitcore.runs.prediction import RunModel
from digitcore.runs.training import split_for

KEPT = Path(__file__).parents[1] / "data" / "kept_store"
TRAINED = {"01726f528a6053dbfbb5": "softmax", "835fcd7d733104f6bfa4": "mlp", "4c7ab98903b64aa3fef9": "cnn"}
STOPPED = "9d2ab8ffbb336467b85d"
SWEEP = ("402bcb477abb5cd47a7e", "ec599516a6672e439d66")


@pytest.fixture
def kept_engine(tmp_path, monkeypatch):
    """An engine on a copy of the kept store."""
    home = tmp_path / "home"
    shutil.copytree(KEPT, home)
    monkeypatch.setenv("DIGITCORE_HOME", str(home))
    with Engine(Store()) as engine:
        yield engine


def test_every_run_is_listed(kept_engine):
    assert {run.digest for run in kept_engine.store.recent()} >= {*TRAINED, STOPPED}
    assert {run.digest for run in kept_engine.store.recent(background=True)} == {*TRAINED, STOPPED, *SWEEP}


@pytest.mark.parametrize("digest", [*TRAINED, STOPPED, *SWEEP])
def test_a_run_has_its_digest_its_epochs_and_its_arrays(kept_engine, digest):
    run = kept_engine.run(digest)
    assert run.spec.digest == digest == RunSpec.from_json(run.spec.canonical_json).digest
    assert run.state == ("cancelled" if digest == STOPPED else "done")
    assert [epoch.number for epoch in run.epochs] == list(range(1, run.evaluation.n_epochs + 1))
    assert all(np.isfinite(array).all() for array in kept_engine.arrays(digest).values())


@pytest.mark.parametrize("digest", [*TRAINED, STOPPED])
def test_its_model_answers_as_it_did(kept_engine, digest):
    run, arrays = kept_engine.run(digest), kept_engine.arrays(digest)
    model = RunModel(run, arrays, load_dataset("digits").class_names)
    for part in split_for(run.spec).parts:
        answers = np.array([model.probabilities(image) for image in part.images])
        # It answered for all images at once, in float32.
        np.testing.assert_allclose(answers, arrays[f"probabilities.{part.name}"], atol=2e-6)


@pytest.mark.parametrize("digest", TRAINED)
def test_it_is_not_trained_again(kept_engine, digest):
    before = kept_engine.run(digest)
    after = kept_engine.submit(before.spec)
    assert (after.state, after.created_at) == ("done", before.created_at)
    assert kept_engine.active() == []


@pytest.mark.parametrize("digest", TRAINED)
def test_trained_again_elsewhere_it_comes_out_the_same(kept_engine, tmp_path, digest):
    run, arrays = kept_engine.run(digest), kept_engine.arrays(digest)
    with Engine(Store(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "weights"), n_workers=1) as other:
        again = other.wait(other.submit(run.spec).digest, 60)
        for part in ("train", "validation", "test"):
            # Another processor may add in another order.
            name = f"probabilities.{part}"
            np.testing.assert_allclose(other.arrays(digest)[name], arrays[name], atol=1e-4)
    assert again.evaluation.best_epoch == run.evaluation.best_epoch


def test_the_experiment_is_there(kept_engine):
    (kept,) = kept_engine.store.recent_experiments("sweep")
    runner = ExperimentRunner(kept_engine)
    experiment = runner.experiment(kept.digest)
    runner.close()
    assert experiment.state == "done"
    assert {member.digest for member in experiment.members} == set(SWEEP)
