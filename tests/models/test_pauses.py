import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from digitcore.errors import DivergedError, Interrupted, InvalidSetting
from digitcore.models import make_model
from digitcore.models.pauses import pause, pauses


class Counter:
    """Counts pauses; ends what is under way at one of them."""

    def __init__(self, end_at=None):
        self.n, self.end_at = 0, end_at

    def __call__(self):
        self.n += 1
        if self.n == self.end_at:
            raise Interrupted("Enough")


def fit_until(model, data, pause_number, validation_data=None):
    epochs = []
    with pauses(Counter(pause_number), 0), pytest.raises(Interrupted):
        for epoch in model.iter_fit(*data, validation_data):
            epochs.append(epoch.number)
    return epochs


def test_outside_nobody_is_called():
    counter = Counter()
    with pauses(counter, 0):
        pause()
    pause()
    assert counter.n == 1


def test_pauses_that_follow_too_soon_are_passed_over():
    counter = Counter()
    with pauses(counter, 60):
        for _ in range(100):
            pause()
    assert counter.n == 0


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_there_is_a_pause_for_every_batch_and_equal_bits(model, digits):
    counter = Counter()
    plain, paused = (make_model(model, epochs=2, batch_size=100, random_state=0) for _ in range(2))
    if model == "cnn":
        plain.image_shape = paused.image_shape = (8, 8)
    plain.fit(*digits)
    with pauses(counter, 0):
        paused.fit(*digits)
    assert counter.n >= 12
    for name, weights in plain.get_weights().items():
        np.testing.assert_array_equal(paused.get_weights()[name], weights)


@pytest.mark.parametrize("model", ["softmax", "mlp"])
def test_an_epoch_that_is_ended_is_not_reported_and_its_weights_stay(model, digits):
    # Two epochs of six batches, and three batches of the next one.
    ended = make_model(model, epochs=50, batch_size=100, random_state=0)
    assert fit_until(ended, digits, 16) == [1, 2]
    assert [epoch.number for epoch in ended.history_] == [1, 2]
    whole = make_model(model, epochs=2, batch_size=100, random_state=0).fit(*digits)
    weights = ended.get_weights()["output.weight"]
    assert not np.array_equal(weights, whole.get_weights()["output.weight"])
    assert ended.predict_proba(digits[0][:5]).shape == (5, 10)


def test_with_patience_the_best_epochs_weights_are_put_back(digits):
    settings = {"batch_size": 100, "random_state": 0, "patience": 5, "learning_rate": 0.2}
    ended = make_model("softmax", epochs=50, **settings)
    fit_until(ended, digits, 16, validation_data=digits)
    best = make_model("softmax", epochs=ended.best_epoch_, **settings).fit(*digits, digits)
    np.testing.assert_array_equal(ended.coef_, best.coef_)


def test_no_checkpoint_is_taken_of_an_epoch_that_was_ended(digits):
    model = make_model("mlp", epochs=50, batch_size=100, random_state=0)
    fit_until(model, digits, 16)
    with pytest.raises(InvalidSetting, match="only while iter_fit is suspended"):
        model.checkpoint()


def test_a_batch_in_blocks_pauses_at_each(digits, monkeypatch):
    monkeypatch.setattr("digitcore.models.torch_backend.network._VALUES_AT_ONCE", 100 * 122)
    model = make_model("mlp", epochs=1, batch_size=None, random_state=0)
    first = model.iter_fit(*digits)
    with pauses(Counter(4), 0), pytest.raises(Interrupted):
        next(first)
    assert model.history_ == []


@pytest.mark.parametrize("method", ["predict_proba", "activations", "weight_gradients"])
def test_long_looks_at_a_model_pause_between_blocks(method, digits, monkeypatch):
    monkeypatch.setattr("digitcore.models.torch_backend.network._VALUES_AT_ONCE", 100 * 122)
    model = make_model("mlp", epochs=1, random_state=0).fit(*digits)
    arguments = digits if method == "weight_gradients" else digits[:1]
    with pauses(Counter(6), 0), pytest.raises(Interrupted):
        getattr(model, method)(*arguments)


def test_gradients_and_values_in_blocks_are_those_of_all_images(digits, monkeypatch):
    model = make_model("mlp", epochs=1, random_state=0).fit(*digits)
    gradients, values = model.weight_gradients(*digits), model.activations(digits[0])
    monkeypatch.setattr(model, "_at_once", 170)
    for name, expected in gradients.items():
        np.testing.assert_allclose(model.weight_gradients(*digits)[name], expected, rtol=1e-4, atol=1e-7)
    for name, expected in values.items():
        np.testing.assert_allclose(model.activations(digits[0])[name], expected, rtol=1e-5)


def test_a_range_test_pauses_between_its_batches(digits):
    model = make_model("mlp", batch_size=100, random_state=0)
    with pauses(Counter(3), 0), pytest.raises(Interrupted):
        model.learning_rate_range(*digits)


def test_a_training_that_had_diverged_before_it_was_ended_says_so(digits):
    X, y = digits
    model = make_model("softmax", epochs=5, batch_size=10, learning_rate=1000.0, random_state=0)
    with pauses(Counter(50), 0), pytest.raises(DivergedError, match="diverged in epoch 1"):
        model.fit(X * np.float32(1e36), y)
    with pytest.raises(NotFittedError):
        model.predict(X)
