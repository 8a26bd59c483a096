"""Ten steps with the settings that a training may have, beside PyTorch's own modules, optimizers and losses."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.torch_backend import network as torch_network

NETWORKS = {
    "mlp": MLP(hidden_units=(20, 12), random_state=0),
    "wide mlp": MLP(hidden_units=(300,), random_state=0),
    "cnn": CNN(channels=(4, 3), kernel_size=2, dropout=0.0, hidden_units=(9,), random_state=0),
    "normalised cnn": CNN(
        channels=(4, 3), kernel_size=2, normalization="batch", dropout=0.0, hidden_units=(9,), random_state=0
    ),
}
# Hyperparameters, and PyTorch's optimizer for them. With its tiny epsilon a weight whose gradient is all rounding would
# take a whole step either way.
RULES = {
    "nesterov": (
        {"learning_rate": 0.05, "momentum": 0.9, "momentum_kind": "nesterov"},
        lambda weights: torch.optim.SGD(weights, lr=0.05, momentum=0.9, nesterov=True),
    ),
    "decay": ({"learning_rate": 0.1, "weight_decay": 0.3}, lambda w: torch.optim.SGD(w, lr=0.1, weight_decay=0.3)),
    "nesterov with decay": (
        {"learning_rate": 0.05, "momentum": 0.9, "momentum_kind": "nesterov", "weight_decay": 0.1},
        lambda weights: torch.optim.SGD(weights, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    ),
    "adam with decay": (
        {"optimizer": "adam", "learning_rate": 0.01, "epsilon": 1e-4, "weight_decay": 0.5},
        lambda weights: torch.optim.AdamW(weights, lr=0.01, eps=1e-4, weight_decay=0.5),
    ),
    "amsgrad with decay": (
        {"optimizer": "amsgrad", "learning_rate": 0.01, "epsilon": 1e-4, "weight_decay": 0.5},
        lambda weights: torch.optim.AdamW(weights, lr=0.01, eps=1e-4, weight_decay=0.5, amsgrad=True),
    ),
    "adagrad with decay": (
        {"optimizer": "adagrad", "learning_rate": 0.01, "epsilon": 1e-3, "weight_decay": 0.1},
        lambda weights: torch.optim.Adagrad(weights, lr=0.01, eps=1e-3, weight_decay=0.1),
    ),
    "rmsprop with decay": (
        {"optimizer": "rmsprop", "learning_rate": 0.005, "rho": 0.9, "epsilon": 1e-3, "weight_decay": 0.1},
        lambda weights: torch.optim.RMSprop(weights, lr=0.005, alpha=0.9, eps=1e-3, weight_decay=0.1),
    ),
    "smoothing": (
        {"learning_rate": 0.1, "label_smoothing": 0.2},
        lambda weights: torch.optim.SGD(weights, lr=0.1),
    ),
    "clipping": (
        {"learning_rate": 0.3, "max_norm": 0.05},
        lambda weights: torch.optim.SGD(weights, lr=0.3),
    ),
    "clipping that is never needed": (
        {"optimizer": "adam", "learning_rate": 0.01, "epsilon": 1e-4, "max_norm": 1e6},
        lambda weights: torch.optim.Adam(weights, lr=0.01, eps=1e-4),
    ),
    "all together": (
        {"learning_rate": 0.1, "momentum": 0.5, "label_smoothing": 0.1, "max_norm": 0.5, "weight_decay": 0.01},
        lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.5, weight_decay=0.01),
    ),
}


def train_plainly(module, batches, make_torchs, settings):
    """Train by PyTorch's own means; return the mean cross-entropy of each batch before its step."""
    weights = list(module.parameters())
    optimizer, losses = make_torchs(weights), []
    for X, y in (map(torch.from_numpy, batch) for batch in batches):
        optimizer.zero_grad()
        logits = module(X)
        F.cross_entropy(logits, y, label_smoothing=settings.get("label_smoothing", 0.0)).backward()
        if "max_norm" in settings:
            nn.utils.clip_grad_norm_(weights, settings["max_norm"])
        optimizer.step()
        losses.append(F.cross_entropy(logits, y).item())
    return losses


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("batch_size", [7, None])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("network", NETWORKS)
def test_ten_steps_of_a_network_are_pytorchs(network, rule, batch_size, digits, batches):
    n_images, epochs = (65, 1) if batch_size else (23, 10)
    X, y = digits[0][:n_images] / digits[0].max(), digits[1][:n_images]
    settings, make_torchs = RULES[rule]
    model = copy.deepcopy(NETWORKS[network]).set_params(epochs=epochs, batch_size=batch_size, **settings)
    training = model.iter_fit(X, y)
    plain = copy.deepcopy(model.module_).train().requires_grad_(True)
    list(training)
    losses = train_plainly(plain, batches, make_torchs, settings)
    assert len(losses) == 10
    found = np.array([epoch.train_loss for epoch in model.history_])
    sizes = [len(labels) for _, labels in batches]
    expected = np.array(losses) if batch_size is None else np.average(losses, weights=sizes)
    np.testing.assert_allclose(found, np.atleast_1d(expected), rtol=1e-5, atol=1e-5)
    for name, weights in plain.state_dict().items():
        np.testing.assert_allclose(model.get_weights()[name], weights.numpy(), atol=1e-5, err_msg=name)


@pytest.mark.parametrize("rule", RULES)
def test_ten_steps_of_softmax_regression_are_pytorchs(rule, digits):
    X, y = digits[0][:50].astype(np.float64), digits[1][:50]
    settings, make_torchs = RULES[rule]
    model = SoftmaxRegression(epochs=10, batch_size=None, **settings).fit(X, y)
    plain = nn.Linear(64, 10, dtype=torch.float64)
    nn.init.zeros_(plain.weight), nn.init.zeros_(plain.bias)
    train_plainly(plain, [(X, y)] * 10, make_torchs, settings)
    np.testing.assert_allclose(model.coef_, plain.weight.detach().numpy(), atol=1e-10)
    np.testing.assert_allclose(model.intercept_, plain.bias.detach().numpy(), atol=1e-10)


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_a_batch_in_several_blocks_is_clipped_once(digits, monkeypatch, n_blocks):
    settings = {"batch_size": 90, "epochs": 2, "learning_rate": 0.5, "max_norm": 0.1, "label_smoothing": 0.1}
    whole = copy.deepcopy(NETWORKS["mlp"]).set_params(**settings).fit(*digits)
    monkeypatch.setattr(torch_network, "_VALUES_AT_ONCE", 90 // n_blocks * (64 + 20 + 12 + 10))
    blocks = copy.deepcopy(NETWORKS["mlp"]).set_params(**settings).fit(*digits)
    assert blocks._at_once == 90 // n_blocks
    for name, weights in whole.get_weights().items():
        np.testing.assert_allclose(blocks.get_weights()[name], weights, atol=1e-5)
