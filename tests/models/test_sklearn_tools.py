"""scikit-learn's own tools for experiments work on the estimators as on any other."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, KFold, cross_validate, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
def test_cross_validate(estimator, images):
    found = cross_validate(estimator, *images, cv=KFold(3, shuffle=True, random_state=0), return_train_score=True)
    assert found["test_score"].shape == (3,)
    assert (found["test_score"] > 0.5).all()
    assert found["train_score"].mean() > found["test_score"].mean() - 0.02


@pytest.mark.parametrize("estimator", estimators(), ids=lambda estimator: type(estimator).__name__)
def test_grid_search_finds_the_rate_that_learns(estimator, images):
    search = GridSearchCV(estimator, {"learning_rate": [1e-6, 0.01]}, cv=2).fit(*images)
    assert search.best_params_ == {"learning_rate": 0.01}
    assert search.score(*images) > 0.7


@pytest.mark.parametrize("estimator", estimators(), ids=lambda estimator: type(estimator).__name__)
def test_learning_curve(estimator, images):
    sizes, train, test = learning_curve(estimator, *images, train_sizes=[30, 300], cv=2, shuffle=True, random_state=0)
    assert list(sizes) == [30, 300]
    assert test.mean(axis=1)[1] > test.mean(axis=1)[0]
    assert train.shape == (2, 2)


def test_a_pipeline_can_be_searched(images):
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression(epochs=3, random_state=0))
    search = GridSearchCV(pipeline, {"softmaxregression__batch_size": [32, None]}, cv=2).fit(*images)
    assert search.best_params_ == {"softmaxregression__batch_size": 32}
