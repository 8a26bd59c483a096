"""A training that is interrupted and continued, beside one without a break."""

from __future__ import annotations

import copy
import pickle
from itertools import islice

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from digitcore.errors import DivergedError, InvalidSetting
from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.base import EpochClassifier
from digitcore.models.hyperparameters import ACTIVATIONS
from digitcore.models.torch_backend import layers as torch_layers
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.autograd import AcceleratorTraining
from digitcore.models.torch_backend.kernels import dropout

RULES = {
    "sgd": {"optimizer": "sgd", "learning_rate": 0.1},
    "momentum": {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.9},
    "nesterov": {"learning_rate": 0.05, "momentum": 0.9, "momentum_kind": "nesterov", "weight_decay": 0.01},
    "adam": {"optimizer": "adam", "learning_rate": 0.01},
    "adam with decay": {"optimizer": "adam", "learning_rate": 0.01, "weight_decay": 0.1},
    "smoothing and clipping": {"learning_rate": 0.1, "label_smoothing": 0.1, "max_norm": 0.3},
    "hard examples": {"learning_rate": 0.1, "hard_fraction": 0.3},
    "amsgrad": {"optimizer": "amsgrad", "learning_rate": 0.01},
    "adagrad": {"optimizer": "adagrad", "learning_rate": 0.02},
    "rmsprop": {"optimizer": "rmsprop", "learning_rate": 0.003, "rho": 0.9},
}
MODELS = {
    "softmax": SoftmaxRegression(random_state=0),
    "mlp": MLP(hidden_units=(20, 12), dropout=0.3, random_state=0),
    "cnn": CNN(channels=(4, 3), kernel_size=2, hidden_units=(9,), dropout=0.25, random_state=0),
    "normalised cnn": CNN(
        channels=(4, 3), kernel_size=2, normalization="batch", hidden_units=(9,), dropout=0.25, random_state=0
    ),
}
ARRAYS = {
    "softmax": {"mean.0", "mean.1", "square.0", "square.1", "n_steps"},
    "mlp": {"mean", "square", "n_steps"},
}


def fresh(model: str | EpochClassifier, **settings) -> EpochClassifier:
    return copy.deepcopy(MODELS[model] if isinstance(model, str) else model).set_params(**settings)


def parts(digits, n_trained=300):
    X, y = digits
    return X[:n_trained], y[:n_trained], (X[400:], y[400:])


def checkpoint_after(n_epochs: int, model: EpochClassifier, *data) -> dict[str, np.ndarray]:
    """Train so many epochs and return the checkpoint as it comes back from a file; the training is broken off."""
    epochs = model.iter_fit(*data)
    for _ in islice(epochs, n_epochs):
        pass
    return load(save(model.checkpoint()))


def figures(model: EpochClassifier) -> list[tuple]:
    return [
        (e.number, e.train_loss, e.train_accuracy, e.validation_loss, e.validation_accuracy) for e in model.history_
    ]


def assert_same(one: EpochClassifier, other: EpochClassifier) -> None:
    assert figures(one) == figures(other)
    assert (one.best_epoch_, one.n_iter_) == (other.best_epoch_, other.n_iter_)
    others = other.get_weights()
    for name, weights in one.get_weights().items():
        np.testing.assert_array_equal(weights, others[name], err_msg=name, strict=True)


# --- The same bits


@pytest.mark.parametrize("batch_size", [32, 7, None])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", MODELS)
def test_three_epochs_and_four_more_are_seven(name, rule, batch_size, digits, monkeypatch):
    # Products as large as those of a real training.
    monkeypatch.setattr(torch_layers, "_LARGE_PRODUCT", 20_000)
    data, settings = parts(digits), {**RULES[rule], "batch_size": batch_size}
    straight = fresh(name, epochs=7, **settings).fit(*data)
    checkpoint = checkpoint_after(3, fresh(name, epochs=100, **settings), *data)
    resumed = fresh(name, epochs=7, **settings)
    epochs = list(resumed.iter_fit(*data, resume_from=checkpoint))
    assert [epoch.number for epoch in epochs] == [4, 5, 6, 7]
    assert resumed.history_[3:] == epochs
    assert_same(resumed, straight)


def test_images_in_float64_and_no_validation_data(digits):
    X, y, _ = parts(digits)
    X = X.astype(np.float64)
    straight = fresh("softmax", epochs=4, **RULES["adam"]).fit(X, y)
    checkpoint = checkpoint_after(2, fresh("softmax", **RULES["adam"]), X, y)
    assert not any(name.startswith("history.validation") for name in checkpoint)
    resumed = fresh("softmax", epochs=4, **RULES["adam"])
    assert len(list(resumed.iter_fit(X, y, resume_from=checkpoint))) == 2
    assert_same(resumed, straight)


@pytest.mark.parametrize("name", MODELS)
def test_a_resumed_training_can_be_interrupted_again(name, digits):
    data = parts(digits)
    straight = fresh(name, epochs=5, **RULES["adam"]).fit(*data)
    first = checkpoint_after(1, fresh(name, **RULES["adam"]), *data)
    again = fresh(name, **RULES["adam"])
    epochs = again.iter_fit(*data, resume_from=first)
    next(epochs), next(epochs)
    resumed = fresh(name, epochs=5, **RULES["adam"])
    assert len(list(resumed.iter_fit(*data, resume_from=again.checkpoint()))) == 2
    assert_same(resumed, straight)


def test_a_batch_in_several_blocks_is_resumed_too(digits, monkeypatch):
    monkeypatch.setattr(torch_network, "_VALUES_AT_ONCE", 37 * (64 + 20 + 12 + 10))
    data, settings = parts(digits), {"batch_size": 100, **RULES["sgd"]}
    straight = fresh("mlp", epochs=4, **settings).fit(*data)
    checkpoint = checkpoint_after(2, fresh("mlp", **settings), *data)
    resumed = fresh("mlp", epochs=4, **settings)
    list(resumed.iter_fit(*data, resume_from=checkpoint))
    assert_same(resumed, straight)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_masks_that_were_drawn_ahead_and_not_used_do_not_matter(name, digits, monkeypatch):
    monkeypatch.setattr(dropout, "_VALUES_DRAWN", 8 * 20 * 12)
    data = parts(digits)
    straight = fresh(name, batch_size=20, epochs=3).fit(*data)
    resumed = fresh(name, batch_size=20, epochs=3)
    checkpoint = checkpoint_after(1, fresh(name, batch_size=20), *data)
    list(resumed.iter_fit(*data, resume_from=checkpoint))
    assert_same(resumed, straight)


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "relu"])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_training_with_another_activation_is_resumed_too(name, activation, digits):
    data, settings = parts(digits), {"activation": activation, "weight_scale": 2.0, **RULES["momentum"]}
    straight = fresh(name, epochs=4, **settings).fit(*data)
    resumed = fresh(name, epochs=4, **settings)
    list(resumed.iter_fit(*data, resume_from=checkpoint_after(2, fresh(name, **settings), *data)))
    assert_same(resumed, straight)


@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_does_not_disturb_the_training(name, digits):
    data = parts(digits)
    undisturbed = fresh(name, epochs=4, **RULES["adam"]).fit(*data)
    watched = fresh(name, epochs=4, **RULES["adam"])
    kept = []
    for _ in watched.iter_fit(*data):
        checkpoint = watched.checkpoint()
        kept.append((checkpoint, save(checkpoint)))
    assert_same(watched, undisturbed)
    assert all(save(checkpoint) == before for checkpoint, before in kept), "a later epoch changed an earlier checkpoint"


@pytest.mark.parametrize("name", MODELS)
def test_a_resumed_training_does_not_change_its_checkpoint(name, digits):
    data = parts(digits)
    checkpoint = checkpoint_after(2, fresh(name, patience=9, **RULES["adam"]), *data)
    before = save(checkpoint)
    list(fresh(name, patience=9, epochs=4, **RULES["adam"]).iter_fit(*data, resume_from=checkpoint))
    assert save(checkpoint) == before


def test_the_callers_random_state_is_not_set_back(digits):
    data, given = parts(digits), np.random.RandomState(5)
    checkpoint = checkpoint_after(1, fresh("softmax"), *data)
    list(fresh("softmax", epochs=3, random_state=given).iter_fit(*data, resume_from=checkpoint))
    assert given.randint(10**6) == np.random.RandomState(5).randint(10**6)


@pytest.mark.parametrize("name", MODELS)
def test_a_resumed_estimator_does_all_that_a_fitted_one_does(name, digits):
    X, y, held_out = parts(digits)
    straight = fresh(name, epochs=3).fit(X, y, held_out)
    checkpoint = checkpoint_after(2, fresh(name), X, y, held_out)
    resumed = fresh(name, epochs=3)
    list(resumed.iter_fit(X, y, held_out, resume_from=checkpoint))
    np.testing.assert_array_equal(resumed.predict_proba(X), straight.predict_proba(X))
    np.testing.assert_array_equal(resumed.input_gradients(X[0]), straight.input_gradients(X[0]))
    for method in ("weight_gradients", "activations"):
        arguments = (X, y) if method == "weight_gradients" else (X,)
        mine, theirs = getattr(resumed, method)(*arguments), getattr(straight, method)(*arguments)
        assert all(np.array_equal(values, theirs[layer]) for layer, values in mine.items())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(resumed)).predict(X), straight.predict(X))


# --- Early stopping


def stopping(digits, name, **settings):
    """Return a model that stops early by itself, its data and the model after an uninterrupted training."""
    rate = 0.02 if name == "normalised cnn" else 0.1
    model = fresh(name, **{"epochs": 60, "patience": 3, **RULES["momentum"], "learning_rate": rate, **settings})
    data = parts(digits)
    straight = fresh(model).fit(*data)
    assert 2 < straight.best_epoch_ < straight.n_iter_ < 60
    return model, data, straight


@pytest.mark.parametrize("name", MODELS)
def test_best_weights_from_before_the_checkpoint_are_put_back(name, digits):
    model, data, straight = stopping(digits, name)
    checkpoint = checkpoint_after(straight.best_epoch_ + 1, fresh(model), *data)
    resumed = fresh(model)
    epochs = list(resumed.iter_fit(*data, resume_from=checkpoint))
    assert [epoch.number for epoch in epochs] == [straight.n_iter_ - 1, straight.n_iter_]
    assert_same(resumed, straight)


@pytest.mark.parametrize("name", MODELS)
def test_early_stopping_after_the_resumption_comes_at_the_same_epoch(name, digits):
    model, data, straight = stopping(digits, name)
    resumed = fresh(model)
    list(resumed.iter_fit(*data, resume_from=checkpoint_after(2, fresh(model), *data)))
    assert_same(resumed, straight)


def test_a_training_that_stopped_early_has_no_more_epochs(digits):
    model, data, straight = stopping(digits, "mlp")
    resumed = fresh(model, epochs=1000)
    checkpoint = checkpoint_after(straight.n_iter_, fresh(model), *data)
    assert list(resumed.iter_fit(*data, resume_from=checkpoint)) == []
    assert_same(resumed, straight)


@pytest.mark.parametrize("patience", [None, 5])
@pytest.mark.parametrize("name", MODELS)
def test_a_training_with_all_its_epochs_has_no_more(name, patience, digits):
    data, settings = parts(digits), {"epochs": 3, "patience": patience, **RULES["adam"]}
    straight = fresh(name, **settings).fit(*data)
    resumed = fresh(name, **settings)
    checkpoint = checkpoint_after(3, fresh(name, **settings), *data)
    assert list(resumed.iter_fit(*data, resume_from=checkpoint)) == []
    assert_same(resumed, straight)


# --- What is in a checkpoint


@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_has_named_arrays_of_types_that_safetensors_knows(name, digits):
    model = fresh(name, patience=4, **RULES["adam"])
    epochs = model.iter_fit(*parts(digits))
    next(epochs)
    checkpoint = model.checkpoint()
    weights = model.get_weights()
    assert {array.dtype.name for array in checkpoint.values()} <= {"float32", "float64", "int64", "uint8"}
    assert set(checkpoint) == {
        *(f"{part}.{layer}" for part in ("weights", "best") for layer in weights),
        *(f"optimizer.{array}" for array in ARRAYS.get(name, ARRAYS["mlp"])),
        *(f"history.{part}_{figure}" for part in ("train", "validation") for figure in ("loss", "accuracy")),
        "history.seconds",
        "random",
    }
    assert all(np.array_equal(checkpoint[f"weights.{layer}"], array) for layer, array in weights.items())
    assert checkpoint["optimizer.n_steps"] == 10


def test_a_suspended_estimator_can_be_copied_and_the_copy_is_not_suspended(digits):
    model = fresh("mlp")
    epochs = model.iter_fit(*digits)
    next(epochs)
    copied = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copied.predict(digits[0]), model.predict(digits[0]))
    with pytest.raises(InvalidSetting, match="only while iter_fit is suspended"):
        copied.checkpoint()


# --- What is refused


def test_there_is_a_checkpoint_only_at_an_epoch(digits):
    model = fresh("softmax", epochs=2)
    message = "There is a checkpoint only while iter_fit is suspended at an epoch that it yielded"
    for prepare in (lambda: None, lambda: model.fit(*digits), lambda: model.iter_fit(*digits)):
        left = prepare()
        with pytest.raises(InvalidSetting, match=message):
            model.checkpoint()
        del left
    epochs = model.iter_fit(*digits)
    next(epochs)
    epochs.close()
    with pytest.raises(InvalidSetting, match=message):
        model.checkpoint()


def test_a_diverged_training_has_no_checkpoint(digits):
    model = fresh("mlp", learning_rate=1000.0, momentum=0.999, epochs=200)
    with pytest.raises(DivergedError):
        model.fit((digits[0] - 0.5) * np.float32(1e30), digits[1])
    with pytest.raises(InvalidSetting, match="only while iter_fit is suspended"):
        model.checkpoint()


WRONG = {
    "missing": (lambda given: given.pop("random"), "it lacks array 'random'"),
    "unknown": (lambda given: given.update(more=np.zeros(1)), "it has the unknown array 'more'"),
    "empty": (lambda given: given.clear(), "it lacks array 'history.seconds'"),
    "shape": (
        lambda given: given.update({"weights.output.bias": np.zeros(9, np.float32)}),
        r"'weights.output.bias' must be float32 of shape \(10,\), got float32 of shape \(9,\)",
    ),
    "type": (
        lambda given: given.update({"weights.output.bias": np.zeros(10)}),
        r"'weights.output.bias' must be float32 of shape \(10,\), got float64",
    ),
    "random numbers": (
        lambda given: given.update(random=given["random"][:-1]),
        "'random' must be (uint8|int64) of shape",
    ),
    "history": (
        lambda given: given.update({"history.seconds": np.zeros(3)}),
        r"'history.seconds' must be float64 of shape \(2,\), got float64 of shape \(3,\)",
    ),
    "no epochs": (
        lambda given: given.update({name: given[name][:0] for name in given if name.startswith("history")}),
        "must have 1 to 5 epochs, as many as are wanted in all, got 0",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", MODELS)
def test_a_wrong_checkpoint_is_refused_and_the_estimator_not_fitted(name, wrong, digits):
    data, (spoil, message) = parts(digits), WRONG[wrong]
    checkpoint = checkpoint_after(2, fresh(name), *data)
    spoil(checkpoint)
    model = fresh(name, epochs=5)
    with pytest.raises(InvalidSetting, match=message):
        model.iter_fit(*data, resume_from=checkpoint)
    assert not hasattr(model, "history_")
    assert not model.__sklearn_is_fitted__()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 1}, "must have 1 to 1 epochs, as many as are wanted in all, got 2"),
        ({"optimizer": "adam"}, "it lacks array 'optimizer.mean'"),
        ({"patience": 3}, "it lacks array 'best.dense_1.bias'"),
        ({"hidden_units": (20,)}, "it has the unknown array 'weights.dense_2.bias'"),
        ({"hidden_units": (20, 13)}, r"'weights.dense_2.weight' must be float32 of shape \(13, 20\), got float32"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(settings, message, digits):
    checkpoint = checkpoint_after(2, fresh("mlp"), *parts(digits))
    with pytest.raises(InvalidSetting, match=message):
        fresh("mlp", **settings).iter_fit(*parts(digits), resume_from=checkpoint)


def test_validation_data_must_be_there_as_before(digits):
    X, y, held_out = parts(digits)
    with pytest.raises(InvalidSetting, match="it lacks array 'history.validation_accuracy'"):
        fresh("mlp").iter_fit(X, y, held_out, resume_from=checkpoint_after(1, fresh("mlp"), X, y))
    with pytest.raises(InvalidSetting, match="it has the unknown array 'history.validation_accuracy'"):
        fresh("mlp").iter_fit(X, y, resume_from=checkpoint_after(1, fresh("mlp"), X, y, held_out))


def test_random_numbers_that_a_checkpoint_cannot_hold_are_named(digits):
    model = fresh("softmax", random_state=np.random.RandomState(np.random.PCG64(0)))
    epochs = model.iter_fit(*digits)
    next(epochs)
    with pytest.raises(InvalidSetting, match="random_state of NumPy's MT19937 has checkpoints, got one of PCG64"):
        model.checkpoint()


def test_a_training_on_an_accelerator_has_no_checkpoint(digits, monkeypatch):
    checkpoint = checkpoint_after(1, fresh("mlp"), *digits)

    def elsewhere(module, layers, make_network, at_once, *others):
        return AcceleratorTraining(module, torch.device("cpu"), at_once, *others)

    monkeypatch.setattr(torch_network, "NetworkTraining", elsewhere)
    model = fresh("mlp", epochs=2)
    for _ in model.iter_fit(*digits):
        with pytest.raises(
            InvalidSetting, match='Only a training on the processor has checkpoints: set device to "cpu"'
        ):
            model.checkpoint()
    with pytest.raises(InvalidSetting, match="Only a training on the processor"):
        model.iter_fit(*digits, resume_from=checkpoint)


# Going on with other settings.

OTHER_SETTINGS = {
    "softmax": {"learning_rate": 0.002},
    "mlp": {"learning_rate": 0.003, "dropout": 0.1, "batch_size": 50},
    "cnn": {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.5},
    "normalised cnn": {"optimizer": "adam", "learning_rate": 0.002},
}


@pytest.mark.parametrize("name", MODELS)
def test_a_training_with_other_settings_goes_on_from_the_weights_of_the_first(name, digits):
    X, y, held_out = parts(digits)
    given = checkpoint_after(3, fresh(name, epochs=3), X, y, held_out)
    model = fresh(name, epochs=5, **OTHER_SETTINGS[name])
    epochs = model.iter_fit(X, y, held_out, resume_from=given, n_inherited=3)
    for weight, array in model.get_weights().items():
        np.testing.assert_array_equal(array, given[f"weights.{weight}"])
    assert [epoch.number for epoch in epochs] == [4, 5]
    assert [epoch.train_loss for epoch in model.history_[:3]] == given["history.train_loss"].tolist()


def test_with_the_same_settings_it_is_the_longer_training(digits):
    X, y, held_out = parts(digits)
    given = checkpoint_after(3, fresh("mlp", epochs=3), X, y, held_out)
    model = fresh("mlp", epochs=6)
    list(model.iter_fit(X, y, held_out, resume_from=given, n_inherited=3))
    whole = fresh("mlp", epochs=6).fit(X, y, held_out)
    assert figures(model) == figures(whole)
    for name, weights in whole.get_weights().items():
        np.testing.assert_array_equal(model.get_weights()[name], weights)


def test_the_running_means_of_the_same_optimizer_are_inherited_and_those_of_another_are_not(digits):
    X, y, _ = parts(digits)
    given = checkpoint_after(3, fresh("mlp", epochs=3), X, y)

    def first_step(**settings):
        model = fresh("mlp", epochs=4, dropout=0.0, batch_size=None, **settings)
        list(model.iter_fit(X, y, resume_from=given, n_inherited=3))
        return np.concatenate([array.ravel() for array in model.get_weights().values()])

    before = np.concatenate([given[f"weights.{name}"].ravel() for name in fresh("mlp").fit(X, y).get_weights()])
    # Adam's very first step is the learning rate in every direction; later ones are smaller for most weights.
    afresh = np.abs(first_step(optimizer="amsgrad") - before)
    inherited = np.abs(first_step() - before)
    moved = afresh > 0
    assert np.median(afresh[moved]) == pytest.approx(0.01, rel=0.01)
    assert np.median(inherited[moved]) < 0.009


@pytest.mark.parametrize("patience", [None, 2])
def test_a_training_that_inherited_epochs_can_be_interrupted_too(patience, digits):
    X, y, held_out = parts(digits)
    first = checkpoint_after(2, fresh("mlp", epochs=2), X, y)  # without validation data
    settings = {"epochs": 7, "learning_rate": 0.02, "patience": patience}
    whole = fresh("mlp", **settings)
    list(whole.iter_fit(X, y, held_out, resume_from=first, n_inherited=2))
    broken = fresh("mlp", **settings)
    epochs = broken.iter_fit(X, y, held_out, resume_from=first, n_inherited=2)
    next(epochs), next(epochs)
    own = load(save(broken.checkpoint()))
    resumed = fresh("mlp", **settings)
    list(resumed.iter_fit(X, y, held_out, resume_from=own, n_inherited=2))
    assert_same(resumed, whole)
    assert [epoch.validation_loss is None for epoch in resumed.history_[:3]] == [True, True, False]
    assert whole.best_epoch_ > 2


def test_figures_of_validation_images_that_are_no_more_there_are_kept(digits):
    X, y, held_out = parts(digits)
    first = checkpoint_after(2, fresh("mlp", epochs=2), X, y, held_out)
    model = fresh("mlp", epochs=4)
    epochs = model.iter_fit(X, y, resume_from=first, n_inherited=2)
    next(epochs)
    own = load(save(model.checkpoint()))
    assert [epoch.validation_loss is None for epoch in model.history_] == [False, False, True]
    resumed = fresh("mlp", epochs=4)
    list(resumed.iter_fit(X, y, resume_from=own, n_inherited=2))
    list(epochs)
    assert_same(resumed, model)


def test_weights_of_other_layers_are_not_inherited(digits):
    X, y, _ = parts(digits)
    given = checkpoint_after(2, fresh("mlp", epochs=2), X, y)
    with pytest.raises(InvalidSetting, match="only go on from one with the same layers"):
        fresh("mlp", epochs=4, hidden_units=(9,)).iter_fit(X, y, resume_from=given, n_inherited=2)
