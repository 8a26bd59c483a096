"""The training loop that all estimators share, on a model with scripted figures and on the real ones."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split

from digitcore.errors import DivergedError, InvalidSetting
from digitcore.models import CNN, MLP, Epoch, SoftmaxRegression
from digitcore.models.base import EpochClassifier
from digitcore.models.training import Score, Training

MODELS = {
    "softmax": SoftmaxRegression(epochs=3, learning_rate=0.1, momentum=0.9, random_state=0),
    "mlp": MLP(epochs=3, learning_rate=0.1, momentum=0.9, random_state=0),
    "cnn": CNN(epochs=3, learning_rate=0.1, channels=(4,), hidden_units=(16,), momentum=0.9, random_state=0),
}


@pytest.fixture(params=MODELS)
def model(request) -> EpochClassifier:
    return copy.deepcopy(MODELS[request.param])


class Scripted(SoftmaxRegression):
    """A classifier whose figures are given, and whose one weight is the number of the epoch."""

    _WEIGHTS_ATTRIBUTE = "weight_"

    def train(self, *, validation: bool = True) -> Scripted:
        return self.fit([[0.0], [1.0]], [0, 1], ([[0.0]], [0]) if validation else None)

    def _start_training(self, layers, train, held_out, settings, random_state) -> Training:
        self.weight_ = 0.0
        return ScriptedTraining(self, held_out is not None)

    def _copy_weights(self):
        return {"weight": np.array(self.weight_)}

    def _load_weights(self, layers, weights):
        self.weight_ = float(weights["weight"])


def scripted(accuracies, losses=None, **settings) -> Scripted:
    model = Scripted(**settings)
    model.accuracies, model.losses = accuracies, losses or [1.0] * len(accuracies)
    return model


class ScriptedTraining(Training):
    def __init__(self, model: Scripted, validates: bool):
        self.model, self.validates = model, validates

    def one_epoch(self) -> Score:
        self.model.weight_ += 1
        return Score(self._now(self.model.losses), 0.5 if self.validates else self._accuracy())

    def score_held_out(self) -> Score | None:
        return Score(1.0, self._accuracy()) if self.validates else None

    def weights_are_finite(self) -> bool:
        return math.isfinite(self.model.weight_)

    def batch_losses(self, rates):
        raise NotImplementedError

    def _accuracy(self) -> float:
        return self._now(self.model.accuracies)

    def _now(self, values) -> float:
        return values[int(self.model.weight_) - 1]


# --- Early stopping


@pytest.mark.parametrize("validation", [True, False])
@pytest.mark.parametrize(
    ("accuracies", "patience", "n_trained", "best"),
    [
        ([0.1, 0.2, 0.2, 0.2, 0.9], 2, 4, 2),  # an equal accuracy is no rise
        ([0.3, 0.2, 0.1, 0.9, 0.9], 1, 2, 1),
        ([0.1, 0.0, 0.2, 0.1, 0.3], 2, 5, 5),  # each rise starts the count anew
        ([0.1, 0.0, 0.2, 0.1, 0.0], 2, 5, 3),
        ([0.5, 0.5, 0.5, 0.5, 0.5], 3, 4, 1),
        ([0.0, 0.0, 0.1, 0.1, 0.1], 9, 5, 3),
    ],
)
def test_patience_counts_epochs_without_a_rise(accuracies, patience, n_trained, best, validation):
    model = scripted(accuracies, epochs=5, patience=patience).train(validation=validation)
    assert (model.n_iter_, len(model.history_), model.best_epoch_) == (n_trained, n_trained, best)
    assert model.weight_ == best


def test_without_patience_the_last_weights_stay_and_the_best_epoch_is_named():
    model = scripted([0.1, 0.9, 0.9, 0.2], epochs=4).train()
    assert (model.n_iter_, model.best_epoch_, model.weight_) == (4, 2, 4.0)


def test_best_epoch_is_told_by_validation_not_by_training():
    model = scripted([0.1, 0.4, 0.3], epochs=3).train()
    assert model.best_epoch_ == 2


def test_best_weights_of_a_real_training_are_restored(model, digits):
    X, y = digits
    held_out = (X[400:], y[400:])
    model.set_params(epochs=40, patience=3, learning_rate=0.3)
    weights = [(model.get_weights(), epoch) for epoch in model.iter_fit(X[:400], y[:400], held_out)]
    best, epoch = weights[model.best_epoch_ - 1]
    assert model.best_epoch_ < model.n_iter_ < 40
    assert all(np.array_equal(best[name], array) for name, array in model.get_weights().items())
    assert model.score(*held_out) == pytest.approx(epoch.validation_accuracy)


# --- Epochs


def test_fit_is_a_loop_over_iter_fit(model, digits):
    epochs = list(model.iter_fit(*digits, digits))
    stepwise = model.get_weights()
    model.fit(*digits, digits)
    assert [e.number for e in epochs] == [1, 2, 3]
    assert [e.train_loss for e in epochs] == [e.train_loss for e in model.history_]
    assert all(np.array_equal(stepwise[name], array) for name, array in model.get_weights().items())


def test_history_holds_the_epochs_that_were_yielded(model, digits):
    assert list(model.iter_fit(*digits)) == model.history_
    assert all(isinstance(epoch, Epoch) and epoch.seconds > 0 for epoch in model.history_)


def test_epochs_without_validation_data_have_no_validation_figures(model, digits):
    model.fit(*digits)
    assert {(e.validation_loss, e.validation_accuracy) for e in model.history_} == {(None, None)}


def test_validation_figures_are_those_of_the_weights_after_the_epoch(model, digits):
    X, y = digits
    for epoch in model.iter_fit(X[:400], y[:400], (X[400:], y[400:])):
        assert epoch.validation_accuracy == pytest.approx(model.score(X[400:], y[400:]))
        truth = model.predict_proba(X[400:])[np.arange(200), y[400:]]
        assert epoch.validation_loss == pytest.approx(-np.log(truth).mean(), rel=1e-4)


def test_training_lowers_the_loss(model, digits):
    model.set_params(epochs=8).fit(*digits)
    losses = [epoch.train_loss for epoch in model.history_]
    assert losses[-1] < 0.5 * losses[0]


def test_watching_between_epochs_does_not_change_the_training(model, digits):
    undisturbed = model.fit(*digits).get_weights()
    for _ in model.iter_fit(*digits):
        model.predict(digits[0])
    assert all(np.array_equal(undisturbed[name], array) for name, array in model.get_weights().items())


def test_seconds_leave_out_the_time_between_epochs(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("digitcore.models.training.time.perf_counter", lambda: next(clock))
    model = scripted([0.1, 0.1], epochs=2)
    for _ in model.iter_fit([[0.0], [1.0]], [0, 1]):
        next(clock)
    assert [epoch.seconds for epoch in model.history_] == [1, 1]


# --- Cancelling


def test_closing_the_generator_leaves_the_weights_so_far():
    model = scripted([0.5, 0.4, 0.3, 0.9], epochs=4)
    epochs = model.iter_fit([[0.0], [1.0]], [0, 1])
    next(epochs), next(epochs)
    epochs.close()
    assert (model.weight_, model.n_iter_, model.best_epoch_) == (2.0, 2, 1)


def test_closing_the_generator_with_patience_leaves_the_best_weights_so_far():
    model = scripted([0.5, 0.4, 0.3, 0.9], epochs=4, patience=9)
    for epoch in model.iter_fit([[0.0], [1.0]], [0, 1]):
        if epoch.number == 3:
            break
    assert (model.weight_, model.n_iter_) == (1.0, 3)


def test_cancelled_estimator_predicts(model, digits):
    X, y = digits
    for epoch in model.set_params(epochs=1000).iter_fit(X, y):
        if epoch.number == 10:
            break
    assert model.n_iter_ == 10
    assert model.score(X, y) > 0.6
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_estimator_has_its_first_weights_before_the_first_epoch(model, digits):
    model.iter_fit(*digits)
    assert model.history_ == []
    assert model.predict_proba(digits[0]).sum(axis=1) == pytest.approx(np.ones(600))


# --- Divergence


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_loss_that_is_not_finite_ends_the_training_and_names_the_epoch(loss):
    model = scripted([0.5] * 9, losses=[1.0, 1.0, loss, 1.0], epochs=9, learning_rate=0.2)
    with pytest.raises(
        DivergedError, match=r"diverged in epoch 3: .* Try a learning rate well below 0.2, for example 0.02"
    ):
        model.train()
    assert [epoch.number for epoch in model.history_] == [1, 2]


def test_validation_loss_that_is_not_finite_ends_the_training(monkeypatch):
    monkeypatch.setattr(ScriptedTraining, "score_held_out", lambda self: Score(math.nan, 0.1))
    with pytest.raises(DivergedError, match="epoch 1"):
        scripted([0.5], epochs=1).train()


def test_weights_that_are_not_finite_end_the_training(monkeypatch):
    monkeypatch.setattr(ScriptedTraining, "weights_are_finite", lambda self: False)
    with pytest.raises(DivergedError, match="epoch 1"):
        scripted([0.5], epochs=1).train()


@pytest.mark.parametrize("patience", [None, 5])
@pytest.mark.filterwarnings("error")
def test_diverged_estimator_refuses_to_predict(model, digits, patience):
    X, y = digits
    model.set_params(learning_rate=1000.0, patience=patience, epochs=200, momentum=0.999)
    with pytest.raises(DivergedError) as caught:
        model.fit((X - 0.5) * np.float32(1e30), y)
    assert caught.value.epoch == len(model.history_) + 1
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_diverged_estimator_can_be_trained_again(digits):
    model = MLP(learning_rate=0.1, random_state=0)
    with pytest.raises(DivergedError, match="epoch 1"):
        model.fit(digits[0] * np.float32(1e30), digits[1])
    assert model.fit(*digits).score(*digits) > 0.9


# --- What fit refuses


def test_iter_fit_checks_before_the_first_epoch(model, digits):
    with pytest.raises(InvalidSetting, match="epochs must be a whole number from 1 to 100000, got 0"):
        model.set_params(epochs=0).iter_fit(*digits)


def test_all_problems_come_in_one_message(digits):
    with pytest.raises(
        InvalidSetting, match=r"dropout must be .* got 1.5; .*epochs must be .*; optimizer must be one of"
    ):
        MLP(dropout=1.5, epochs=-1, optimizer="sdg").fit(*digits)


@pytest.mark.parametrize("seed", [-1, "x", 2**32, 0.5])
def test_invalid_seed_is_refused(model, digits, seed):
    with pytest.raises(
        InvalidSetting, match=r"random_state must be a whole number from 0 to 4294967295, None or a numpy"
    ):
        model.set_params(random_state=seed).fit(*digits)


def test_random_state_instance_moves_on_from_fit_to_fit(model, digits):
    model.set_params(epochs=1, random_state=np.random.RandomState(0))
    first, second = (model.fit(*digits).get_weights()["output.weight"] for _ in range(2))
    assert not np.array_equal(first, second)


def test_images_and_labels_of_different_number_are_refused(model, digits):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(digits[0], digits[1][:-1])


def test_targets_of_a_regression_are_refused(model, digits):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        model.fit(digits[0], digits[1] + 0.5)


@pytest.mark.parametrize(
    ("validation_data", "message"),
    [
        ("text is no pair", r"validation_data must be None or a pair of images and labels \(X, y\)"),
        (5, "validation_data must be None or a pair"),
        (([[0.0, 0.0]], [0]), "does not fit the training data: X has 2 features, but .* is expecting 3"),
        (([[0.0, 0.0, 0.0]], [0, 1]), r"expected 1 labels, got an array of shape \(2,\)"),
        (([[0.0, 0.0, 0.0]], 1), r"expected 1 labels, got an array of shape \(\)"),
        (([[0.0] * 3] * 3, [1, 7, 5]), "classes that the training data lacks: 5, 7; train on images of every class or"),
        (([[0.0] * 3], ["1"]), "classes that the training data lacks: '1'"),
    ],
)
def test_validation_data_that_does_not_fit_is_refused(model, validation_data, message):
    if isinstance(model, CNN):
        model.set_params(padding="same", pool_size=1)
    with pytest.raises(InvalidSetting, match=message):
        model.iter_fit([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], [0, 1], validation_data)


def test_validation_images_with_a_nan_are_refused(model, digits):
    X, y = digits
    with pytest.raises(ValueError, match="validation images contains NaN"):
        model.fit(X, y, (np.full((1, 64), np.nan), y[:1]))


# --- Labels and images


@pytest.mark.parametrize("labels", [["zero", "one"], [7, -3], [False, True], [0.0, 2.0]])
def test_labels_of_any_type_are_learned_and_predicted(labels):
    X, y = [[0.0, 1.0], [1.0, 0.0]] * 10, labels * 10
    model = MLP(epochs=30, learning_rate=0.5, random_state=0).fit(X, y, (X[:2], y[:2]))
    assert model.classes_.tolist() == sorted(labels)
    assert model.predict(X[:2]).tolist() == labels
    assert model.history_[-1].validation_accuracy == 1.0


def test_probabilities_have_a_column_for_each_class_and_add_up_to_one(model, digits):
    probabilities = model.fit(*digits).predict_proba(digits[0])
    assert probabilities.shape == (600, 10)
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_blocks_of_images_are_put_together_in_order(model, digits, monkeypatch):
    at_once = model.fit(*digits).predict_proba(digits[0])
    monkeypatch.setattr("digitcore.models.base.PREDICTED_AT_ONCE", 7)
    np.testing.assert_allclose(model.predict_proba(digits[0]), at_once, rtol=1e-4, atol=1e-7)


def test_images_of_another_size_are_not_predicted(model, digits):
    with pytest.raises(ValueError, match=r"X has 63 features, but .* is expecting 64 features"):
        model.fit(*digits).predict(digits[0][:, 1:])


def test_names_of_a_data_frames_columns_are_kept(model, digits):
    X = pd.DataFrame(digits[0]).add_prefix("pixel_")
    assert model.fit(X, digits[1]).feature_names_in_[1] == "pixel_1"


def test_arguments_are_not_changed(model, digits):
    X, y = np.array(digits[0]), np.array(digits[1])
    model.fit(X, y, (X, y)).predict(X)
    assert np.array_equal(X, digits[0])
    assert np.array_equal(y, digits[1])


@pytest.mark.parametrize(
    "view", [np.asfortranarray, lambda X: X[::-1].copy()[::-1], lambda X: X.astype(">f4"), lambda X: X.tolist()]
)
def test_memory_layout_of_the_images_does_not_matter(model, digits, view):
    X, y = digits
    expected = model.fit(X, y).predict(X)
    assert np.mean(model.fit(view(X), y).predict(view(X)) == expected) > 0.99


def in_two_dimensions(X):
    return X.reshape(-1, 8, 8)


def test_images_with_height_and_width_are_taken_everywhere(model, digits):
    X, y = digits
    images = in_two_dimensions(X)
    flat = copy.deepcopy(model).fit(X, y, (X[:50], y[:50]))
    model.fit(images, y, (images[:50], y[:50]))
    assert model.n_features_in_ == 64
    assert figures(model) == figures(flat)
    for method in ("predict_proba", "predict_log_proba", "predict", "activations"):
        np.testing.assert_equal(getattr(model, method)(images), getattr(flat, method)(X))
    np.testing.assert_equal(model.weight_gradients(images, y), flat.weight_gradients(X, y))
    assert model.score(images, y) == flat.score(X, y)
    np.testing.assert_array_equal(model.input_gradients(images[0]), flat.input_gradients(X[0]))
    assert [epoch.number for epoch in model.iter_fit(images, y)] == [1, 2, 3]
    np.testing.assert_array_equal(
        model.learning_rate_range(images, y, n_steps=5).losses, flat.learning_rate_range(X, y, n_steps=5).losses
    )


def figures(model):
    return [(epoch.train_loss, epoch.validation_loss) for epoch in model.history_]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 16), r"have 4 × 16 pixels, but the network takes them for 8 × 8 pixels: set image_shape to \(4, 16\)"),
        ((64, 1), r"have 64 × 1 pixels, but .* set image_shape to \(64, 1\)"),
    ],
)
def test_a_cnn_refuses_images_whose_shape_it_does_not_know(shape, message, digits):
    X, y = digits
    model = copy.deepcopy(MODELS["cnn"])
    with pytest.raises(InvalidSetting, match=message):
        model.fit(X.reshape(-1, *shape), y)
    model.fit(X, y)
    with pytest.raises(InvalidSetting, match=message):
        model.predict(X.reshape(-1, *shape))
    with pytest.raises(InvalidSetting, match=message):
        model.fit(X, y, (X.reshape(-1, *shape), y))


def test_a_cnn_takes_images_of_its_image_shape(digits):
    X, y = digits
    model = copy.deepcopy(MODELS["cnn"]).set_params(image_shape=(4, 16))
    assert model.fit(X.reshape(-1, 4, 16), y).activations(X)["conv_1"].shape == (600, 2, 14, 4)


def test_validation_columns_in_another_order_are_refused(model, digits):
    X, y = pd.DataFrame(digits[0]).add_prefix("pixel_"), digits[1]
    with pytest.raises(
        InvalidSetting,
        match=r"^validation_data does not fit the training data: The feature names should match .* "
        r"Feature names must be in the same order as they were in fit\.$",
    ):
        model.fit(X, y, (X[X.columns[::-1]], y))


def test_labels_of_weight_gradients_are_called_y(model, digits):
    X, y = digits
    model.fit(X, y)
    with pytest.raises(InvalidSetting, match=r"^y must have one label for each image: expected 600 labels, got .*599"):
        model.weight_gradients(X, y[1:])
    with pytest.raises(InvalidSetting, match=r"^y has classes that the training data lacks: 10;"):
        model.weight_gradients(X, y + 1)


def test_log_probabilities_are_the_logarithms_of_the_probabilities(model, digits):
    X, y = digits
    logs = model.fit(X, y).predict_log_proba(X)
    np.testing.assert_allclose(np.exp(logs), model.predict_proba(X), rtol=1e-5)


@pytest.mark.filterwarnings("error")
def test_the_logarithm_of_a_probability_of_zero_is_minus_infinity():
    model = SoftmaxRegression().restore(
        {"output.weight": np.array([[1e4], [-1e4]]), "output.bias": np.zeros(2)}, classes=[0, 1], n_features=1
    )
    assert model.predict_log_proba([[1.0]]).tolist() == [[0.0, -math.inf]]


# --- Options of the constructor


class WithoutOptions(SoftmaxRegression):
    """A model whose constructor has its hyperparameters only, as a model from outside may have."""

    def __init__(self, epochs=2, batch_size=32, learning_rate=0.1, patience=None, random_state=0):
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.patience, self.random_state = patience, random_state
        self.optimizer, self.momentum, self.rho, self.epsilon = "sgd", 0.0, 0.99, 1e-8


def test_a_constructor_may_leave_the_options_out(digits, capsys):
    model = WithoutOptions().fit(*digits)
    assert capsys.readouterr() == ("", "")
    assert model.fit(*digits).n_iter_ == 2
    assert model.partial_fit(*digits).n_iter_ == 3


# --- Validation fraction


def test_a_validation_fraction_is_held_out_of_every_class_by_the_seed(digits):
    X, y = digits
    model = scripted([0.1, 0.2], epochs=2, validation_fraction=0.25, random_state=7)
    seen = []
    model._start_training = lambda layers, train, held_out, *rest: (
        seen.append((train, held_out)) or Scripted._start_training(model, layers, train, held_out, *rest)
    )
    model.fit(X, y), model.fit(X, y)
    (train, held_out), (again, _) = seen
    expected = train_test_split(X, y, test_size=0.25, stratify=y, random_state=7)
    np.testing.assert_array_equal(train.X, expected[0])
    np.testing.assert_array_equal(held_out.X, expected[1])
    np.testing.assert_array_equal(held_out.y, expected[3])
    np.testing.assert_array_equal(train.X, again.X)


def test_a_validation_fraction_gives_validation_figures_and_early_stopping(model, digits):
    model.set_params(validation_fraction=0.2, patience=2, epochs=60, learning_rate=0.3).fit(*digits)
    assert model.n_iter_ == model.best_epoch_ + 2 < 60
    assert all(0 < epoch.validation_accuracy <= 1 for epoch in model.history_)


def test_validation_data_goes_before_the_fraction(model, digits):
    X, y = digits
    with_data = copy.deepcopy(model).fit(X[:500], y[:500], (X[500:], y[500:]))
    model.set_params(validation_fraction=0.2).fit(X[:500], y[:500], (X[500:], y[500:]))
    assert figures(model) == figures(with_data)


def test_a_training_with_a_validation_fraction_is_resumed(model, digits):
    model.set_params(validation_fraction=0.2, epochs=3)
    straight = copy.deepcopy(model).fit(*digits)
    epochs = model.iter_fit(*digits)
    next(epochs)
    checkpoint = model.checkpoint()
    assert len(list(model.iter_fit(*digits, resume_from=checkpoint))) == 2
    assert figures(model) == figures(straight)


@pytest.mark.parametrize(
    ("fraction", "message"),
    [
        (0, "validation_fraction must be a number from 0.001 to 0.9, or None .*, got 0$"),
        (1.0, "validation_fraction must be a number from 0.001 to 0.9"),
        (0.001, "validation_fraction=0.001 cannot be held out: .*greater or equal to the number of classes"),
    ],
)
def test_a_fraction_that_cannot_be_held_out_is_refused(model, digits, fraction, message):
    with pytest.raises(InvalidSetting, match=message):
        model.set_params(validation_fraction=fraction).fit(*digits)


# --- Callbacks and progress


def test_callbacks_are_called_with_every_epoch_in_order(model, digits):
    one, other = [], []
    model.fit(*digits, callbacks=[one.append, lambda epoch: other.append(len(one))])
    assert one == model.history_
    assert other == [1, 2, 3]


def test_what_a_callback_raises_ends_the_training():
    model = scripted([0.5, 0.4, 0.3, 0.9], epochs=4, patience=3)

    def stop(epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit([[0.0], [1.0]], [0, 1], callbacks=[stop])
    assert (model.n_iter_, model.best_epoch_, model.weight_) == (2, 1, 1.0)


@pytest.mark.parametrize("callbacks", [print, [print, 5]])
def test_callbacks_that_cannot_be_called_are_refused(model, digits, callbacks):
    with pytest.raises(InvalidSetting, match="callbacks must be a list of functions that take an Epoch, got"):
        model.fit(*digits, callbacks=callbacks)


def test_verbose_shows_a_bar_and_silence_is_the_default(model, digits, capsys):
    model.fit(*digits)
    assert capsys.readouterr() == ("", "")
    model.set_params(verbose=1).fit(*digits)
    out, error = capsys.readouterr()
    assert out == ""
    assert type(model).__name__ in error
    assert f"accuracy {model.history_[-1].train_accuracy:.4f}" in error


# --- Weights


def test_restored_estimator_predicts_the_same(model, digits):
    X, y = digits
    labels = np.array(list("abcdefghij"))[y]
    model.fit(X, labels)
    restored = type(model)(**model.get_params()).restore(
        model.get_weights(), classes=model.classes_, n_features=model.n_features_in_
    )
    assert np.array_equal(restored.predict_proba(X), model.predict_proba(X))
    assert np.array_equal(restored.predict(X), model.predict(X))


def test_weights_are_float_copies_in_c_order(model, digits):
    model.fit(*digits)
    for name, array in model.get_weights().items():
        assert array.dtype == np.float32, name
        assert array.flags.c_contiguous, name
        array[:] = 0
    assert all(np.abs(array).max() > 0 for array in model.get_weights().values())


def test_restored_weights_are_copies(model, digits):
    weights = model.fit(*digits).get_weights()
    model.restore(weights, classes=range(10), n_features=64)
    before = model.predict_proba(digits[0])
    for array in weights.values():
        array[:] = 0
    assert np.array_equal(model.predict_proba(digits[0]), before)


def test_weights_of_an_untrained_estimator_are_refused(model):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        model.get_weights()


WEIGHTS = {"output.weight": np.zeros((2, 3)), "output.bias": np.zeros(2)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": {"coef": np.zeros((2, 3))}}, "expected output.weight, output.bias, got coef"),
        ({"weights": {}}, "do not belong to this model: .* got none"),
        ({"weights": WEIGHTS | {"output.bias": np.zeros(3)}}, r"'output.bias' must have the shape \(2,\), got \(3,\)"),
        ({"weights": WEIGHTS | {"output.bias": np.full(2, np.nan)}}, "'output.bias' must be finite numbers"),
        ({"weights": WEIGHTS | {"output.bias": np.array(["a", "b"])}}, "'output.bias' must be finite numbers"),
        ({"n_features": 4}, r"'output.weight' must have the shape \(2, 4\), got \(2, 3\)"),
        ({"n_features": 0}, "n_features must be a whole number of pixels, at least 1, got 0"),
        ({"classes": [0, 0]}, r"classes must be a list of at least one label, all different, got \[0, 0\]"),
        ({"classes": []}, "classes must be a list of at least one label"),
    ],
)
def test_weights_that_do_not_fit_are_refused(changes, message):
    arguments = {"weights": WEIGHTS, "classes": [0, 1], "n_features": 3} | changes
    with pytest.raises(InvalidSetting, match=message):
        SoftmaxRegression().restore(arguments.pop("weights"), **arguments)


def test_refused_weights_leave_the_estimator_as_it_was(model, digits):
    before = model.fit(*digits).predict_proba(digits[0])
    with pytest.raises(InvalidSetting):
        model.restore({}, classes=[0, 1], n_features=64)
    assert np.array_equal(model.predict_proba(digits[0]), before)


def test_restored_estimator_has_no_history_of_an_earlier_training(model, digits):
    model.fit(*digits)
    model.restore(model.get_weights(), classes=range(10), n_features=64)
    assert not any(hasattr(model, name) for name in ("history_", "best_epoch_", "n_iter_"))


def test_refused_data_leaves_no_weights_of_an_earlier_training(model, digits):
    model.fit(*digits)
    with pytest.raises(ValueError, match="NaN"):
        model.fit([[np.nan]], [0])
    with pytest.raises(NotFittedError):
        model.predict(digits[0])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deep", "pickle"]
)
def test_copies_of_a_trained_estimator_predict_the_same(model, digits, copied):
    model.fit(*digits)
    assert np.array_equal(copied(model).predict_proba(digits[0]), model.predict_proba(digits[0]))
