import numpy as np
import pytest

from digitcore.insight.stepper import Stepper
from digitcore.models import MLP, SoftmaxRegression


@pytest.fixture
def images(digits):
    X, y = digits
    return X[:100].astype(np.float32), y[:100]


def test_it_goes_as_far_as_it_is_told_and_ends_where_fit_ends(images):
    settings = {"hidden_units": (12,), "epochs": 2, "random_state": 3, "device": "cpu"}
    stepper = Stepper(MLP(**settings), *images)
    assert stepper.n_left_in_epoch == 4
    stepper.step()
    assert (stepper.batch.epoch, stepper.batch.number, stepper.n_left_in_epoch) == (1, 2, 3)
    stepper.step(stepper.n_left_in_epoch)
    assert (stepper.batch.epoch, stepper.batch.number) == (2, 1)
    stepper.step(1000)
    assert stepper.batch is None
    assert stepper.n_left_in_epoch == 0
    assert stepper.gradients() == {}
    whole = MLP(**settings).fit(*images)
    for name, weights in whole.get_weights().items():
        np.testing.assert_array_equal(stepper.model.get_weights()[name], weights)


def test_the_losses_are_those_before_each_update(images):
    X, y = images
    stepper = Stepper(SoftmaxRegression(epochs=1, batch_size=50, random_state=0), X, y)
    stepper.step(2)
    # All weights are 0 at first: every class is as likely as the others.
    assert stepper.losses[0] == pytest.approx(np.log(10))
    assert stepper.losses[1] < stepper.losses[0]
    assert stepper.losses_table().to_dict("list") == {"batch": [1, 2], "loss": stepper.losses}


def test_the_gradient_is_that_of_the_next_batch(images):
    stepper = Stepper(SoftmaxRegression(epochs=1, learning_rate=0.5, random_state=0), *images)
    gradient, before = stepper.gradients()["output.weight"], stepper.model.get_weights()["output.weight"]
    stepper.step()
    np.testing.assert_allclose(stepper.model.get_weights()["output.weight"], before - 0.5 * gradient, atol=1e-6)


def test_many_losses_are_thinned_from_the_first_to_the_last(images):
    stepper = Stepper(SoftmaxRegression(epochs=10, batch_size=1, random_state=0), *images)
    stepper.step(1000)
    table = stepper.losses_table()
    assert len(table) == 300
    assert table["batch"].iloc[[0, -1]].tolist() == [1, 1000]
    assert table["loss"].tolist() == [stepper.losses[batch - 1] for batch in table["batch"]]


def test_no_time_is_no_step(images):
    stepper = Stepper(SoftmaxRegression(epochs=1, random_state=0), *images)
    stepper.step(100, seconds=-1)
    assert stepper.losses == []


def test_a_training_that_diverges_says_so_and_ends(images):
    X, y = images
    stepper = Stepper(SoftmaxRegression(learning_rate=1000.0, random_state=0), np.float32(1e37) * X, y)
    stepper.step(1000)
    assert stepper.batch is None
    assert stepper.problem.startswith("The training diverged")
