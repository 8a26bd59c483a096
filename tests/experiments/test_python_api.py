import math

import pytest

from digitcore.errors import InvalidSetting
from digitcore.experiments import Range, cross_validate, learning_curve, sweep
from digitcore.models import CNN
from digitcore.runs import train_spec


class Bar:
    """What tqdm gives: a total, update and close."""

    last = None

    def __init__(self, total):
        self.total, self.n, self.closed = total, 0, False
        Bar.last = self

    def update(self, n):
        self.n += n

    def close(self):
        self.closed = True


@pytest.mark.parametrize("with_engine", [False, True])
def test_cross_validation_gives_a_row_a_fold(quick, with_engine, request):
    engine = request.getfixturevalue("experiment_engine") if with_engine else None
    table = cross_validate(quick(), 4, engine=engine)
    assert list(table["fold"]) == [1, 2, 3, 4]
    second = quick(split={"validation": "fold", "n_folds": 4, "fold": 2})
    alone = train_spec(second).evaluation.parts["validation"].accuracy
    assert table["validation_accuracy"][1] == alone
    assert list(table["state"]) == ["done"] * 4


def test_a_sweep_is_the_same_with_and_without_an_engine(quick, experiment_engine):
    values = {"learning_rate": Range(0.01, 1, 3, "log"), "scaling": ["unit", "raw"]}
    here = sweep(quick(1), values, n_seeds=2)
    there = sweep(quick(1), values, n_seeds=2, engine=experiment_engine)
    own = ["seconds"]
    assert len(here) == 12
    assert here.drop(columns=own).equals(there.drop(columns=own))


def test_a_learning_curve_has_all_sizes_and_repeats(quick):
    table = learning_curve(quick(), [50, 500], n_repeats=2)
    assert list(zip(table["n_train"], table["repeat"], strict=True)) == [(50, 1), (50, 2), (500, 1), (500, 2)]


@pytest.mark.parametrize("with_engine", [False, True])
def test_progress_is_told_as_to_tqdm(quick, with_engine, request):
    engine = request.getfixturevalue("experiment_engine") if with_engine else None
    cross_validate(quick(5), 3, engine=engine, progress=Bar)
    bar = Bar.last
    assert (bar.total, bar.n, bar.closed) == (3, 3, True)


def test_a_bar_grows_with_what_halving_adds(quick):
    sweep(quick(epochs=9), {"learning_rate": Range(0.01, 1, 9)}, factor=3, progress=Bar)
    bar = Bar.last
    assert bar.n == bar.total >= 13
    assert bar.closed


def test_a_training_that_diverges_fails_alone(quick):
    spec = quick(epochs=50).with_changes(model="mlp", scaling="raw")
    table = sweep(spec, {"learning_rate": [0.001, 1000.0]})
    assert list(table["state"]) == ["done", "failed"]
    assert "diverged" in table["reason"][1]
    assert math.isnan(table["score"][1])


def test_what_is_wrong_is_told_before_anything_is_trained(quick):
    with pytest.raises(InvalidSetting, match="Did you mean 'learning_rate'"):
        sweep(quick(), {"lerning_rate": [1]})


@pytest.mark.parametrize(
    "experiment",
    [
        lambda given: cross_validate(given, 3),
        lambda given: sweep(given, {"learning_rate": [0.1]}),
        lambda given: learning_curve(given, [50]),
    ],
    ids=["cross_validate", "sweep", "learning_curve"],
)
def test_an_estimator_is_refused_with_the_way_to_go_on(experiment):
    with pytest.raises(
        InvalidSetting,
        match=r"^spec must be a RunSpec, such as RunSpec\(dataset='digits', model='cnn'\), got CNN\(\); "
        r"estimators are for cross_validate, GridSearchCV and learning_curve of sklearn.model_selection$",
    ):
        experiment(CNN())
