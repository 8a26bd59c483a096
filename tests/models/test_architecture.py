from __future__ import annotations

import pytest
import torch

from digitcore.errors import InvalidSetting
from digitcore.models.architecture import layers_table, multiply_adds, plan
from digitcore.models.layer_plans import weight_shapes
from digitcore.models.torch_backend.modules import build_module

MNIST_CNN = {"channels": (32,), "kernel_size": 3, "pool_size": 2, "pool_stride": 1, "hidden_units": (128,)}
NETWORKS = [
    ("softmax", {}, (8, 8), 10),
    ("mlp", {"hidden_units": ()}, (8, 8), 10),
    ("mlp", {"hidden_units": (32, 16), "dropout": 0.5}, (8, 8), 10),
    ("cnn", MNIST_CNN, (28, 28), 10),
    ("cnn", {"channels": (4, 6), "kernel_size": 2, "padding": "same", "pool_size": 3, "pool_stride": 2}, (9, 12), 3),
    ("cnn", {"channels": (5,), "kernel_size": 4, "pool_size": 1, "dropout": 0, "hidden_units": ()}, (4, 7), 1),
]


def test_published_cnn_has_the_published_shapes():
    shapes = [layer.output_shape for layer in plan("cnn", MNIST_CNN, (28, 28), 10)]
    assert shapes == [(26, 26, 32), (25, 25, 32), (25, 25, 32), (20000,), (128,), (10,)]


def test_published_cnn_has_the_parameters_counted_by_hand():
    counts = [layer.n_parameters for layer in plan("cnn", MNIST_CNN, (28, 28), 10)]
    assert counts == [32 * 9 + 32, 0, 0, 0, 20000 * 128 + 128, 128 * 10 + 10]


def test_layer_names_are_numbered_by_kind():
    names = [layer.name for layer in plan("cnn", {"channels": (4, 4), "hidden_units": (8, 8)}, (28, 28), 10)]
    assert names == ["conv_1", "pool_1", "conv_2", "pool_2", "dropout", "flatten", "dense_1", "dense_2", "output"]


def test_mlp_has_dropout_after_each_hidden_layer():
    names = [layer.name for layer in plan("mlp", {"hidden_units": (8, 4), "dropout": 0.1}, (8, 8), 10)]
    assert names == ["dense_1", "dropout_1", "dense_2", "dropout_2", "output"]


def test_softmax_regression_is_one_layer():
    (layer,) = plan("softmax", {}, (8, 8), 10)
    assert (layer.weight_shape, layer.activation) == ((10, 64), "softmax")


@pytest.mark.parametrize(("setting", "missing"), [({"pool_size": 1}, "pool"), ({"dropout": 0}, "dropout")])
def test_layer_without_effect_is_left_out(setting, missing):
    assert missing not in [layer.kind for layer in plan("cnn", setting, (28, 28), 10)]


def test_missing_parameters_take_their_defaults():
    assert plan("mlp", {}, (8, 8), 10) == plan("mlp", {"hidden_units": (32, 16), "dropout": 0.0}, (8, 8), 10)


def test_table_says_the_shapes_in_words():
    table = layers_table("cnn", MNIST_CNN, (28, 28), 10)
    assert table.columns.tolist() == ["layer", "output_shape", "n_parameters"]
    assert table["layer"].tolist() == [
        "Convolution 1 (3 × 3, ReLU)",
        "Max-pooling 1 (2 × 2, stride 1)",
        "Dropout (25 %)",
        "Flatten",
        "Dense 1 (ReLU)",
        "Output (softmax)",
    ]
    assert table["output_shape"].tolist() == ["26 × 26 × 32", "25 × 25 × 32", "25 × 25 × 32", "20000", "128", "10"]
    assert table["n_parameters"].sum() == 2_561_738


def test_multiply_adds_are_those_counted_by_hand():
    assert multiply_adds("cnn", MNIST_CNN, (28, 28), 10) == 26 * 26 * 32 * 9 + 20000 * 128 + 128 * 10
    assert multiply_adds("mlp", {"hidden_units": (32, 16)}, (8, 8), 10) == 64 * 32 + 32 * 16 + 16 * 10
    assert multiply_adds("softmax", {}, (8, 8), 10) == 640


def test_weight_shapes_name_weights_and_biases():
    assert weight_shapes(plan("cnn", {"channels": (4,), "hidden_units": ()}, (5, 5), 2)) == {
        "conv_1.weight": (4, 1, 3, 3),
        "conv_1.bias": (4,),
        "output.weight": (2, 4),
        "output.bias": (2,),
    }


@pytest.mark.parametrize(
    ("parameters", "image_shape", "message"),
    [
        (
            {"kernel_size": 5},
            (4, 8),
            "too small for conv_1: it arrives with 4 × 8 pixels and the kernel needs 5 × 5; use a smaller kernel or "
            "pool size, fewer convolutions, or padding 'same'",
        ),
        ({"pool_size": 7}, (8, 8), "too small for pool_1: it arrives with 6 × 6 pixels and the window needs 7 × 7"),
        ({"channels": (4, 4)}, (8, 8), "too small for pool_2: it arrives with 1 × 1 pixels and the window needs 2 × 2"),
    ],
)
def test_image_smaller_than_a_window_is_refused(parameters, image_shape, message):
    with pytest.raises(InvalidSetting, match=message):
        plan("cnn", parameters, image_shape, 10)


def test_network_too_large_for_memory_is_refused():
    with pytest.raises(
        InvalidSetting, match=r"would have 73,[\d,]+ parameters, at most 50,000,000 are allowed: use fewer"
    ):
        plan("mlp", {"hidden_units": (8192, 8192)}, (28, 28), 10)


def test_unknown_model_is_refused():
    with pytest.raises(InvalidSetting, match="Unknown model 'rnn'"):
        plan("rnn", {}, (8, 8), 10)


def test_invalid_parameter_is_refused():
    with pytest.raises(InvalidSetting, match="kernel_size must be a whole number from 1 to 15, got 16"):
        multiply_adds("cnn", {"kernel_size": 16}, (28, 28), 10)


@pytest.mark.parametrize("network", NETWORKS)
def test_torch_module_has_as_many_parameters_as_planned(network):
    name, parameters, image_shape, n_classes = network
    layers = plan(name, parameters, image_shape, n_classes)
    module = build_module(layers, image_shape)
    assert {key: tuple(weights.shape) for key, weights in module.state_dict().items()} == weight_shapes(layers)
    assert sum(weights.numel() for weights in module.parameters()) == sum(layer.n_parameters for layer in layers)


@pytest.mark.parametrize("network", NETWORKS)
def test_torch_layers_give_the_shapes_planned(network):
    name, parameters, image_shape, n_classes = network
    layers = plan(name, parameters, image_shape, n_classes)
    module = build_module(layers, image_shape).eval()
    seen = {}
    for part_name, part in module.named_children():
        part.register_forward_hook(lambda _, __, output, key=part_name: seen.update({key: tuple(output.shape)}))
    module(torch.zeros(2, image_shape[0] * image_shape[1]))
    for layer in layers:
        *size, channels = layer.output_shape
        assert seen[layer.name] == (2, channels, *size), layer.name
