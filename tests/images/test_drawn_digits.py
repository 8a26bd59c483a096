"""How well models read digits that are drawn on the pad, and what keeps them from reading all of them."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.base import clone

from digitcore.datasets import DATASETS, features, load_dataset
from digitcore.images.clean_up import as_image, clean_drawing, clean_strokes
from digitcore.models import MLP, SoftmaxRegression
from tests.images.stroke_templates import SHAPES, drawings

N_PER_SHAPE = 6
SIZES = {"small": (0.12, 0.2), "medium": (0.3, 0.5), "large": (0.7, 0.95)}


def image_of(strokes, framing):
    """The ink that a model gets for strokes."""
    return clean_strokes(strokes, framing)[-1].ink


def images_of(name, drawn):
    """Drawings as a model of a data set takes them."""
    entry = DATASETS[name]
    images = np.array([as_image(image_of(each.strokes, entry.used_framing), entry.max_value) for each in drawn])
    return features(images, max_value=entry.max_value)


def share_read(model, X, drawn):
    """Share of the drawings that a model reads right."""
    return (model.predict(X) == [each.digit for each in drawn]).mean()


@pytest.fixture(scope="module")
def drawn():
    """Six variations of each shape, small to large."""
    return drawings(np.random.default_rng(16), N_PER_SHAPE)


@pytest.fixture(scope="module")
def small_images(drawn):
    """The same, as models of scikit-learn's digits take them."""
    return images_of("digits", drawn)


@pytest.fixture(scope="module")
def mnist_mlp(mnist_directory):
    """A network of 98 % on MNIST's official test part."""
    dataset = load_dataset("mnist")
    X = dataset.images.reshape(70_000, -1).astype(np.float32) / 255
    model = MLP(hidden_units=(256,), epochs=4, batch_size=128, optimizer="adam", learning_rate=0.002, random_state=0)
    model.fit(X[:60_000], dataset.labels[:60_000])
    assert round((model.predict(X[60_000:]) == dataset.labels[60_000:]).mean(), 2) == 0.98
    return model


def test_there_are_at_least_six_shapes_of_each_digit_and_all_lie_on_the_pad(drawn):
    assert list(SHAPES) == list(range(10))
    assert min(map(len, SHAPES.values())) >= 6
    points = np.concatenate([stroke for each in drawn for stroke in each.strokes])
    assert 0 <= points.min() < points.max() <= 1


MODELS = {
    "softmax": SoftmaxRegression(epochs=60, batch_size=32, learning_rate=0.3, random_state=0),
    "mlp": MLP(hidden_units=(64,), epochs=30, batch_size=32, optimizer="adam", learning_rate=0.003, random_state=0),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_of_the_small_digits_read_85_percent_of_drawings(name, drawn, small_images):
    dataset, model = load_dataset("digits"), MODELS[name]
    X, order = features(dataset.images, max_value=16), np.random.default_rng(0).permutation(1797)
    model.fit(X[order[:1350]], dataset.labels[order[:1350]])
    assert (model.predict(X[order[1350:]]) == dataset.labels[order[1350:]]).mean() >= 0.95
    assert share_read(model, small_images, drawn) >= 0.85


@pytest.mark.slow
def test_what_small_digits_lack_is_images_and_neither_their_frame_nor_pixels(mnist_directory, drawn, small_images):
    mnist, framing = load_dataset("mnist"), DATASETS["digits"].used_framing
    framed = [as_image(clean_drawing(image / 255, framing)[-1].ink, 16) for image in mnist.images[:6000]]
    X = features(np.array(framed), max_value=16)
    few, more = (clone(MODELS["mlp"]).fit(X[:n], mnist.labels[:n]) for n in (1350, 6000))
    assert share_read(few, small_images, drawn) < 0.92
    assert share_read(more, small_images, drawn) >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_a_model_of_mnist_reads_97_percent_of_drawings_of_any_size(size, mnist_mlp):
    drawn = drawings(np.random.default_rng(16), 4, sides=SIZES[size])
    assert share_read(mnist_mlp, images_of("mnist", drawn), drawn) >= 0.97


@pytest.mark.slow
def test_a_model_of_98_percent_reads_95_percent_of_moved_and_scaled_digits(mnist_mlp, rng):
    dataset, framing = load_dataset("mnist"), DATASETS["mnist"].used_framing
    chosen = rng.permutation(np.arange(60_000, 70_000))[:2000]
    cleaned = [clean_drawing(distorted(dataset.images[index] / 255, rng), framing)[-1].ink for index in chosen]
    images = np.array([as_image(ink, 255) for ink in cleaned]).reshape(len(chosen), -1) / np.float32(255)
    assert (mnist_mlp.predict(images) == dataset.labels[chosen]).mean() >= 0.95


def distorted(ink, rng):
    """The image 0.6 to 1.3 times as large, up to 6 pixels off the centre of a canvas of 64x64."""
    factor, shift = rng.uniform(0.6, 1.3), rng.integers(-6, 7, 2)
    canvas = np.zeros((64, 64))
    scaled = ndimage.zoom(ink, factor, order=1).clip(0, 1)
    top, left = (64 - np.array(scaled.shape)) // 2 + shift
    canvas[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return canvas
