"""How the scores change with the pixels, against finite differences."""

import copy

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from digitcore.models import CNN, MLP, SoftmaxRegression

MODELS = {
    "softmax": SoftmaxRegression(epochs=3, learning_rate=0.1),
    "mlp": MLP(hidden_units=(12,), dropout=0.3, epochs=3, learning_rate=0.1, random_state=0),
    "cnn": CNN(channels=(4,), hidden_units=(8,), epochs=3, learning_rate=0.1, random_state=0),
}


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_those_of_finite_differences(name, digits):
    model = copy.deepcopy(MODELS[name]).fit(*digits)
    x, step = digits[0][3].astype(np.float64), 1e-2
    gradients = model.input_gradients(x)
    assert gradients.shape == (10, 64)

    def scores(image):
        # Probabilities tell the scores up to a number that all classes share.
        logs = np.log(model.predict_proba(image[np.newaxis].astype(np.float32))[0].astype(np.float64))
        return logs - logs.mean()

    centred = gradients - gradients.mean(axis=0)
    for pixel in range(0, 64, 7):
        change = np.zeros(64)
        change[pixel] = step
        slope = (scores(x + change) - scores(x - change)) / (2 * step)
        np.testing.assert_allclose(centred[:, pixel], slope, atol=0.03)


@pytest.mark.parametrize("name", MODELS)
def test_asking_changes_nothing(name, digits):
    model = copy.deepcopy(MODELS[name]).fit(*digits)
    before = model.get_weights()
    model.input_gradients(digits[0][0])
    assert all(np.array_equal(array, before[key]) for key, array in model.get_weights().items())
    if name != "softmax":
        assert all(weights.grad is None for weights in model.module_.parameters())
        assert torch.is_grad_enabled()


def test_an_untrained_model_has_none():
    with pytest.raises(NotFittedError):
        MLP().input_gradients(np.zeros(64))


def test_an_image_of_another_size_is_refused(digits):
    with pytest.raises(ValueError, match="63 features"):
        copy.deepcopy(MODELS["softmax"]).fit(*digits).input_gradients(np.zeros(63))
