import numpy as np
import pytest

from digitcore.datasets import Dataset, features, load_dataset
from digitcore.errors import DatasetError, InvalidSetting

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
LABELS = np.array([0, 1, 1, 0])


def make(**changes):
    values = dict(name="mine", images=IMAGES, labels=LABELS, class_names=("a", "b"), max_value=24)
    return Dataset(**{**values, **changes})


def test_shapes_are_told():
    dataset = make()
    assert (dataset.n_images, dataset.n_classes, dataset.image_shape) == (4, 2, (2, 3))


def test_repr_is_one_line():
    assert repr(make()) == "Dataset('mine', 4 images of 2 × 3 pixels, 2 classes)"


def test_arrays_are_read_only_and_the_callers_stay_writeable():
    dataset = make()
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0, 0, 0] = 1
    assert IMAGES.flags.writeable


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES.astype(float)}, "must be uint8 of shape .* got float64"),
        ({"images": IMAGES[0]}, r"got uint8 of shape \(2, 3\)"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "at least one image"),
        ({"max_value": 22}, "no pixel above it, got 22 with a largest pixel of 23"),
        ({"labels": LABELS[:3]}, "one whole number as label for each of its 4 images"),
        ({"labels": LABELS * 0.5}, "one whole number as label"),
        ({"labels": np.array([0, 1, 2, 0])}, r"must be 0 to 1 \(2 classes\), got 0 to 2"),
        ({"official_train_size": 4}, "must have 1 to 3 images, got 4"),
    ],
)
def test_what_does_not_fit_together_is_named(changes, message):
    with pytest.raises(DatasetError, match=message):
        make(**changes)


def test_features_are_flat_float32_from_0_to_1():
    scaled = features(IMAGES, max_value=23)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, IMAGES.reshape(4, 6) / 23, rtol=1e-6)


def test_raw_features_keep_the_values():
    np.testing.assert_array_equal(features(IMAGES, max_value=23, scaling="raw"), IMAGES.reshape(4, 6))


def test_an_unknown_scaling_is_refused():
    with pytest.raises(InvalidSetting, match="scaling must be 'unit' or 'raw', got 'log'"):
        features(IMAGES, max_value=23, scaling="log")


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    dataset = load_dataset("digits")
    np.testing.assert_array_equal(dataset.images, load_digits().images)
    np.testing.assert_array_equal(dataset.labels, load_digits().target)
    assert (dataset.max_value, dataset.official_train_size) == (16, None)


def test_a_data_set_is_loaded_once():
    assert load_dataset("digits") is load_dataset("digits")


def test_an_unknown_name_is_refused_with_a_hint():
    with pytest.raises(InvalidSetting, match="Did you mean 'digits'"):
        load_dataset("digit")
