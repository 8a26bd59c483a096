"""What MLP and CNN share: batches, blocks, randomness."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from digitcore.models import CNN, MLP
from digitcore.models.hyperparameters import OPTIMIZERS
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.network import TorchNetwork
from digitcore.models.torch_backend.updates import Rule

SMALL = {
    "mlp": lambda **settings: MLP(**{"dropout": 0.2, "epochs": 2, "random_state": 0} | settings),
    "cnn": lambda **settings: CNN(
        **{"channels": (4,), "hidden_units": (8,), "epochs": 2, "random_state": 0} | settings
    ),
}


@pytest.fixture(params=SMALL)
def small(request):
    """Returns a small network with dropout, two epochs and a seed, unless told otherwise."""
    return SMALL[request.param]


def same_weights(first: TorchNetwork, second: TorchNetwork) -> bool:
    others = second.get_weights()
    return all(np.array_equal(array, others[name]) for name, array in first.get_weights().items())


def test_same_seed_gives_the_same_bits(small, digits):
    assert same_weights(small().fit(*digits, digits), small().fit(*digits, digits))


def test_another_seed_gives_other_weights(small, digits):
    assert not same_weights(small().fit(*digits), small(random_state=1).fit(*digits))


def test_validation_data_does_not_change_the_training(small, digits):
    assert same_weights(small().fit(*digits), small().fit(*digits, digits))


@pytest.mark.parametrize("initialization", ["torch", "xavier"])
def test_torchs_global_random_numbers_and_threads_are_left_alone(small, digits, initialization):
    before, n_threads = torch.get_rng_state(), torch.get_num_threads()
    small(initialization=initialization).fit(*digits, digits).predict(digits[0])
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == n_threads


def test_training_does_not_depend_on_torchs_global_random_numbers(small, digits):
    with torch.random.fork_rng():
        first = small().fit(*digits)
        torch.manual_seed(12345)
        assert same_weights(first, small().fit(*digits))


@pytest.mark.parametrize("batch_size", [1, 7, 13, 14, None])
def test_every_image_is_used_once_in_an_epoch(small, digits, batch_size, monkeypatch):
    X, y = digits[0][:13].copy(), np.arange(13) % 3
    seen = []
    one_batch = torch_network.NetworkTraining._one_batch

    def watched(self, X, y):
        seen.append(X.numpy().copy())
        return one_batch(self, X, y)

    monkeypatch.setattr(torch_network.NetworkTraining, "_one_batch", watched)
    small(batch_size=batch_size, epochs=1).fit(X, y)
    rows = np.concatenate(seen)
    assert [len(batch) for batch in seen] == {1: [1] * 13, 7: [7, 6], 13: [13], 14: [13], None: [13]}[batch_size]
    assert sorted(rows.tolist()) == sorted(X.tolist())


def test_batches_come_in_a_new_order_each_epoch(digits, monkeypatch):
    firsts = []
    one_batch = torch_network.NetworkTraining._one_batch

    def watched(self, X, y):
        firsts.append(X[0].tolist())
        return one_batch(self, X, y)

    monkeypatch.setattr(torch_network.NetworkTraining, "_one_batch", watched)
    MLP(batch_size=300, epochs=2, random_state=0).fit(*digits)
    assert firsts[0] != firsts[2]


def test_one_image_is_enough(small):
    X = np.linspace(0, 1, 64)[None]
    assert small().fit(X, ["only"]).predict(X).tolist() == ["only"]


def test_one_class_is_certain(small, digits):
    model = small().fit(digits[0], np.full(600, 4))
    assert model.predict_proba(digits[0][:2]).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("batch_size", [50, 100, None])
def test_batch_in_several_blocks_is_the_same_step(digits, batch_size, monkeypatch):
    whole = MLP(batch_size=batch_size, epochs=3, learning_rate=0.1, random_state=0).fit(*digits, digits)
    monkeypatch.setattr(torch_network, "_VALUES_AT_ONCE", 37 * (64 + 32 + 16 + 10))
    blocks = MLP(batch_size=batch_size, epochs=3, learning_rate=0.1, random_state=0).fit(*digits, digits)
    assert blocks._at_once == 37
    for name, array in whole.get_weights().items():
        np.testing.assert_allclose(blocks.get_weights()[name], array, atol=1e-5)
    for one, other in zip(blocks.history_, whole.history_, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert one.train_accuracy == other.train_accuracy
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-5)
        assert one.validation_accuracy == other.validation_accuracy


def test_predictions_in_several_blocks_are_the_same(small, digits, monkeypatch):
    model = small().fit(*digits)
    expected = model.predict_proba(digits[0])
    model._at_once = 11
    np.testing.assert_allclose(model.predict_proba(digits[0]), expected, rtol=1e-4, atol=1e-7)


def test_training_figures_are_means_over_the_batches_as_they_were_trained(digits):
    """With a step too small to change anything, they are the untrained network's."""
    X, y = digits
    model = MLP(epochs=1, learning_rate=1e-8, batch_size=64, random_state=0)
    epochs = model.iter_fit(X, y)
    truth = model.predict_proba(X)[np.arange(600), y]
    accuracy = model.score(X, y)
    epoch = next(epochs)
    assert epoch.train_loss == pytest.approx(-np.log(truth).mean(), rel=1e-5)
    assert epoch.train_accuracy == accuracy


def test_dropout_is_on_while_training_and_off_while_evaluating(digits):
    X, y = digits
    model = MLP(hidden_units=(200,), dropout=0.9, epochs=30, learning_rate=0.3, random_state=0).fit(X, y, (X, y))
    last = model.history_[-1]
    assert last.validation_accuracy > last.train_accuracy + 0.05
    assert last.validation_loss < last.train_loss


def test_dropout_is_off_while_predicting_between_epochs(small, digits):
    for _ in small().iter_fit(*digits):
        pass
    model = small(epochs=3)
    for _ in model.iter_fit(*digits):
        assert np.array_equal(model.predict_proba(digits[0]), model.predict_proba(digits[0]))


def test_probabilities_are_float32(small, digits):
    assert small().fit(digits[0].astype(float), digits[1]).predict_proba(digits[0]).dtype == np.float32


@pytest.fixture
def _every_torch_warning():
    """Have torch warn each time, not once in a process."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


@pytest.mark.usefixtures("_every_torch_warning")
@pytest.mark.filterwarnings("error")
def test_read_only_images_are_taken_without_a_warning(small, digits):
    X, y = digits
    assert not X.flags.writeable
    small().fit(X, y, (X, y)).predict(X)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns_the_digits(optimizer, digits):
    X, y = digits
    rate = {"sgd": 0.05, "adagrad": 0.05, "rmsprop": 0.01}.get(optimizer, 0.02)
    model = MLP(epochs=15, learning_rate=rate, optimizer=optimizer, momentum=0.9, random_state=0)
    assert model.fit(X[:450], y[:450]).score(X[450:], y[450:]) > 0.8


@pytest.fixture
def _threads():
    """Have the number of torch's threads as it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_threads")
def test_threads_change_nothing_but_the_last_digits(small, digits):
    found = []
    for n_threads in (1, 2, 3):
        torch.set_num_threads(n_threads)
        found.append(small(batch_size=200).fit(*digits, digits))
    for other in found[1:]:
        for name, array in found[0].get_weights().items():
            np.testing.assert_allclose(other.get_weights()[name], array, atol=1e-5, err_msg=name)
        assert other.history_[-1].train_loss == pytest.approx(found[0].history_[-1].train_loss, rel=1e-5)


EVALUATION = """
import resource
import numpy as np
from digitcore.models import CNN

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

rng = np.random.default_rng(0)
X = rng.random((20_000, 784), dtype=np.float32)
model = CNN(pool_stride=1, epochs=1, random_state=0).fit(X[:64], np.arange(64) % 10)
before = peak_mb()
assert model.predict_proba(X).shape == (20_000, 10)
print(peak_mb() - before)
"""


def test_evaluation_of_20000_images_stays_within_500_mb_above_them():
    done = subprocess.run([sys.executable, "-c", EVALUATION], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 500


def test_gradients_are_let_go_after_the_training(small, digits):
    assert all(weights.grad is None for weights in small().fit(*digits).module_.parameters())


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_running_means_of_a_pixel_that_was_lit_long_ago_become_zero(optimizer, digits):
    torch.set_num_threads(2)  # a single thread takes such small numbers for zero anyway
    X, y = np.tile(digits[0][:100], (15, 1)), np.tile(digits[1][:100], 15)
    X[:, 0] = 0
    X[0, 0] = 16
    model = MLP(hidden_units=(3,), optimizer=optimizer, rho=0.9, batch_size=1, epochs=2, random_state=0)
    training = model.iter_fit(X, y)
    next(training)
    means = [array for name, array in model.checkpoint().items() if name in ("optimizer.mean", "optimizer.square")]
    assert means
    for mean in means:
        assert mean.any()
        assert not ((mean != 0) & (abs(mean) < 1e-37)).any()


def test_an_undefined_running_mean_is_not_forgotten():
    settings = {"optimizer": "adam", "learning_rate": 0.1, "momentum": 0.0, "rho": 0.9, "epsilon": 1e-8}
    rule = Rule(settings, torch.zeros(4), torch.zeros(4))
    for mean in (rule.state["mean"], rule.state["square"]):
        mean.copy_(torch.tensor([1e-32, 1e-20, torch.inf, torch.nan]))
    rule.forget()
    for mean in (rule.state["mean"], rule.state["square"]):
        np.testing.assert_array_equal(mean.numpy(), np.array([0, 1e-20, np.inf, np.nan], dtype=np.float32))
