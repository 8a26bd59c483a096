"""Networks that are trained in one thread: when they are, with which threads of libraries, and with equal bits."""

import numpy as np
import pytest
import scipy.linalg.cython_blas  # noqa: F401 (its library must be loaded to be found)
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from digitcore.models import CNN, MLP
from digitcore.models.architecture import plan
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.one_thread import one_blas_thread, suits_one_thread


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(digits, **settings):
    X, y = digits[0][:120] / digits[0].max(), digits[1][:120]
    settings = {"channels": (3, 5), "kernel_size": 2, "epochs": 2, "batch_size": 50, "random_state": 0, **settings}
    return CNN(**settings).fit(X, y, (X[:40], y[:40]))


def layers(model):
    return plan(model.MODEL_NAME, model._clean_settings(), (28, 28), 10)


@pytest.mark.usefixtures("one_thread")
def test_it_is_for_networks_that_convolve_without_normalisation():
    assert suits_one_thread(layers(CNN()))
    assert not suits_one_thread(layers(CNN(normalization="batch")))
    assert not suits_one_thread(layers(MLP()))


def test_it_is_for_one_thread(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not suits_one_thread(layers(CNN()))


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("settings", [{}, {"optimizer": "sgd", "momentum": 0.9}, {"activation": "gelu"}])
def test_equal_trainings_have_equal_bits_whatever_threads_the_libraries_have(settings, digits):
    first = train(digits, **settings).get_weights()
    with threadpool_limits(1):
        second = train(digits, **settings).get_weights()
    for name, weights in first.items():
        np.testing.assert_array_equal(second[name], weights)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("most_weights", [0, 2**18])
def test_it_trains_as_torchs_own_operations_do(most_weights, digits, monkeypatch):
    monkeypatch.setattr("digitcore.models.torch_backend.one_thread.MOST_WEIGHTS", most_weights)
    ours = train(digits)
    monkeypatch.setattr(torch_network, "suits_one_thread", lambda layers: False)
    theirs = train(digits)
    for name, weights in theirs.get_weights().items():
        np.testing.assert_allclose(ours.get_weights()[name], weights, atol=1e-5, err_msg=name)


def test_products_take_one_thread_each_while_it_is_at_work_and_as_many_as_before_afterwards():
    def n_threads():
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        assert n_threads() == {2}
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)  # as two threads may: not the last who came goes first
        assert n_threads() == {1}
        second.__exit__(None, None, None)
        assert n_threads() == {2}


def test_a_batch_of_several_blocks_adds_up_their_gradients(digits, monkeypatch):
    monkeypatch.setattr(torch_network, "suits_one_thread", lambda layers: True)
    whole = train(digits)
    monkeypatch.setattr(torch_network, "_VALUES_AT_ONCE", 1000)
    apart = train(digits)
    for name, weights in whole.get_weights().items():
        np.testing.assert_allclose(apart.get_weights()[name], weights, atol=1e-5, err_msg=name)
