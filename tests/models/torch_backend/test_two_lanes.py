"""Convolutions in two threads: what torch's modules compute, and equal bits each time."""

import copy
import threading

import numpy as np
import pytest
import torch

from digitcore.models import CNN, MLP
from digitcore.models.architecture import plan
from digitcore.models.pauses import pauses
from digitcore.models.torch_backend import layers as torch_layers
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.kernels.dropout import Dropout
from digitcore.models.torch_backend.one_thread import OneThreadNetwork
from digitcore.models.torch_backend.two_lanes import (
    Drawn,
    TwoLaneNetwork,
    suits_two_lanes,
)
from digitcore.models.torch_backend.updates import named_weights
from tests.models.torch_backend.test_layers import NETWORKS, RULES, Watched, train_plainly

CNNS = {name: model for name, model in NETWORKS.items() if isinstance(model, CNN) and model.normalization == "none"}


@pytest.fixture
def two_lanes(monkeypatch):
    """Have every CNN trained in two lanes, in groups of few images."""
    monkeypatch.setattr(torch_network, "suits_one_thread", lambda layers: False)
    monkeypatch.setattr(torch_network, "suits_two_lanes", lambda layers, batch_size: True)
    monkeypatch.setattr(OneThreadNetwork, "_VALUES_IN_CACHE", 1500)


def train(name, digits, **settings):
    X, y = digits[0][:120] / digits[0].max(), digits[1][:120]
    model = copy.deepcopy(CNNS[name])
    return model.set_params(**{"epochs": 2, "batch_size": 50, "random_state": 0, **settings}).fit(
        X, y, (X[:40], y[:40])
    )


@pytest.mark.usefixtures("two_lanes")
@pytest.mark.parametrize("batch_size", [1, 7, None])
@pytest.mark.parametrize("network", CNNS)
def test_ten_steps_in_two_lanes_are_those_of_torchs_own_modules(network, batch_size, digits, monkeypatch):
    n_images = {1: 10, 7: 65, None: 23}[batch_size]
    X, y = digits[0][:n_images] / digits[0].max(), digits[1][:n_images]
    watched, rule = Watched(monkeypatch), "momentum" if network.startswith("cnn with") else "sgd"
    settings = {"epochs": 10 if batch_size is None else 1, "batch_size": batch_size, "random_state": 0}
    model = copy.deepcopy(CNNS[network]).set_params(**settings, **RULES[rule])
    training = model.iter_fit(X, y)
    plain = copy.deepcopy(model.module_).train()
    list(training)
    losses = train_plainly(plain, watched, rule)
    assert len(losses) == 10
    for name, weights in plain.state_dict().items():
        np.testing.assert_allclose(model.get_weights()[name], weights.numpy(), atol=1e-5, err_msg=name)


@pytest.mark.parametrize("network", ["cnn of two convolutions", "cnn with gelu", "cnn with wide windows"])
def test_one_lane_and_two_differ_by_rounding_alone_also_with_dropout(network, digits, monkeypatch):
    single = train(network, digits)
    monkeypatch.setattr(torch_network, "suits_one_thread", lambda layers: False)
    monkeypatch.setattr(torch_network, "suits_two_lanes", lambda layers, batch_size: True)
    monkeypatch.setattr(OneThreadNetwork, "_VALUES_IN_CACHE", torch_layers.Network._VALUES_IN_CACHE)
    double = train(network, digits)
    for name, weights in single.get_weights().items():
        np.testing.assert_allclose(double.get_weights()[name], weights, atol=1e-5, err_msg=name)
    assert double.history_[-1].validation_loss == pytest.approx(single.history_[-1].validation_loss, rel=1e-4)


@pytest.mark.usefixtures("two_lanes")
def test_equal_trainings_have_equal_bits(digits):
    weights = [train("cnn of two convolutions", digits).get_weights() for _ in range(3)]
    for other in weights[1:]:
        for name, array in weights[0].items():
            np.testing.assert_array_equal(other[name], array)


@pytest.mark.usefixtures("two_lanes")
def test_a_training_that_is_ended_between_two_batches_leaves_no_thread_behind(digits):
    class Ended(Exception):
        pass

    calls = []

    def end():
        calls.append(threading.active_count())
        if len(calls) == 7:
            raise Ended

    with pytest.raises(Ended), pauses(end, every_seconds=0):
        train("cnn of two convolutions", digits)
    assert not [each for each in threading.enumerate() if each.name.startswith("lane")]


@pytest.mark.usefixtures("two_lanes")
def test_what_fails_in_the_second_thread_is_raised(digits, monkeypatch):
    forward = torch_layers.FirstConvBlock.forward

    def failing(block, *arguments, **options):
        if threading.current_thread() is not threading.main_thread():
            raise MemoryError("in the second thread")
        return forward(block, *arguments, **options)

    monkeypatch.setattr(torch_layers.FirstConvBlock, "forward", failing)
    with pytest.raises(MemoryError, match="in the second thread"):
        train("cnn", digits)


def test_two_lanes_are_for_two_threads_and_for_networks_that_mostly_convolve(monkeypatch):
    def layers(model):
        return plan(model.MODEL_NAME, model._clean_settings(), (28, 28), 10)

    convolves = layers(CNN(channels=(16, 32), hidden_units=(64,)))
    others = [layers(CNN(channels=(32,), hidden_units=(128,))), layers(MLP(hidden_units=(512,)))]
    for n_threads, suits in ((1, False), (2, True), (8, False)):
        monkeypatch.setattr(torch, "get_num_threads", lambda n=n_threads: n)
        assert suits_two_lanes(convolves, 64) == suits
        assert not suits_two_lanes(convolves, 8)
        assert not any(suits_two_lanes(each, 64) for each in others)


def test_torch_takes_one_thread_in_each_lane_and_as_many_as_before_afterwards():
    layers = plan("cnn", CNN(channels=(4,))._clean_settings(), (8, 8), 10)
    model = CNN(channels=(4,), epochs=1).fit(np.eye(10, 64, dtype=np.float32), np.arange(10))
    network = TwoLaneNetwork(layers, named_weights(model.module_), (8, 8))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with network.at_work():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_levels_drawn_ahead_are_those_of_the_source():
    source, same = (Dropout(0.3, torch.Generator().manual_seed(1)) for _ in range(2))
    drawn = Drawn(source)
    for n_values in (100, 57):
        drawn.draw_ahead(n_values)
        parts = [drawn.draw(n_values - 20), drawn.draw(20)]
        np.testing.assert_array_equal(np.concatenate(parts), same.draw(n_values))
    assert (drawn.highest, drawn.scale) == (source.highest, source.scale)
    with pytest.raises(ValueError, match="20 levels are wanted, 0 were drawn ahead"):
        drawn.draw(20)


def test_two_lanes_go_no_way_alone_while_training():
    layers = plan("cnn", CNN(channels=(4,))._clean_settings(), (8, 8), 10)
    model = CNN(channels=(4,), epochs=1).fit(np.eye(10, 64, dtype=np.float32), np.arange(10))
    network = TwoLaneNetwork(layers, named_weights(model.module_), (8, 8))
    with pytest.raises(NotImplementedError):
        network.forward(torch.zeros(4, 64), training=True)
