from __future__ import annotations

import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.insight.weight_images import first_layer_images
from digitcore.models import make_model

ROWS = np.arange(12.0).reshape(2, 6)


@pytest.mark.parametrize(("model", "name"), [("softmax", "output.weight"), ("mlp", "dense_1.weight")])
def test_rows_of_weights_become_images_row_by_row(model, name):
    images = first_layer_images(model, {name: ROWS, "output.bias": np.zeros(2)}, (2, 3))
    assert images.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]


def test_mlp_without_hidden_layers_shows_its_output_layer():
    assert first_layer_images("mlp", {"output.weight": ROWS}, (2, 3)).shape == (2, 2, 3)


def test_mlp_shows_its_first_layer_not_its_output():
    images = first_layer_images("mlp", {"output.weight": np.zeros((9, 2)), "dense_1.weight": ROWS}, (3, 2))
    assert images.shape == (2, 3, 2)


def test_cnn_shows_the_kernels_of_its_first_convolution():
    kernels = np.arange(18.0).reshape(2, 1, 3, 3)
    images = first_layer_images("cnn", {"conv_1.weight": kernels, "conv_2.weight": np.zeros((4, 2, 3, 3))}, (28, 28))
    assert images.tolist() == kernels[:, 0].tolist()


@pytest.mark.parametrize(("model", "shape"), [("softmax", (10, 8, 8)), ("mlp", (32, 8, 8)), ("cnn", (32, 3, 3))])
def test_trained_models_give_their_weights(model, shape, digits):
    trained = make_model(model, epochs=1, random_state=0).fit(*digits)
    images = first_layer_images(model, trained.get_weights(), (8, 8))
    assert images.shape == shape
    assert np.ptp(images) > 0


def test_unknown_model_is_refused():
    with pytest.raises(InvalidSetting, match="Unknown model 'svm'"):
        first_layer_images("svm", {}, (8, 8))


def test_weights_of_another_model_are_refused():
    with pytest.raises(InvalidSetting, match=r"the model 'cnn': expected 'conv_1.weight' among them, got output"):
        first_layer_images("cnn", {"output.weight": ROWS}, (2, 3))


def test_images_of_another_size_are_refused():
    with pytest.raises(
        InvalidSetting, match=r"shape \(2, 6\), which does not fit images of 8 × 8 pixels: give the image"
    ):
        first_layer_images("softmax", {"output.weight": ROWS}, (8, 8))
