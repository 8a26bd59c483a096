"""Training by torch's own layers, tried on the processor: what it computes is the same on any device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from digitcore.errors import DivergedError, InvalidSetting
from digitcore.models import CNN, MLP
from digitcore.models.architecture import plan
from digitcore.models.hyperparameters import ACTIVATIONS, OPTIMIZERS
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.autograd import AcceleratorTraining, choose_device

NETWORKS = {
    "mlp": lambda **settings: MLP(**{"epochs": 2, "random_state": 0} | settings),
    "cnn": lambda **settings: CNN(
        **{"channels": (4,), "hidden_units": (8,), "dropout": 0.0, "epochs": 2, "random_state": 0} | settings
    ),
}
SMALL = plan("mlp", {}, (8, 8), 10)
LARGE = plan("cnn", {}, (28, 28), 10)


@pytest.fixture(params=NETWORKS)
def network(request):
    """Returns a network without dropout, two epochs and a seed, unless told otherwise."""
    return NETWORKS[request.param]


@pytest.fixture
def other_way(monkeypatch):
    """Lets networks train as on an accelerator, here."""

    def start(module, layers, make_network, at_once, *others):
        return AcceleratorTraining(module, torch.device("cpu"), at_once, *others)

    return lambda: monkeypatch.setattr(torch_network, "NetworkTraining", start)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [32, None])
def test_both_ways_compute_the_same(network, optimizer, batch_size, digits, other_way):
    X, y = digits[0][:300], digits[1][:300]
    # With torch's tiny epsilon a weight whose gradient is all rounding would take a whole step either way.
    settings = {"optimizer": optimizer, "batch_size": batch_size, "learning_rate": 0.005, "epsilon": 1e-4}
    fast = network(**settings).fit(X, y, (X[:50], y[:50]))
    other_way()
    plain = network(**settings).fit(X, y, (X[:50], y[:50]))
    for one, other in zip(fast.history_, plain.history_, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-5)
        assert one.validation_loss == pytest.approx(other.validation_loss, abs=1e-5)
        assert one.validation_accuracy == other.validation_accuracy
    others = plain.get_weights()
    for name, weights in fast.get_weights().items():
        np.testing.assert_allclose(weights, others[name], atol=1e-5)


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "relu"])
def test_both_ways_compute_the_same_with_every_activation(network, activation, digits, other_way):
    settings = {"activation": activation, "learning_rate": 0.05, "momentum": 0.9, "initialization": "he"}
    fast = network(**settings).fit(*digits, digits)
    other_way()
    plain = network(**settings).fit(*digits, digits)
    assert fast.history_[-1].train_loss == pytest.approx(plain.history_[-1].train_loss, abs=1e-5)
    assert fast.history_[-1].validation_loss == pytest.approx(plain.history_[-1].validation_loss, abs=1e-5)


def test_a_batch_in_several_blocks_is_the_same_step(digits, other_way, monkeypatch):
    other_way()
    whole = NETWORKS["cnn"](batch_size=200).fit(*digits)
    monkeypatch.setattr(torch_network, "_VALUES_AT_ONCE", 20_000)
    parts = NETWORKS["cnn"](batch_size=200).fit(*digits)
    assert parts._at_once < 200
    np.testing.assert_allclose(parts.predict_proba(digits[0]), whole.predict_proba(digits[0]), atol=1e-4)


def test_dropout_leaves_torchs_global_random_numbers_alone_and_follows_the_seed(network, digits, other_way):
    other_way()
    before = torch.get_rng_state()
    first = network(dropout=0.4).fit(*digits)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    again, another = network(dropout=0.4).fit(*digits), network(dropout=0.4, random_state=1).fit(*digits)
    assert [epoch.train_loss for epoch in first.history_] == [epoch.train_loss for epoch in again.history_]
    assert [epoch.train_loss for epoch in first.history_] != [epoch.train_loss for epoch in another.history_]


def test_the_model_predicts_with_the_weights_of_the_last_epoch(network, digits, other_way):
    other_way()
    model = network()
    for _ in model.iter_fit(*digits, digits):
        shown = model.history_[-1].validation_accuracy
        assert (model.predict(digits[0]) == digits[1]).mean() == pytest.approx(shown)


def test_a_training_that_diverges_is_noticed(digits, other_way):
    other_way()
    with pytest.raises(DivergedError, match="diverged in epoch 1"):
        NETWORKS["mlp"](learning_rate=1000.0).fit(digits[0] * 1e18, digits[1])


def test_auto_takes_an_accelerator_for_a_large_step_only(monkeypatch):
    assert choose_device("auto", LARGE, 32).type == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    assert choose_device("auto", LARGE, 32).type == "cuda"
    assert choose_device("auto", SMALL, 32).type == "cpu"
    assert choose_device("cpu", LARGE, 32).type == "cpu"


@pytest.mark.skipif(torch.accelerator.is_available(), reason="this machine has an accelerator")
def test_a_device_that_is_not_there_is_named(network, digits):
    with pytest.raises(InvalidSetting, match="device 'cuda' is not on this machine"):
        network(device="cuda").fit(*digits)


@pytest.mark.parametrize("wanted", ["gpu", "", 7.5])
def test_an_unknown_device_is_refused(network, digits, wanted):
    with pytest.raises(InvalidSetting, match="device must be"):
        network(device=wanted).fit(*digits)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA card here")
def test_cuda_learns_what_the_processor_learns(digits):
    settings = {"epochs": 5, "learning_rate": 0.1, "batch_size": 64}
    here = NETWORKS["cnn"](device="cpu", **settings).fit(*digits, digits)
    there = NETWORKS["cnn"](device="cuda", **settings).fit(*digits, digits)
    assert there.history_[-1].validation_loss == pytest.approx(here.history_[-1].validation_loss, abs=1e-2)
