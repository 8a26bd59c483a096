"""The written-out network beside torch's own modules and automatic differentiation."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from digitcore.errors import InvalidSetting
from digitcore.models import CNN, MLP
from digitcore.models.architecture import plan
from digitcore.models.layer_plans import weight_shapes
from digitcore.models.torch_backend import layers as torch_layers
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.kernels.dropout import Dropout
from digitcore.models.torch_backend.modules import BatchNorm
from digitcore.models.torch_backend.network import NetworkTraining
from digitcore.models.torch_backend.one_thread import OneThreadNetwork

NETWORKS = {
    "mlp": MLP(hidden_units=(20, 12)),
    "mlp without hidden layers": MLP(hidden_units=()),
    "mlp with dropout": MLP(hidden_units=(20, 12), dropout=0.3),
    "mlp that widens": MLP(hidden_units=(12, 101)),
    "mlp with wide layers": MLP(hidden_units=(101, 63), dropout=0.3),
    "cnn": CNN(channels=(4,), dropout=0.0, hidden_units=(9,)),
    "cnn with dropout": CNN(channels=(4,), pool_stride=1, dropout=0.25, hidden_units=(9,)),
    "cnn of two convolutions": CNN(channels=(3, 5), kernel_size=2, pool_stride=1, dropout=0.4, hidden_units=(9, 7)),
    "cnn with padding": CNN(channels=(3, 5), kernel_size=3, padding="same", pool_stride=1, hidden_units=()),
    "cnn with an even kernel": CNN(channels=(3, 2), kernel_size=4, padding="same", dropout=0.0, hidden_units=(5,)),
    "cnn with wide windows": CNN(channels=(4,), pool_size=3, pool_stride=2, dropout=0.0, hidden_units=(5,)),
    "cnn with gaps between windows": CNN(channels=(4,), pool_size=2, pool_stride=3, dropout=0.0, hidden_units=(5,)),
    "cnn without pooling": CNN(channels=(4, 3), kernel_size=2, pool_size=1, dropout=0.0, hidden_units=(5,)),
    "cnn with a wide dense layer": CNN(channels=(128,), kernel_size=2, pool_size=2, pool_stride=1, hidden_units=(6,)),
    "mlp with tanh": MLP(hidden_units=(20, 12), activation="tanh"),
    "mlp with leaky relu": MLP(hidden_units=(101, 63), activation="leaky_relu"),
    "mlp with gelu and dropout": MLP(hidden_units=(20, 12), activation="gelu", dropout=0.3),
    "mlp with sigmoid and dropout": MLP(hidden_units=(20,), activation="sigmoid", dropout=0.3),
    "cnn with tanh": CNN(channels=(4,), activation="tanh", dropout=0.25, hidden_units=(9,)),
    "cnn with gelu": CNN(
        channels=(3, 5), kernel_size=2, pool_stride=1, activation="gelu", dropout=0.4, hidden_units=(9,)
    ),
    "cnn with leaky relu": CNN(channels=(3, 2), activation="leaky_relu", padding="same", pool_size=3, dropout=0.0),
    "cnn with sigmoid": CNN(channels=(4, 3), kernel_size=2, activation="sigmoid", pool_size=1, hidden_units=()),
    "normalised cnn": CNN(channels=(4,), normalization="batch", dropout=0.25, hidden_units=(9,)),
    "normalised cnn of two convolutions": CNN(
        channels=(3, 5), kernel_size=2, normalization="batch", padding="same", dropout=0.0, hidden_units=(9,)
    ),
    "normalised cnn with gelu": CNN(
        channels=(3, 5), padding="same", normalization="batch", activation="gelu", dropout=0.3, hidden_units=(7,)
    ),
    "cnn with a wide output layer": CNN(channels=(128,), kernel_size=2, pool_size=2, pool_stride=1, hidden_units=()),
}
RULES = {
    "sgd": {"optimizer": "sgd", "learning_rate": 0.1},
    "momentum": {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.9},
    "adam": {"optimizer": "adam", "learning_rate": 0.003, "epsilon": 1e-4},
}
TORCH_RULES = {
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.1),
    "momentum": lambda weights: torch.optim.SGD(weights, lr=0.05, momentum=0.9),
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.003, eps=1e-4),
}


class KnownDropout(nn.Module):
    """Dropout by choices that were made before, in the order of the values in memory, channels last."""

    def __init__(self, masks: list[np.ndarray]):
        super().__init__()
        self.masks = masks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        taken = [self.masks.pop(0)]
        while sum(mask.size for mask in taken) < x.numel():
            taken.append(self.masks.pop(0))
        mask = torch.from_numpy(np.concatenate(taken))
        if x.dim() == 2:
            return x * mask.view(x.shape)
        n_images, channels, height, width = x.shape
        return x * mask.view(n_images, height, width, channels).permute(0, 3, 1, 2)


class TorchsNorm(nn.BatchNorm2d):
    """PyTorch's own batch normalisation, its arrays named as ours."""

    NAMES: ClassVar = {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"}

    def __init__(self, ours: BatchNorm):
        super().__init__(len(ours.scale), dtype=ours.scale.dtype)
        for name, own_name in self.NAMES.items():
            getattr(self, own_name).data.copy_(getattr(ours, name))


def arrays_of(module: nn.Module) -> dict[str, np.ndarray]:
    """Return weights and running means by our names."""
    arrays = {}
    for name, part in module.named_children():
        names = TorchsNorm.NAMES if isinstance(part, TorchsNorm) else {own: own for own in part.state_dict()}
        arrays |= {f"{name}.{ours}": getattr(part, own).detach().numpy() for ours, own in names.items()}
    return arrays


class Watched:
    """What a training did: its batches, and the masks that each dropout drew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.batches: list[tuple[np.ndarray, np.ndarray]] = []
        self._drawn: dict[int, list[np.ndarray]] = {}
        one_batch, draw = NetworkTraining._one_batch, Dropout.draw

        def watched_batch(training, X, y):
            self.batches.append((X.numpy().copy(), y.numpy().copy()))
            return one_batch(training, X, y)

        def watched_draw(dropout, n_values):
            levels = draw(dropout, n_values)
            mask = np.where(levels <= dropout.highest, np.float32(dropout.scale), np.float32(0))
            self._drawn.setdefault(id(dropout), []).append(mask)
            return levels

        monkeypatch.setattr(NetworkTraining, "_one_batch", watched_batch)
        monkeypatch.setattr(Dropout, "draw", watched_draw)

    def masks(self, units: list[int]) -> list[list[np.ndarray]]:
        """Return what each of the network's dropouts drew; narrow layers of so many ``units`` draw together."""
        drawn = list(self._drawn.values())
        if len(drawn) == len(units):
            return drawn
        bounds = np.cumsum(units)[:-1]
        apart = [np.split(mask.reshape(-1, sum(units)), bounds, axis=1) for mask in drawn[0]]
        return [[layer.ravel() for layer in layers] for layers in zip(*apart, strict=True)]


def train_plainly(module: nn.Module, watched: Watched, rule: str) -> list[float]:
    """Train ``module`` on the same batches by torch's own means; return the loss of each batch."""
    places = [number for number, part in enumerate(module) if isinstance(part, nn.Dropout)]
    units = [part.out_features for part in module if isinstance(part, nn.Linear)][: len(places)]
    for place, masks in zip(places, watched.masks(units) if places else [], strict=True):
        module[place] = KnownDropout(list(masks))
    for place, part in enumerate(module):
        if isinstance(part, BatchNorm):
            module[place] = TorchsNorm(part)
    optimizer = TORCH_RULES[rule](list(module.parameters()))
    losses = []
    for X, y in (map(torch.from_numpy, batch) for batch in watched.batches):
        optimizer.zero_grad()
        loss = F.cross_entropy(module(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# What multiplies large matrices: either of torch's libraries or, for narrow layers and in one thread, compiled loops.
KINDS = [
    *((name, "oneDNN") for name in NETWORKS),
    *((name, "MKL") for name in NETWORKS if "wide" in name),
    *((name, "compiled loops") for name in NETWORKS if name.startswith("mlp")),
    *((name, "one thread") for name in NETWORKS if name.startswith("cnn")),
]


@pytest.mark.parametrize("batch_size", [1, 7, None])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("network", "library"), KINDS)
def test_ten_steps_are_those_of_torchs_own_modules(network, library, rule, batch_size, digits, monkeypatch):
    # Ten steps: of one image, of seven with two left over in the last batch, of all.
    n_images = {1: 10, 7: 65, None: 23}[batch_size]
    X, y = digits[0][:n_images] / digits[0].max(), digits[1][:n_images]
    epochs = 10 if batch_size is None else 1
    monkeypatch.setattr(torch_layers.Network, "_VALUES_IN_CACHE", 1500)
    monkeypatch.setattr(torch_layers, "_LARGE_PRODUCT", 20_000)
    monkeypatch.setattr(torch_layers, "_WIDE", range(4000, 12_000))
    monkeypatch.setattr(torch_layers, "_USES_ONEDNN", library == "oneDNN" and torch_layers.has_onednn())
    monkeypatch.setattr(torch_network, "suits_one_thread", lambda layers: library == "one thread")
    monkeypatch.setattr(OneThreadNetwork, "_VALUES_IN_CACHE", 1500)
    if library != "compiled loops":
        monkeypatch.setattr(torch_network, "is_small_dense", lambda layers, batch_size: False)
    watched = Watched(monkeypatch)
    settings = {"epochs": epochs, "batch_size": batch_size, "random_state": 0}
    model = copy.deepcopy(NETWORKS[network]).set_params(**settings, **RULES[rule])
    training = model.iter_fit(X, y)
    plain = copy.deepcopy(model.module_).train()
    history = list(training)
    losses = train_plainly(plain, watched, rule)
    assert len(losses) == 10
    if batch_size is None:
        assert [epoch.train_loss for epoch in history] == pytest.approx(losses, rel=1e-5, abs=1e-5)
    else:
        sizes = [len(labels) for _, labels in watched.batches]
        assert history[0].train_loss == pytest.approx(np.average(losses, weights=sizes), rel=1e-5, abs=1e-5)
    expected = arrays_of(plain)
    assert list(expected) == list(model.get_weights())
    for name, weights in expected.items():
        np.testing.assert_allclose(model.get_weights()[name], weights, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("network", NETWORKS)
def test_predictions_are_those_of_torchs_own_modules(network, digits, monkeypatch):
    monkeypatch.setattr(torch_layers, "_LARGE_PRODUCT", 20_000)
    monkeypatch.setattr(torch_layers, "_USES_ONEDNN", torch_layers.has_onednn())
    X, y = digits
    model = copy.deepcopy(NETWORKS[network]).set_params(epochs=1, random_state=0).fit(X, y)
    with torch.inference_mode():
        expected = torch.softmax(model.module_.eval()(torch.from_numpy(X.copy())), dim=1).numpy()
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6)


def test_products_go_to_onednn_where_mkl_is_slow(monkeypatch):
    monkeypatch.setattr(torch_layers, "has_onednn", lambda: True)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    for processor, expected in {"znver4": True, "sapphirerapids": False, "skylake-avx512": False}.items():
        monkeypatch.setattr(torch_layers, "get_host_cpu_name", lambda processor=processor: processor)
        assert torch_layers.suits_onednn() == expected
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    assert torch_layers.suits_onednn()
    monkeypatch.setattr(torch_layers, "has_onednn", lambda: False)
    assert not torch_layers.suits_onednn()


@pytest.mark.parametrize(
    "change",
    [
        lambda layers: [replace(layers[0], activation="selu"), *layers[1:]],
        lambda layers: [layers[0], layers[1], replace(layers[1], name="pool_again"), *layers[2:]],
        lambda layers: [layers[0], replace(layers[1], kind="normalisation"), *layers[2:]],
        lambda layers: [*layers[:-1], replace(layers[-1], activation="relu")],
    ],
)
def test_a_plan_with_layers_that_would_be_left_out_is_refused(change):
    layers = plan("cnn", {"channels": (2,), "hidden_units": (4,)}, (8, 8), 3)
    weights = {name: torch.zeros(shape) for name, shape in weight_shapes(layers).items()}
    torch_layers.Network(layers, weights, (8, 8))
    with pytest.raises(InvalidSetting, match="cannot be trained as it is planned"):
        torch_layers.Network(change(layers), weights, (8, 8))
