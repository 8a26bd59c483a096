from __future__ import annotations

import numpy as np
import pytest
import torch

from digitcore.errors import InvalidSetting
from digitcore.models.hyperparameters import OPTIMIZERS
from digitcore.models.numpy_optimizers import SGD, Adagrad, Adam, AMSGrad, RMSprop, make_optimizer

SETTINGS = {"learning_rate": 0.1, "momentum": 0.0, "rho": 0.99, "epsilon": 1e-8}
SHAPES = [(3, 4), (3,)]
RULES = {
    "sgd": (lambda w: SGD(w, 0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (lambda w: SGD(w, 0.1, momentum=0.9), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
    "nesterov": (
        lambda w: SGD(w, 0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    ),
    "sgd decay": (lambda w: SGD(w, 0.1, weight_decay=0.2), lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.2)),
    "adam decay": (lambda w: Adam(w, 0.1, weight_decay=0.2), lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.2)),
    "amsgrad decay": (
        lambda w: AMSGrad(w, 0.1, weight_decay=0.2),
        lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.2, amsgrad=True),
    ),
    "adagrad decay": (
        lambda w: Adagrad(w, 0.1, weight_decay=0.2),
        lambda p: torch.optim.Adagrad(p, lr=0.1, weight_decay=0.2),
    ),
    "rmsprop decay": (
        lambda w: RMSprop(w, 0.1, weight_decay=0.2),
        lambda p: torch.optim.RMSprop(p, lr=0.1, weight_decay=0.2),
    ),
    "adam": (lambda w: Adam(w, 0.1), lambda p: torch.optim.Adam(p, lr=0.1)),
    "adam epsilon": (lambda w: Adam(w, 0.1, epsilon=0.1), lambda p: torch.optim.Adam(p, lr=0.1, eps=0.1)),
    "amsgrad": (lambda w: AMSGrad(w, 0.1), lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True)),
    "adagrad": (lambda w: Adagrad(w, 0.1), lambda p: torch.optim.Adagrad(p, lr=0.1)),
    "adagrad epsilon": (lambda w: Adagrad(w, 0.1, epsilon=0.1), lambda p: torch.optim.Adagrad(p, lr=0.1, eps=0.1)),
    "rmsprop": (lambda w: RMSprop(w, 0.1), lambda p: torch.optim.RMSprop(p, lr=0.1)),
    "rmsprop rho": (
        lambda w: RMSprop(w, 0.1, rho=0.5, epsilon=0.01),
        lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.5, eps=0.01),
    ),
}


def gradients_of_a_training(rng: np.random.Generator, n_steps: int = 12) -> list[list[np.ndarray]]:
    """Gradients that shrink, so that AMSGrad and Adam go different ways."""
    return [[rng.normal(size=shape) / (1 + step) ** 3 for shape in SHAPES] for step in range(n_steps)]


@pytest.mark.parametrize("rule", RULES)
def test_every_step_is_torchs(rule, rng):
    make_own, make_torchs = RULES[rule]
    own = [rng.normal(size=shape) for shape in SHAPES]
    torchs = [torch.nn.Parameter(torch.tensor(array)) for array in own]
    own_rule, torchs_rule = make_own(own), make_torchs(torchs)
    for gradients in gradients_of_a_training(rng):
        for weights, gradient in zip(torchs, gradients, strict=True):
            weights.grad = torch.tensor(gradient)
        torchs_rule.step()
        own_rule.step(gradients)
        for weights, expected in zip(own, torchs, strict=True):
            np.testing.assert_allclose(weights, expected.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_amsgrad_and_adam_differ_on_the_gradients_of_these_tests(rng):
    steps = gradients_of_a_training(rng)
    ends = []
    for rule in (Adam, AMSGrad):
        weights = [np.zeros(shape) for shape in SHAPES]
        optimizer = rule(weights, 0.1)
        for gradients in steps:
            optimizer.step(gradients)
        ends.append(weights[0])
    assert np.abs(ends[0] - ends[1]).max() > 1e-5


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_factory_makes_every_optimizer_with_its_settings(name, rng):
    own_settings = {
        "sgd": {"momentum": 0.5, "weight_decay": 0.25},
        "rmsprop": {"rho": 0.7, "epsilon": 0.3},
    }.get(name, {"epsilon": 0.3})
    optimizer = make_optimizer(name, [np.zeros(2)], **(SETTINGS | own_settings))
    assert vars(optimizer).items() >= {"learning_rate": 0.1, **own_settings}.items()


def test_factory_tells_nesterovs_momentum_from_the_classical_one():
    kinds = [make_optimizer("sgd", [], **SETTINGS, momentum_kind=kind).nesterov for kind in ("classical", "nesterov")]
    assert kinds == [False, True]


def test_factory_tells_amsgrad_from_adam():
    kinds = [type(make_optimizer(name, [np.zeros(2)], **SETTINGS)) for name in ("adam", "amsgrad")]
    assert kinds == [Adam, AMSGrad]


def test_unknown_optimizer_is_refused():
    with pytest.raises(InvalidSetting, match=r"Unknown optimizer 'adan': .* Did you mean 'adam'\?"):
        make_optimizer("adan", [np.zeros(2)], **SETTINGS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_weights_stay_float32(name):
    weights = [np.ones(3, dtype=np.float32)]
    optimizer = make_optimizer(name, weights, **SETTINGS)
    optimizer.step([np.ones(3, dtype=np.float32)])
    assert optimizer.weights[0] is weights[0]
    assert weights[0].dtype == np.float32
    assert (weights[0] < 1).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_are_not_changed(name):
    gradient = np.array([1.0, -2.0])
    optimizer = make_optimizer(name, [np.zeros(2)], **(SETTINGS | {"momentum": 0.9}))
    optimizer.step([gradient])
    optimizer.step([gradient])
    assert gradient.tolist() == [1.0, -2.0]
