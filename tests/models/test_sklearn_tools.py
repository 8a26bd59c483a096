"""scikit-learn's own tools for experiments work on the estimators as on any other."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, KFold, cross_validate, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from digitcore.models import CNN, MLP, SoftmaxRegression


def estimators():
    training = dict(epochs=8, optimizer="adam", learning_rate=0.01, random_state=0)
    return [
        SoftmaxRegression(**training),
        MLP(hidden_units=(16,), **training),
        CNN(channels=(4,), hidden_units=(16,), image_shape=(8, 8), **training),
    ]


@pytest.fixture(scope="module")
def images():
    X, y = load_digits(return_X_y=True)
    return (X[:600] / 16).astype(np.float32), y[:600]


@pytest.mark.parametrize("estimator", estimators(), ids=lambda estimator: type(estimator).__name__)
def test_clone_of_a_trained_estimator_is_untrained_with_the_same_parameters(estimator, images):
    trained = clone(estimator).set_params(epochs=1).fit(*images)
    copy = clone(trained)
    assert copy.get_params() == trained.get_params()
    assert not hasattr(copy, "classes_")


@pytest.mark.parametrize("estimator", estimators(), ids=lambda estimator: type(estimator).__name__)
def test_cross_validate(estimator, images):
    found = cross_validate(estimator, *images, cv=KFold(3, shuffle=True, random_state=0), return_train_score=True)
    assert found["test_score"].shape == (3,)
    assert (found["test_score"] > 0.5).all()
    assert found["train_score"].mean() > found["test_score"].mean() - 0.02


@pytest.mark.parametrize("estimator", estimators(), ids=lambda estimator: type(estimator).__name__)
def test_grid_search_finds_the_rate_that_learns(estimator, images):
    search = GridSearchCV(estimator, {"learning_rate": [1e-6, 0.01]}, cv=2).fit(*images)
    assert search.best_params_ == {"learning_rate": 0.01}
    assert np.diff(search.cv_results_["mean_test_score"]) > 0.1
    assert search.score(*images) > 0.7


@pytest.mark.parametrize("estimator", estimators(), ids=lambda estimator: type(estimator).__name__)
def test_learning_curve(estimator, images):
    sizes, train, test = learning_curve(estimator, *images, train_sizes=[30, 300], cv=2, shuffle=True, random_state=0)
    assert list(sizes) == [30, 300]
    assert test.mean(axis=1)[1] > test.mean(axis=1)[0]
    assert train.shape == (2, 2)


@pytest.mark.parametrize("estimator", estimators(), ids=lambda estimator: type(estimator).__name__)
def test_a_pipeline_can_be_searched(estimator, images):
    X, y = images
    name = f"{type(estimator).__name__.lower()}__batch_size"
    search = GridSearchCV(make_pipeline(MinMaxScaler(), estimator), {name: [32, None]}, cv=2).fit(16 * X, y)
    assert search.best_params_ == {name: 32}
