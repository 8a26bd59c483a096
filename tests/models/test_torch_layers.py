"""The written-out network beside torch's own modules and automatic differentiation."""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from digitcore.models import CNN, MLP, torch_layers
from digitcore.models.torch_layers import DropoutMasks, MaxPool
from digitcore.models.torch_network import NetworkTraining

NETWORKS = {
    "mlp": MLP(hidden_units=(20, 12)),
    "mlp without hidden layers": MLP(hidden_units=()),
    "mlp with dropout": MLP(hidden_units=(20, 12), dropout=0.3),
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
    """Dropout by masks that were drawn before, several groups of images one after the other."""

    def __init__(self, masks: list[np.ndarray]):
        super().__init__()
        self.masks = masks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        taken = [self.masks.pop(0)]
        while sum(len(mask) for mask in taken) < len(x):
            taken.append(self.masks.pop(0))
        mask = torch.from_numpy(np.concatenate(taken))
        return x * (mask.permute(0, 3, 1, 2) if x.dim() == 4 else mask)


class Watched:
    """What a training did: its batches and its masks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.batches: list[tuple[np.ndarray, np.ndarray]] = []
        self.masks: dict[int, list[np.ndarray]] = {}
        one_batch, draw = NetworkTraining._one_batch, DropoutMasks.draw

        def watched_batch(training, X, y, logits):
            self.batches.append((X.numpy().copy(), y.numpy().copy()))
            one_batch(training, X, y, logits)

        def watched_draw(masks, shape):
            mask = draw(masks, shape)
            self.masks.setdefault(id(masks), []).append(mask.numpy().copy())
            return mask

        monkeypatch.setattr(NetworkTraining, "_one_batch", watched_batch)
        monkeypatch.setattr(DropoutMasks, "draw", watched_draw)


def train_plainly(module: nn.Module, watched: Watched, rule: str) -> list[float]:
    """Train ``module`` on the same batches by torch's own means; return the loss of each batch."""
    places = [number for number, part in enumerate(module) if isinstance(part, nn.Dropout)]
    for place, masks in zip(places, watched.masks.values(), strict=True):
        module[place] = KnownDropout(list(masks))
    optimizer = TORCH_RULES[rule](list(module.parameters()))
    losses = []
    for X, y in (map(torch.from_numpy, batch) for batch in watched.batches):
        optimizer.zero_grad()
        loss = F.cross_entropy(module(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("batch_size", [1, 7, None])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("network", NETWORKS)
def test_ten_steps_are_those_of_torchs_own_modules(network, rule, batch_size, digits, monkeypatch):
    # Ten steps: of one image, of seven with two left over in the last batch, of all.
    n_images = {1: 10, 7: 65, None: 23}[batch_size]
    X, y = digits[0][:n_images] / digits[0].max(), digits[1][:n_images]
    epochs = 10 if batch_size is None else 1
    monkeypatch.setattr(torch_layers, "_VALUES_IN_CACHE", 1500)
    monkeypatch.setattr(torch_layers, "_WIDE", 4000)
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
    for name, weights in plain.state_dict().items():
        np.testing.assert_allclose(model.get_weights()[name], weights.numpy(), atol=1e-5, err_msg=name)


@pytest.mark.parametrize("network", NETWORKS)
def test_predictions_are_those_of_torchs_own_modules(network, digits, monkeypatch):
    monkeypatch.setattr(torch_layers, "_WIDE", 4000)
    X, y = digits
    model = copy.deepcopy(NETWORKS[network]).set_params(epochs=1, random_state=0).fit(X, y)
    with torch.inference_mode():
        expected = torch.softmax(model.module_.eval()(torch.from_numpy(X.copy())), dim=1).numpy()
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6)


# --- Max-pooling


@pytest.mark.parametrize(("window", "stride"), [(2, 1), (2, 2), (3, 1), (3, 2), (2, 3), (4, 3)])
def test_pooling_and_its_gradient_are_torchs_also_between_equal_values(window, stride):
    # Few different values, so that most windows have several maxima.
    x = torch.randint(0, 3, (5, 9, 8, 6), generator=torch.Generator().manual_seed(0)).float()
    channels_first = x.permute(0, 3, 1, 2).clone().requires_grad_()
    expected = F.max_pool2d(channels_first, window, stride)
    dy = torch.rand(expected.shape, generator=torch.Generator().manual_seed(1))
    expected.backward(dy)
    pool = MaxPool(window, stride)
    assert torch.equal(pool.forward(x).permute(0, 3, 1, 2), expected)
    dx = pool.backward(dy.permute(0, 2, 3, 1).contiguous(), x)
    torch.testing.assert_close(dx.permute(0, 3, 1, 2), channels_first.grad)


# --- Dropout


def masks(rate: float, seed: int = 0) -> DropoutMasks:
    return DropoutMasks(rate, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.95])
def test_masks_switch_off_the_share_asked_for_and_keep_the_mean(rate):
    mask = masks(rate).draw((1000, 400))
    # The standard error of the share is 0.0008 at most.
    assert (mask == 0).double().mean().item() == pytest.approx(rate, abs=0.004)
    assert mask[mask > 0].unique().numpy() == pytest.approx([1 / (1 - rate)], rel=2e-3)
    assert mask.double().mean().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("rate", [0.5, 0.1])
def test_masks_draw_every_value_by_itself(rate):
    drawn = masks(rate).draw((2000, 8)) > 0
    correlations = np.corrcoef(drawn.numpy().T) - np.eye(8)
    assert np.abs(correlations).max() < 0.1


def test_masks_are_new_each_time():
    source = masks(0.5)
    drawn = [source.draw((500, 50)).clone() for _ in range(6)]
    assert not any(torch.equal(one, other) for one, other in pairwise(drawn))


def test_masks_of_the_same_seed_are_the_same():
    assert torch.equal(masks(0.5, 3).draw((50,)), masks(0.5, 3).draw((50,)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 7), (2, 4), (300_001,)])
def test_masks_take_any_number_of_values(shape):
    source = masks(0.5)
    source.draw((3,))
    drawn = source.draw(shape)
    assert drawn.shape == shape
    assert set(drawn.unique().tolist()) <= {0.0, 2.0}
