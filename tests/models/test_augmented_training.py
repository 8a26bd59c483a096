"""Trainings whose training images are changed at random, in every epoch anew."""

from __future__ import annotations

import copy
from itertools import islice

import numpy as np
import pytest
import torch

from digitcore.datasets.augmentation import AUGMENTATIONS, BLOCK, Augmentation, RandomChanges
from digitcore.errors import InvalidSetting
from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.models.augmented_images import AugmentedImages, augmentation_of
from digitcore.models.hyperparameters import AUGMENTATION
from digitcore.models.softmax import SoftmaxTraining
from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.autograd import AcceleratorTraining
from digitcore.models.torch_backend.layers import Network, PickedImages, SmallDenseNetwork
from digitcore.models.torch_backend.network import NetworkTraining

STRENGTHS = {
    "augment_shift": 1.0,
    "augment_rotation": 20.0,
    "augment_scale": 0.3,
    "augment_shear": 0.3,
    "augment_elastic": 0.5,
    "augment_noise": 0.2,
    "augment_erasing": 0.3,
    "augment_thickness": 0.5,
}
MODELS = {
    "softmax": SoftmaxRegression(random_state=0, learning_rate=0.1),
    "mlp": MLP(hidden_units=(20, 12), dropout=0.3, random_state=0),
    "wide mlp": MLP(hidden_units=(300,), random_state=0),
    "cnn": CNN(channels=(4,), hidden_units=(9,), dropout=0.25, random_state=0),
}


def fresh(name, **settings):
    return copy.deepcopy(MODELS[name]).set_params(**settings)


def parts(digits):
    X, y = digits
    return X[:300], y[:300], (X[400:], y[400:])


def assert_same(one, other):
    assert [(e.train_loss, e.validation_loss) for e in one.history_] == [
        (e.train_loss, e.validation_loss) for e in other.history_
    ]
    others = other.get_weights()
    for name, weights in one.get_weights().items():
        np.testing.assert_array_equal(weights, others[name], err_msg=name)


@pytest.fixture
def batches(monkeypatch):
    """The images and classes of every batch that is trained from here on."""
    seen = []
    for kind in (SoftmaxTraining, NetworkTraining, AcceleratorTraining):
        one_batch = kind._one_batch

        def watched(training, X, y, *weights, one_batch=one_batch):
            images = X.numpy() if isinstance(X, PickedImages) else np.asarray(X)
            seen.append((images.copy(), np.asarray(y).copy()))
            return one_batch(training, X, y, *weights)

        monkeypatch.setattr(kind, "_one_batch", watched)
    return seen


# --- The same bits


@pytest.mark.parametrize("batch_size", [32, None])
@pytest.mark.parametrize("name", MODELS)
def test_equal_seeds_give_equal_bits_and_a_resumed_training_is_that_in_one_piece(name, batch_size, digits):
    data, settings = parts(digits), {"batch_size": batch_size, **STRENGTHS}
    straight = fresh(name, epochs=4, **settings).fit(*data)
    suspended = fresh(name, epochs=9, **settings)
    epochs = suspended.iter_fit(*data)
    for _ in islice(epochs, 2):
        pass
    resumed = fresh(name, epochs=4, **settings)
    assert len(list(resumed.iter_fit(*data, resume_from=suspended.checkpoint()))) == 2
    assert_same(resumed, straight)
    others = (fresh(name, epochs=4, **{**settings, "random_state": 1}), fresh(name, epochs=4, batch_size=batch_size))
    assert all(other.fit(*data).history_[-1].train_loss != straight.history_[-1].train_loss for other in others)


@pytest.mark.parametrize("name", ["softmax", "mlp"])
def test_epochs_of_several_calls_are_those_of_one(name, digits):
    X, y, _ = parts(digits)
    straight = fresh(name, epochs=4, **STRENGTHS).fit(X, y)
    twice = fresh(name, epochs=2, warm_start=True, **STRENGTHS).fit(X, y).fit(X, y)
    assert_same(twice, straight)
    one_by_one = fresh(name, **STRENGTHS)
    for _ in range(4):
        one_by_one.partial_fit(X, y, np.arange(10))
    assert_same(one_by_one, straight)


# --- What is trained on


@pytest.mark.parametrize("name", MODELS)
def test_every_epoch_trains_on_other_images_than_those_given(name, digits, batches):
    X, y, _ = parts(digits)
    given = X.copy()
    fresh(name, batch_size=None, epochs=3, augment_shift=1.0).fit(X, y)
    images = [given, *(seen for seen, _ in batches)]
    assert len(images) == 4
    different = [np.any(a != b, axis=1).mean() for i, a in enumerate(images) for b in images[:i]]
    assert min(different) > 0.95
    np.testing.assert_array_equal(X, given)


@pytest.mark.parametrize("knob", STRENGTHS)
def test_each_knob_changes_the_images_that_are_trained_on(knob, digits, batches):
    X, y, _ = parts(digits)
    fresh("mlp", batch_size=None, epochs=1, **{knob: STRENGTHS[knob]}).fit(X, y)
    assert np.any(batches[0][0] != X, axis=1).mean() > 0.8
    assert batches[0][0].min() >= 0
    assert batches[0][0].max() <= X.max() + 1e-6


@pytest.mark.parametrize("name", MODELS)
def test_batches_have_the_plain_order_and_their_own_classes(name, digits, batches):
    X, y, _ = parts(digits)
    settings = {"batch_size": 7, "epochs": 2, "random_state": 3}
    fresh(name, **settings).fit(X, y)
    n_plain = len(batches)
    fresh(name, **settings, augment_noise=1e-9).fit(X, y)  # the images can still be told apart
    if name == "softmax":  # it draws the seed of the changes before the first order
        known = {image.round(6).tobytes(): label for image, label in zip(X, y, strict=True)}
        found = [known[image.round(6).tobytes()] for seen, _ in batches[n_plain:] for image in seen]
        np.testing.assert_array_equal(found, np.concatenate([own for _, own in batches[n_plain:]]))
        return
    for (plain, classes), (noisy, own) in zip(batches[:n_plain], batches[n_plain:], strict=True):
        np.testing.assert_allclose(noisy, plain, atol=1e-6)
        np.testing.assert_array_equal(own, classes)


def test_images_are_those_that_random_changes_make_of_the_seed_and_the_epochs_number(rng):
    X = rng.random((2 * BLOCK + 50, 20)).astype(np.float32)
    strengths = Augmentation(**{record.name: 0.2 for record in AUGMENTATIONS})
    images = AugmentedImages(X, (4, 5), strengths, seed=9)
    order = rng.permutation(len(X))
    for number in (3, 1):
        images.start_epoch(number)
        changes = RandomChanges(strengths, (len(X), 4, 5), (9, number))
        expected = changes.next(X[order].reshape(-1, 4, 5), float(X.max())).reshape(len(X), 20)
        memory, start = np.empty((images.n_at_once(100), 20), dtype=np.float32), 0
        for rows, changed in images.batches(order, memory):
            np.testing.assert_array_equal(rows, order[start : start + len(rows)])
            np.testing.assert_array_equal(changed, expected[start : start + len(rows)])
            start += len(rows)
        assert start == len(X)


@pytest.mark.parametrize(("batch_size", "n_at_once"), [(1, 1024), (100, 1000), (128, 1024), (1500, 1500), (9000, 5000)])
def test_few_images_beside_the_batch_are_in_memory(batch_size, n_at_once):
    images = AugmentedImages(np.ones((5000, 4), np.float32), (2, 2), Augmentation(shift=1), seed=0)
    assert images.n_at_once(batch_size) == n_at_once


@pytest.mark.parametrize("batch_size", [32, None])
def test_an_accelerator_gets_the_same_images(batch_size, digits, batches, monkeypatch):
    X, y, held_out = parts(digits)
    settings = {"batch_size": batch_size, "epochs": 2, **STRENGTHS}
    fresh("wide mlp", **settings).fit(X, y, held_out)
    n_here = len(batches)

    def start(module, layers, make_network, at_once, *others):
        return AcceleratorTraining(module, torch.device("cpu"), at_once, *others)

    monkeypatch.setattr(torch_network, "NetworkTraining", start)
    fresh("wide mlp", **settings).fit(X, y, held_out)
    assert len(batches) == 2 * n_here
    for here, there in zip(batches[:n_here], batches[n_here:], strict=True):
        np.testing.assert_array_equal(here[0], there[0])
        np.testing.assert_array_equal(here[1], there[1])


@pytest.mark.parametrize("name", MODELS)
def test_weights_stay_with_their_images(name, digits):
    X, y, _ = parts(digits)
    model = fresh(name, epochs=5, learning_rate=0.1, augment_shift=0.5).fit(X, y, sample_weight=(y < 5) * 1.0)
    assert model.predict(X).max() < 5


@pytest.mark.parametrize("name", ["softmax", "mlp"])
def test_the_range_test_tries_rates_on_changed_images(name, digits, batches):
    X, y, _ = parts(digits)
    fresh(name, batch_size=None, augment_shift=1.0).learning_rate_range(X, y, highest=1e-3, n_steps=3)
    assert len(batches) == 3
    assert all(np.any(seen != X) for seen, _ in batches)
    assert np.any(batches[0][0] != batches[1][0])


# --- What is only evaluated


@pytest.mark.parametrize("name", MODELS)
def test_validation_images_are_evaluated_as_they_are(name, digits, monkeypatch):
    seen = []
    for kind in (Network, SmallDenseNetwork):
        forward = kind.forward

        def watched(network, X, *, training=False, out=None, forward=forward):
            if not training:
                seen.append(np.asarray(X).copy())
            return forward(network, X, training=training, out=out)

        monkeypatch.setattr(kind, "forward", watched)
    score = SoftmaxTraining._score
    monkeypatch.setattr(SoftmaxTraining, "_score", lambda self, images: seen.append(images.X) or score(self, images))
    X, y, held_out = parts(digits)
    model = fresh(name, epochs=2, **STRENGTHS).fit(X, y, held_out)
    # Softmax regression is measured on the training images, too, after each epoch: as they are.
    known = [X, held_out[0]] if name == "softmax" else [held_out[0]]
    assert len(seen) >= 2
    assert all(any(np.array_equal(images, each) for each in known) for images in seen)
    before = fresh(name).restore(model.get_weights(), classes=np.arange(10), n_features=64)
    np.testing.assert_array_equal(model.predict_proba(held_out[0]), before.predict_proba(held_out[0]))


@pytest.mark.parametrize("name", MODELS)
def test_a_part_that_fit_holds_out_is_evaluated_as_it_is(name, digits):
    X, y, _ = parts(digits)
    model = fresh(name, epochs=1, validation_fraction=0.2, augment_noise=0.5).fit(X, y)
    plain = fresh(name, epochs=1, validation_fraction=0.2, augment_noise=0.5).fit(X, y)
    assert_same(model, plain)
    assert model.history_[0].validation_loss is not None


# --- Height and width


def test_the_height_and_width_are_those_of_the_array_that_is_given(digits, batches):
    X, y = digits
    wide = X.reshape(-1, 4, 16)
    fresh("mlp", epochs=1, batch_size=None, augment_rotation=90.0).fit(wide, y)
    fresh("mlp", epochs=1, batch_size=None, augment_rotation=90.0).fit(X, y)
    as_wide, as_square = (seen for seen, _ in batches)
    assert np.any(as_wide != as_square, axis=1).mean() > 0.9
    CNN(image_shape=(4, 16), epochs=1, batch_size=None, random_state=0, augment_rotation=90.0).fit(X, y)
    np.testing.assert_array_equal(batches[-1][0], as_wide)


@pytest.mark.parametrize("name", MODELS)
def test_rows_that_are_no_images_are_refused_in_one_sentence(name, digits):
    X, y = digits
    model = fresh(name, epochs=1, augment_shift=1.0)
    if name == "cnn":
        model.set_params(kernel_size=1, pool_size=1, pool_stride=1)
    message = (
        r"^To augment images, their height and width must be known, and 50 pixels are no square: give images of shape "
        r"\(n_images, height, width\), or leave the augmentation at 0$"
    )
    with pytest.raises(InvalidSetting, match=message):
        model.fit(X[:, :50], y)
    assert not hasattr(model, "n_iter_")
    model.set_params(augment_shift=0.0).fit(X[:, :50], y)


def test_pixels_below_paper_are_refused_in_one_sentence(digits):
    X, y = digits
    with pytest.raises(
        InvalidSetting, match=r"^Images to augment must have no pixel below 0, .*, got -0.5: scale them"
    ):
        fresh("mlp", epochs=1, augment_shift=1.0).fit(X - np.float32(0.5), y)


# --- The knobs


def test_the_knobs_are_the_records_of_the_pure_function():
    assert {record.name for record in AUGMENTATION} == set(STRENGTHS)
    assert augmentation_of(STRENGTHS) == Augmentation(
        **{name.removeprefix("augment_"): value for name, value in STRENGTHS.items()}
    )
    assert augmentation_of({}) is None
    assert augmentation_of(dict.fromkeys(STRENGTHS, 0.0)) is None


@pytest.mark.parametrize("knob", STRENGTHS)
@pytest.mark.parametrize("value", [-0.5, np.nan, 1e6, "much", None])
def test_a_bad_strength_is_refused_in_one_sentence(knob, value, digits):
    with pytest.raises(InvalidSetting, match=f"^{knob} must be a number from 0 to [0-9]+, got [^.]*[0-9.]*[^.]*$"):
        fresh("softmax", **{knob: value}).fit(*digits)
