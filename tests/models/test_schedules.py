"""Learning-rate schedules beside those of PyTorch, and what depends on where a training ends."""

from __future__ import annotations

import copy
from itertools import islice

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from digitcore.errors import InvalidSetting
from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.schedules import Schedule, learning_rates_table
from digitcore.models.softmax import SoftmaxTraining
from digitcore.models.torch_backend.network import NetworkTraining

MODELS = {
    "softmax": SoftmaxRegression(random_state=0),
    "mlp": MLP(hidden_units=(20, 12), dropout=0.3, random_state=0),
    "cnn": CNN(channels=(4,), hidden_units=(9,), random_state=0),
}
SCHEDULES = {
    "step": {"schedule": "step", "step_epochs": 2, "step_factor": 0.5},
    "cosine": {"schedule": "cosine"},
    "one_cycle": {"schedule": "one_cycle", "warm_up": 0.3},
}


def torchs_rates(settings, n_batches):
    """The rate of every update, by PyTorch's own scheduler."""
    n_steps = settings["epochs"] * n_batches
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=settings["learning_rate"])
    per_batch = True
    if settings["schedule"] == "step":
        per_batch = False
        scheduler = lr_scheduler.StepLR(optimizer, settings["step_epochs"], settings["step_factor"])
    elif settings["schedule"] == "cosine":
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    else:
        highest = settings["learning_rate"]
        scheduler = lr_scheduler.OneCycleLR(
            optimizer, highest, total_steps=n_steps, pct_start=settings["warm_up"], cycle_momentum=False
        )
    rates = []
    for step in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < n_steps and (per_batch or (step + 1) % n_batches == 0):
            scheduler.step()
    return rates


@pytest.mark.parametrize("n_batches", [1, 3, 40])
@pytest.mark.parametrize("epochs", [1, 2, 7])
@pytest.mark.parametrize(
    "schedule",
    [*SCHEDULES.values(), {"schedule": "one_cycle", "warm_up": 0.0}, {"schedule": "one_cycle", "warm_up": 0.9}],
)
def test_every_rate_is_pytorchs(schedule, epochs, n_batches):
    settings = {"learning_rate": 0.3, "epochs": epochs, **schedule}
    own = Schedule(settings, n_batches)
    rates = [own.next_rate() for _ in range(epochs * n_batches)]
    assert rates == pytest.approx(torchs_rates(settings, n_batches), rel=1e-9, abs=1e-12)


def test_a_warm_up_of_one_update_starts_at_the_highest_rate():
    """PyTorch divides by zero here."""
    schedule = Schedule({"learning_rate": 0.3, "epochs": 10, "schedule": "one_cycle", "warm_up": 0.1}, 1)
    assert [schedule.rate(0), schedule.rate(9)] == pytest.approx([0.3, 0.3 / 25 / 1e4])


@pytest.fixture
def rates_of(monkeypatch):
    """Returns the rate of every update while a model is fitted to images."""

    def fitted(model, *data):
        seen = []
        for kind, optimizer in ((NetworkTraining, "update"), (SoftmaxTraining, "optimizer")):
            one_batch = kind._one_batch

            def watched(self, *batch, one_batch=one_batch, optimizer=optimizer):
                seen.append(getattr(self, optimizer).learning_rate)
                return one_batch(self, *batch)

            monkeypatch.setattr(kind, "_one_batch", watched)
        model.fit(*data)
        monkeypatch.undo()
        return seen

    return fitted


@pytest.mark.parametrize("batch_size", [250, None])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", MODELS)
def test_a_training_has_the_rates_of_its_schedule(name, schedule, batch_size, digits, rates_of):
    settings = {"learning_rate": 0.05, "epochs": 4, **SCHEDULES[schedule]}
    model = copy.deepcopy(MODELS[name]).set_params(batch_size=batch_size, **settings)
    n_batches = 1 if batch_size is None else 3
    assert rates_of(model, *digits) == pytest.approx(torchs_rates(settings, n_batches), rel=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_a_warm_start_begins_the_schedule_anew(name, digits, rates_of):
    model = copy.deepcopy(MODELS[name]).set_params(warm_start=True, epochs=2, batch_size=None, **SCHEDULES["cosine"])
    first, second = rates_of(model, *digits), rates_of(model, *digits)
    assert first == second == pytest.approx([0.01, 0.005])


@pytest.mark.parametrize("name", ["softmax", "mlp"])
def test_a_warm_start_with_a_schedule_goes_on_with_the_optimizers_state(name, digits):
    settings = {"warm_start": True, "epochs": 1, "optimizer": "adam", **SCHEDULES["cosine"]}
    model = copy.deepcopy(MODELS[name]).set_params(**settings).fit(*digits).set_params(schedule="constant").fit(*digits)
    assert model._kept_state["optimizer.n_steps"] == 2 * 19


@pytest.mark.parametrize("name", MODELS)
def test_partial_fit_refuses_a_schedule(name, digits):
    model = copy.deepcopy(MODELS[name]).set_params(schedule="one_cycle")
    with pytest.raises(
        InvalidSetting, match="partial_fit cannot follow the schedule 'one_cycle', .*set schedule to 'con"
    ):
        model.partial_fit(*digits, classes=range(10))
    assert not hasattr(model, "classes_")


def checkpoint_after(n_epochs, model, digits):
    for _ in islice(model.iter_fit(*digits), n_epochs):
        checkpoint = model.checkpoint()
    return checkpoint


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_a_checkpoint_is_of_no_use_where_the_schedule_ends_elsewhere(schedule, digits):
    model = copy.deepcopy(MODELS["mlp"]).set_params(epochs=3, schedule=schedule)
    checkpoint = checkpoint_after(2, model, digits)
    longer = copy.deepcopy(MODELS["mlp"]).set_params(epochs=9, schedule=schedule)
    with pytest.raises(InvalidSetting, match="ends with epoch 3, so that a training of 9 epochs cannot go on from it"):
        longer.iter_fit(*digits, resume_from=checkpoint)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", MODELS)
def test_an_interrupted_training_goes_on_with_the_same_bits(name, schedule, digits):
    model = copy.deepcopy(MODELS[name]).set_params(epochs=5, momentum=0.9, **SCHEDULES[schedule])
    straight = copy.deepcopy(model).fit(*digits)
    checkpoint = checkpoint_after(3, copy.deepcopy(model), digits)
    assert checkpoint["schedule.n_steps"] == 3 * 19
    epochs = list(model.iter_fit(*digits, resume_from=checkpoint))
    assert [epoch.train_loss for epoch in epochs] == [epoch.train_loss for epoch in straight.history_[3:]]
    for layer, weights in straight.get_weights().items():
        np.testing.assert_array_equal(model.get_weights()[layer], weights)


def test_steps_go_on_in_a_longer_training(digits):
    model = copy.deepcopy(MODELS["mlp"]).set_params(**SCHEDULES["step"])
    straight = copy.deepcopy(model).set_params(epochs=5).fit(*digits)
    checkpoint = checkpoint_after(3, copy.deepcopy(model).set_params(epochs=3), digits)
    list(model.set_params(epochs=5).iter_fit(*digits, resume_from=checkpoint))
    for name, weights in straight.get_weights().items():
        np.testing.assert_array_equal(model.get_weights()[name], weights)


@pytest.mark.parametrize("n_batches", [1, 2000])
def test_the_table_has_the_rates_of_whole_trainings_and_of_shortened_ones(n_batches):
    settings = {"learning_rate": 0.3, "epochs": 4, **SCHEDULES["step"]}
    table = learning_rates_table(settings, n_batches)
    assert len(table) <= 301
    assert (table["epoch"].iloc[0], table["epoch"].iloc[-1]) == (0, 4)
    assert table["learning_rate"].tolist() == [0.3 if epoch < 2 else 0.15 for epoch in table["epoch"]]
    assert learning_rates_table(settings, n_batches, 2)["learning_rate"].unique().tolist() == [0.3]


def test_one_cycle_and_momentum_learn_the_digits(digits):
    X, y = digits
    settings = {"schedule": "one_cycle", "learning_rate": 0.2, "momentum": 0.9, "epochs": 10}
    model = MLP(random_state=0, **settings).fit(X[:450], y[:450])
    assert model.score(X[450:], y[450:]) > 0.85
