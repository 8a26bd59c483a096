from __future__ import annotations

import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.models import CNN
from digitcore.models.softmax import softmax

CONFIGURATIONS = [
    {},
    {"kernel_size": 2, "pool_size": 2, "pool_stride": 1},
    {"kernel_size": 3, "padding": "same", "pool_size": 3, "pool_stride": 2},
    {"kernel_size": 4, "padding": "same", "pool_size": 1},
    {"kernel_size": 1, "pool_size": 2, "pool_stride": 3},
    {"channels": (3, 5), "kernel_size": 2, "pool_stride": 1, "hidden_units": (7, 6)},
    {"hidden_units": ()},
]


def convolve(image: np.ndarray, kernels: np.ndarray, bias: np.ndarray, padding: str) -> np.ndarray:
    """Image ``(height, width, channels)``, kernels ``(filters, channels, kernel, kernel)``; one pixel at a time."""
    size = kernels.shape[-1]
    if padding == "same":
        before = (size - 1) // 2
        image = np.pad(image, ((before, size - 1 - before), (before, size - 1 - before), (0, 0)))
    height, width = image.shape[0] - size + 1, image.shape[1] - size + 1
    result = np.empty((height, width, len(kernels)))
    for row in range(height):
        for column in range(width):
            patch = image[row : row + size, column : column + size].transpose(2, 0, 1)
            result[row, column] = [np.sum(patch * kernel) for kernel in kernels] + bias
    return result


def pool(image: np.ndarray, size: int, stride: int) -> np.ndarray:
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    return np.array([[image[r : r + size, c : c + size].max(axis=(0, 1)) for c in columns] for r in rows])


def plain_probabilities(model: CNN, image: np.ndarray) -> np.ndarray:
    weights = model.get_weights()
    values = image[:, :, None]
    for number in range(1, len(model.channels) + 1):
        sums = convolve(values, weights[f"conv_{number}.weight"], weights[f"conv_{number}.bias"], model.padding)
        values = pool(np.maximum(sums, 0), model.pool_size, model.pool_stride if model.pool_size > 1 else 1)
    row = values.ravel()
    for number in range(1, len(model.hidden_units) + 1):
        row = np.maximum(weights[f"dense_{number}.weight"] @ row + weights[f"dense_{number}.bias"], 0)
    return softmax((weights["output.weight"] @ row + weights["output.bias"])[None])[0]


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_probabilities_are_those_of_plain_numpy(configuration, rng):
    X, y = rng.normal(size=(6, 7 * 9)), np.arange(6) % 3
    settings = {"channels": (4,), "hidden_units": (5,), "image_shape": (7, 9)} | configuration
    model = CNN(epochs=2, learning_rate=0.1, random_state=0, **settings).fit(X, y)
    expected = [plain_probabilities(model, image.reshape(7, 9)) for image in X]
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)


def test_it_learns_the_digits(digits):
    X, y = digits
    model = CNN(channels=(16,), epochs=15, learning_rate=0.01, optimizer="adam", hidden_units=(32,), random_state=0)
    assert model.fit(X[:450], y[:450]).score(X[450:], y[450:]) > 0.85


def test_training_is_descent_along_the_gradient(digits):
    """A small step lowers the loss by its length times the squared gradient, which the step itself tells."""
    X, y = digits
    rate = 1e-3
    model = CNN(channels=(4,), dropout=0.0, epochs=2, batch_size=None, learning_rate=rate, random_state=0)
    epochs = model.iter_fit(X, y)
    before = model.get_weights()
    first = next(epochs).train_loss
    after = model.get_weights()
    second = next(epochs).train_loss
    squared_gradient = sum(np.sum(((before[name] - after[name]) / rate).astype(float) ** 2) for name in before)
    assert first - second == pytest.approx(rate * squared_gradient, rel=0.05)


@pytest.mark.filterwarnings("error")
def test_even_kernel_with_padding_trains_without_a_warning(digits):
    CNN(kernel_size=2, padding="same", epochs=1, random_state=0).fit(*digits)


@pytest.mark.parametrize(("n_pixels", "image_shape"), [(64, (8, 8)), (1, (1, 1)), (12, (1, 12)), (2, (1, 2))])
def test_unknown_image_shape_is_a_square_or_a_row(n_pixels, image_shape):
    assert CNN()._image_shape(n_pixels) == image_shape


def test_image_shape_decides_which_pixels_are_neighbours(rng):
    X, y = rng.normal(size=(4, 24)), [0, 1, 0, 1]
    tall, wide = (
        CNN(image_shape=shape, epochs=1, padding="same", random_state=0).fit(X, y) for shape in ((6, 4), (4, 6))
    )
    assert tall.get_weights()["conv_1.weight"].shape == wide.get_weights()["conv_1.weight"].shape
    assert not np.allclose(tall.predict_proba(X), wide.predict_proba(X))


@pytest.mark.parametrize("image_shape", [(8, 9), (64,), 64, "8x8", (8.0, 8.0), (-8, -8), (True, 64), (4, 4, 4)])
def test_image_shape_that_does_not_fit_is_refused(image_shape, digits):
    message = "image_shape must be None or a height and a width that multiply to the 64 pixels of an image, got "
    with pytest.raises(InvalidSetting, match=message):
        CNN(image_shape=image_shape).fit(*digits)


def test_image_smaller_than_the_kernel_is_refused_before_training(digits):
    with pytest.raises(InvalidSetting, match="too small for conv_1: it arrives with 8 × 8 pixels"):
        CNN(kernel_size=9).iter_fit(*digits)


def test_restored_network_has_its_image_shape(rng):
    X, y = rng.normal(size=(4, 24)), [0, 1, 0, 1]
    model = CNN(image_shape=(4, 6), epochs=1, padding="same", random_state=0).fit(X, y)
    restored = CNN(image_shape=(4, 6), padding="same").restore(model.get_weights(), classes=[0, 1], n_features=24)
    assert np.array_equal(restored.predict_proba(X), model.predict_proba(X))
