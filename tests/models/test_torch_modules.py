from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch import nn

from digitcore.models.architecture import plan
from digitcore.models.torch_modules import Dropout, FlattenChannelsLast, build_module, initialize


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- Dropout


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.95])
def test_dropout_switches_off_the_share_asked_for_and_keeps_the_mean(rate):
    dropped = Dropout(rate, generator())(torch.ones(1000, 400))
    # The standard error of the share is 0.0008 at most.
    assert (dropped == 0).double().mean().item() == pytest.approx(rate, abs=0.004)
    assert dropped[dropped > 0].unique().numpy() == pytest.approx([1 / (1 - rate)], rel=2e-3)
    assert dropped.double().mean().item() == pytest.approx(1, abs=0.02)


def test_dropout_draws_every_value_by_itself():
    masks = Dropout(0.5, generator())(torch.ones(2000, 8)) > 0
    correlations = np.corrcoef(masks.numpy().T) - np.eye(8)
    assert np.abs(correlations).max() < 0.1


def test_dropout_draws_a_new_mask_each_time():
    dropout = Dropout(0.5, generator())
    assert not torch.equal(dropout(torch.ones(50)), dropout(torch.ones(50)))


def test_dropout_of_the_same_seed_is_the_same():
    assert torch.equal(Dropout(0.5, generator(3))(torch.ones(50)), Dropout(0.5, generator(3))(torch.ones(50)))


def test_dropout_changes_nothing_while_evaluating():
    values = torch.rand(3, 5)
    assert Dropout(0.9, generator()).eval()(values) is values


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 7), (2, 4)])
def test_dropout_takes_any_number_of_values(shape):
    assert Dropout(0.5, generator())(torch.ones(shape)).shape == shape


def test_dropout_keeps_the_memory_layout_of_images():
    images = torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last)
    dropped = Dropout(0.5, generator())(images)
    assert dropped.is_contiguous(memory_format=torch.channels_last)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_gradient_passes_only_where_values_were_kept():
    values = torch.ones(100, requires_grad=True)
    dropped = Dropout(0.5, generator())(values)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped.detach())


def test_copied_dropout_leaves_its_generator_behind():
    copied = copy.deepcopy(Dropout(0.5, generator()))
    assert copied.generator is None
    assert copied.eval()(torch.ones(3)).tolist() == [1, 1, 1]


# --- Flatten


def test_flattening_goes_by_height_width_channel():
    images = torch.arange(24).reshape(1, 2, 3, 4)
    assert FlattenChannelsLast()(images)[0, :4].tolist() == [0, 12, 1, 13]


# --- Building


def test_building_leaves_torchs_global_random_numbers_alone():
    before = torch.get_rng_state()
    module = build_module(plan("cnn", {}, (8, 8), 10), (8, 8), generator())
    initialize(module, "torch", 0.0, generator())
    module(torch.rand(2, 64, generator=generator()))
    assert torch.equal(torch.get_rng_state(), before)


# --- Initialisation


def initialized(initialization: str, initial_bias: float = 0.0) -> nn.Sequential:
    module = build_module(plan("cnn", {"channels": (64, 64), "hidden_units": (200,)}, (14, 14), 10), (14, 14))
    initialize(module, initialization, initial_bias, generator())
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


def test_xavier_biases_are_the_initial_bias():
    module = initialized("xavier", 0.01)
    assert torch.equal(module.conv_1.bias.detach(), torch.full((64,), 0.01))
    assert torch.equal(module.output.bias.detach(), torch.full((10,), 0.01))
