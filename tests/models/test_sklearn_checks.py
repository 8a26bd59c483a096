"""scikit-learn's own checks, and its tools, on the three estimators."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from digitcore.models import CNN, MLP, SoftmaxRegression

# Small and quick: what is checked is how an estimator behaves, not how well it learns.
ESTIMATORS = [
    SoftmaxRegression(epochs=20, learning_rate=0.1),
    MLP(epochs=20, learning_rate=0.1),
    CNN(epochs=20, learning_rate=0.1, channels=(4,), padding="same", pool_size=1, dropout=0.0, hidden_units=(8,)),
]
IDS = ["softmax", "mlp", "cnn"]


def expected_failures(estimator) -> dict[str, str]:
    """Checks that cannot hold, with the reason: none."""
    return {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_estimator_passes_scikit_learns_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=IDS)
def test_clone_of_a_trained_estimator_is_untrained_with_the_same_parameters(estimator, digits):
    trained = clone(estimator).set_params(epochs=1).fit(*digits)
    copy = clone(trained)
    assert copy.get_params() == trained.get_params()
    assert not hasattr(copy, "classes_")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=IDS)
def test_cross_validate_in_a_pipeline_scores_every_fold(estimator, digits):
    X, y = digits
    pipeline = make_pipeline(
        MinMaxScaler(), clone(estimator).set_params(epochs=15, learning_rate=0.01, optimizer="adam", random_state=0)
    )
    scores = cross_validate(pipeline, X * 16, y, cv=3)["test_score"]
    assert (scores > 0.6).all()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=IDS)
def test_grid_search_finds_the_learning_rate_that_learns(estimator, digits):
    model = clone(estimator).set_params(epochs=15, optimizer="adam", random_state=0)
    search = GridSearchCV(model, {"learning_rate": [1e-6, 0.01]}, cv=2).fit(*digits)
    assert search.best_params_ == {"learning_rate": 0.01}
    assert np.diff(search.cv_results_["mean_test_score"]) > 0.1
