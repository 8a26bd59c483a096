from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, norm
from torch import nn

from digitcore.models.architecture import plan
from digitcore.models.torch_backend.modules import FlattenChannelsLast, build_module, initialize


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- Flatten


def test_flattening_goes_by_height_width_channel():
    images = torch.arange(24).reshape(1, 2, 3, 4)
    assert FlattenChannelsLast()(images)[0, :4].tolist() == [0, 12, 1, 13]


# --- Building


def test_building_leaves_torchs_global_random_numbers_alone():
    before = torch.get_rng_state()
    module = build_module(plan("cnn", {}, (8, 8), 10), (8, 8)).eval()
    initialize(module, "torch", 0.0, generator())
    module(torch.rand(2, 64, generator=generator()))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        ("relu", lambda z: np.maximum(z, 0)),
        ("leaky_relu", lambda z: np.where(z > 0, z, z / 100)),
        ("gelu", lambda z: z * norm.cdf(z)),
        ("tanh", np.tanh),
        ("sigmoid", lambda z: 1 / (1 + np.exp(-z))),
    ],
)
@pytest.mark.parametrize(("model", "layers"), [("mlp", ["dense_1", "dense_2"]), ("cnn", ["conv_1", "dense_1"])])
def test_each_hidden_layer_has_the_activation_of_its_formula(model, layers, activation, formula):
    module = build_module(plan(model, {"activation": activation}, (8, 8), 10), (8, 8))
    z = np.linspace(-4, 4, 81)
    parts = dict(module.named_children())
    assert [name.removesuffix("_activation") for name in parts if name.endswith("_activation")] == layers
    for layer in layers:
        np.testing.assert_allclose(parts[f"{layer}_activation"](torch.from_numpy(z)).numpy(), formula(z), atol=1e-12)
    assert not hasattr(module, "output_activation")


# --- Initialisation


def initialized(initialization: str, initial_bias: float = 0.0, **settings) -> nn.Sequential:
    module = build_module(plan("cnn", {"channels": (64, 64), "hidden_units": (200,)}, (14, 14), 10), (14, 14))
    initialize(module, initialization, initial_bias, generator(), **settings)
    return module


@pytest.mark.parametrize("part", ["conv_1", "conv_2", "dense_1", "output"])
@pytest.mark.parametrize("kind", ["weight", "bias"])
def test_default_initialisation_has_the_distribution_of_torchs_own_layers(part, kind):
    own = getattr(initialized("torch"), part)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        samples = []
        for _ in range(20):
            own_class = copy.deepcopy(own)
            own_class.reset_parameters()
            samples.append(getattr(own_class, kind).detach().flatten().numpy())
    values = getattr(own, kind).detach().flatten().numpy()
    assert ks_2samp(values, np.concatenate(samples)).pvalue > 0.01


@pytest.mark.parametrize("part", ["conv_1", "conv_2", "dense_1", "output"])
def test_xavier_weights_are_uniform_within_the_published_bound(part):
    weight = getattr(initialized("xavier"), part).weight.detach()
    n_outputs, n_inputs, *kernel = weight.shape
    bound = (6 / ((n_outputs + n_inputs) * np.prod(kernel))) ** 0.5
    assert weight.abs().max().item() <= bound
    assert weight.abs().max().item() > 0.97 * bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)


@pytest.mark.parametrize(("initialization", "factor"), [("he", 6), ("lecun", 3)])
@pytest.mark.parametrize("part", ["conv_1", "conv_2", "dense_1", "output"])
def test_he_and_lecun_weights_are_uniform_within_the_published_bound(part, initialization, factor):
    layer = getattr(initialized(initialization, 0.01), part)
    weight = layer.weight.detach()
    bound = (factor / weight[0].numel()) ** 0.5
    assert 0.97 * bound < weight.abs().max().item() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
    assert (layer.bias == 0.01).all()


@pytest.mark.parametrize("initialization", ["torch", "xavier", "he", "lecun"])
def test_the_scale_multiplies_weights_and_leaves_biases(initialization):
    plain, scaled = (initialized(initialization, 0.01, scale=scale) for scale in (1.0, 0.25))
    for part in ("conv_1", "dense_1", "output"):
        assert torch.equal(getattr(scaled, part).weight, 0.25 * getattr(plain, part).weight)
        assert torch.equal(getattr(scaled, part).bias, getattr(plain, part).bias)


def test_xavier_biases_are_the_initial_bias():
    module = initialized("xavier", 0.01)
    assert torch.equal(module.conv_1.bias.detach(), torch.full((64,), 0.01))
    assert torch.equal(module.output.bias.detach(), torch.full((10,), 0.01))
