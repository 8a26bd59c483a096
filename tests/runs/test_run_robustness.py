import numpy as np
import pytest
from distributed.protocol.pickle import dumps, loads

from digitcore.datasets import load_dataset
from digitcore.evaluation.robustness import robustness_table
from digitcore.runs import Run, RunSpec
from digitcore.runs.arrays import RunArrays
from digitcore.runs.prediction import RunModel
from digitcore.runs.robustness import MOST_CORRUPTED, corrupted_positions, run_robustness
from digitcore.runs.training import split_for, train_spec


@pytest.fixture(scope="module", params=["softmax", "mlp"])
def kept(request):
    spec = RunSpec(dataset="digits", model=request.param, parameters={"epochs": 20, "batch_size": 32})
    outcome = train_spec(spec)
    return Run(spec, "done", evaluation=outcome.evaluation), outcome.arrays


def test_the_figures_are_those_of_the_runs_model(kept):
    run, arrays = kept
    table = run_robustness(run, RunArrays(arrays).weights, "test")
    part = split_for(run.spec).test
    model = RunModel(run, arrays, load_dataset("digits").class_names)
    expected = robustness_table(model.predict, part.images, part.labels, max_value=16)
    assert (table["n_right"] - expected["n_right"]).abs().max() <= 1
    clean = table[table["severity"] == 0]["accuracy"]
    assert clean.tolist() == [pytest.approx(run.figures["test"].accuracy)] * 12
    assert table["accuracy"].min() < clean.iloc[0] - 0.3


def test_what_a_worker_gets_can_be_sent(kept):
    run, arrays = kept
    sent, weights = loads(dumps((run, RunArrays(arrays).weights)))
    assert run_robustness(sent, weights, "test").equals(run_robustness(run, RunArrays(arrays).weights, "test"))


def test_of_many_images_some_are_drawn_the_same_each_time():
    np.testing.assert_array_equal(corrupted_positions(5), np.arange(5))
    drawn = corrupted_positions(10_000)
    assert len(set(drawn.tolist())) == MOST_CORRUPTED
    assert drawn.mean() == pytest.approx(5000, abs=250)
    np.testing.assert_array_equal(drawn, corrupted_positions(10_000))
