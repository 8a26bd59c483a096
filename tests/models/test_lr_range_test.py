"""The learning-rate range test, beside slow plain ones."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone

from digitcore.errors import InvalidSetting
from digitcore.evaluation.lr_range import lr_range_table, suggested_learning_rate
from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.hyperparameters import OPTIMIZERS
from digitcore.models.lr_range_test import smoothed, until_hopeless
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.autograd import AcceleratorTraining
from digitcore.models.torch_backend.network import NetworkTraining

MODELS = {
    "softmax": SoftmaxRegression(epochs=2, random_state=0),
    "mlp": MLP(hidden_units=(20, 12), epochs=2, random_state=0),
    "cnn": CNN(channels=(4,), hidden_units=(9,), dropout=0.0, epochs=2, random_state=0),
}
TORCH_RULES = {
    "sgd": lambda weights: torch.optim.SGD(weights),
    "momentum": lambda weights: torch.optim.SGD(weights, momentum=0.9),
    "adam": lambda weights: torch.optim.Adam(weights, eps=1e-4),
    "amsgrad": lambda weights: torch.optim.Adam(weights, eps=1e-4, amsgrad=True),
    "adagrad": lambda weights: torch.optim.Adagrad(weights, eps=1e-4),
    "rmsprop": lambda weights: torch.optim.RMSprop(weights, eps=1e-4),
}


def settings_of(rule: str) -> dict:
    own = {"optimizer": "sgd", "momentum": 0.9} if rule == "momentum" else {"optimizer": rule}
    return {"epsilon": 1e-4, **own}


def plain_losses(weights, loss_of, batches, rule, rates) -> list[float]:
    """Return each batch's loss before its update by torch's own optimizer and automatic differentiation."""
    optimizer, losses = TORCH_RULES[rule](weights), []
    for (X, y), rate in zip(batches, rates, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = loss_of(torch.tensor(X), torch.tensor(y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("batch_size", [70, None])
@pytest.mark.parametrize("rule", TORCH_RULES)
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_losses_of_a_network_are_those_of_torchs_own_modules(name, rule, batch_size, digits, monkeypatch):
    X, y = digits[0][:300], digits[1][:300]
    model = clone(MODELS[name]).set_params(batch_size=batch_size, **settings_of(rule))
    batches, one_batch = [], NetworkTraining._one_batch

    def watched(training, X, y):
        batches.append((X.numpy().copy(), y.numpy().copy()))
        return one_batch(training, X, y)

    monkeypatch.setattr(NetworkTraining, "_one_batch", watched)
    rates, losses = model.learning_rate_range(X, y, lowest=1e-4, highest=0.03, n_steps=12)
    # The first weights of the same seed; twelve steps are more than two epochs.
    model.iter_fit(X, y)
    module = copy.deepcopy(model.module_).train()
    expected = plain_losses(module.parameters(), lambda X, y: F.cross_entropy(module(X), y), batches, rule, rates)
    assert losses == pytest.approx(expected, rel=1e-4)
    assert rates == pytest.approx(1e-4 * 300 ** (np.arange(12) / 11), rel=1e-12)


@pytest.mark.parametrize("batch_size", [70, None])
@pytest.mark.parametrize("rule", TORCH_RULES)
def test_losses_of_softmax_regression_are_those_of_torch(rule, batch_size, digits):
    X, y = digits[0][:300].astype(np.float64), digits[1][:300]
    model = clone(MODELS["softmax"]).set_params(batch_size=batch_size, **settings_of(rule))
    rates, losses = model.learning_rate_range(X, y, lowest=1e-3, highest=0.1, n_steps=12)
    order = np.random.RandomState(0)
    rows = [np.arange(300)] * 12
    if batch_size:
        rows = [part for _ in range(3) for part in np.split(order.permutation(300), [70, 140, 210, 280])][:12]
    weights = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in ((10, 64), (10,))]
    batches = [(X[part], y[part]) for part in rows]
    expected = plain_losses(weights, lambda X, y: F.cross_entropy(F.linear(X, *weights), y), batches, rule, rates)
    assert losses == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_an_accelerator_finds_the_same(name, optimizer, digits, monkeypatch):
    def elsewhere(module, layers, make_network, at_once, *others):
        return AcceleratorTraining(module, torch.device("cpu"), at_once, *others)

    model = clone(MODELS[name]).set_params(optimizer=optimizer, epsilon=1e-4)
    settings = {"lowest": 1e-4, "highest": 0.01, "n_steps": 40}
    here = model.learning_rate_range(*digits, **settings)
    monkeypatch.setattr(torch_network, "NetworkTraining", elsewhere)
    there = model.learning_rate_range(*digits, **settings)
    assert there.losses == pytest.approx(here.losses, rel=1e-3)


def test_at_a_tiny_rate_softmax_regression_stays_undecided(digits):
    rates, losses = MODELS["softmax"].learning_rate_range(*digits, lowest=1e-8, highest=1e-6, n_steps=50)
    assert len(rates) == len(losses) == 50
    assert losses == pytest.approx(np.log(10), abs=1e-4)


def test_dropout_is_on(digits):
    settings = {"lowest": 1e-8, "highest": 1e-7, "n_steps": 10}
    plain, dropped = (clone(MODELS["mlp"]).set_params(dropout=rate, batch_size=None) for rate in (0.0, 0.5))
    assert np.ptp(plain.learning_rate_range(*digits, **settings).losses) < 1e-5
    assert np.ptp(dropped.learning_rate_range(*digits, **settings).losses) > 1e-4


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("error")
def test_a_large_rate_ends_the_test_early_with_finite_losses(name, digits):
    rates, losses = MODELS[name].learning_rate_range(*digits, lowest=0.01, highest=1000.0, n_steps=200)
    assert 10 < len(rates) == len(losses) < 200
    assert np.isfinite(losses).all()
    assert rates.dtype == losses.dtype == np.float64


def test_losses_are_taken_until_one_is_four_times_the_lowest_smoothed_one():
    assert until_hopeless([1.0, 4.0, 1.0]) == [1.0, 4.0, 1.0]
    assert until_hopeless([1.0, 4.01, 1.0]) == [1.0, 4.01]
    # The mean of 2 and 1, the later one weighing more, is (0.9 * 2 + 1) / 1.9 = 1.474, four times which is 5.895.
    assert until_hopeless([2.0, 1.0, 5.89, 0.1]) == [2.0, 1.0, 5.89, 0.1]
    assert until_hopeless([2.0, 1.0, 5.90, 0.1]) == [2.0, 1.0, 5.90]


@pytest.mark.parametrize("end", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_is_left_out(end):
    assert until_hopeless([1.0, 2.0, end, 1.0]) == [1.0, 2.0]
    assert until_hopeless([end]) == []


def test_smoothed_losses_are_adams_means():
    assert list(smoothed([3.0, 1.0, 2.0])) == pytest.approx([3.0, 3.7 / 1.9, (0.81 * 3 + 0.9 + 2) / 2.71])


@pytest.mark.parametrize("name", MODELS)
def test_the_estimator_is_left_as_it_is(name, digits):
    fitted, untrained = clone(MODELS[name]).fit(*digits), clone(MODELS[name])
    probabilities, attributes = fitted.predict_proba(digits[0]), dict(vars(fitted))
    for model in (fitted, untrained):
        model.learning_rate_range(*digits, n_steps=20)
    assert vars(fitted) == attributes
    np.testing.assert_array_equal(fitted.predict_proba(digits[0]), probabilities)
    assert vars(untrained) == vars(MODELS[name])


def test_a_random_state_of_the_caller_does_not_move_on(digits):
    given = np.random.RandomState(3)
    clone(MODELS["mlp"]).set_params(random_state=given).learning_rate_range(*digits, n_steps=5)
    assert given.randint(10**6) == np.random.RandomState(3).randint(10**6)


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_losses(name, digits):
    one, other = (MODELS[name].learning_rate_range(*digits, n_steps=30) for _ in range(2))
    np.testing.assert_array_equal(one.losses, other.losses)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lowest": 0}, "lowest must be a number from 1e-08 to 1000, got 0"),
        ({"lowest": -0.1}, "lowest must be a number from 1e-08 to 1000, got -0.1"),
        ({"highest": np.inf}, "highest must be a number from 1e-08 to 1000, got inf"),
        ({"highest": "1"}, "must be a number from 1e-08 to 1000, got '1'"),
        ({"lowest": 0.1, "highest": 0.1}, "lowest must be below highest, got 0.1 and 0.1"),
        ({"lowest": 0.1, "highest": 0.01}, "lowest must be below highest, got 0.1 and 0.01"),
        ({"n_steps": 1}, "n_steps must be a whole number from 2 to 10000, got 1"),
        ({"n_steps": 10_001}, "n_steps must be a whole number from 2 to 10000, got 10001"),
        ({"n_steps": 2.5}, "n_steps must be a whole number from 2 to 10000, got 2.5"),
    ],
)
def test_bad_settings_are_refused(settings, message, digits):
    with pytest.raises(InvalidSetting, match=message):
        MODELS["softmax"].learning_rate_range(*digits, **settings)


def test_bad_hyperparameters_are_refused(digits):
    with pytest.raises(InvalidSetting, match="epochs must be"):
        clone(MODELS["mlp"]).set_params(epochs=0).learning_rate_range(*digits)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_suggested_rate_trains_well_and_a_hundredth_of_it_does_not(optimizer, digits):
    X, y = digits
    model = MLP(epochs=40, optimizer=optimizer, random_state=0)
    rate = suggested_learning_rate(lr_range_table(*model.learning_rate_range(X[:450], y[:450], n_steps=300)))
    good, slow = (
        clone(model).set_params(learning_rate=each).fit(X[:450], y[:450]).score(X[450:], y[450:])
        for each in (rate, rate / 100)
    )
    assert good > 0.75
    assert good > slow + 0.3
