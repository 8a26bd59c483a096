import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, train_test_split

from digitcore.datasets import Dataset, load_dataset, split
from digitcore.datasets.splits import class_balance_table, mean_images, missing_classes
from digitcore.errors import InvalidSetting

DIGITS = load_dataset("digits")


def official():
    images = np.zeros((10, 2, 2), np.uint8)
    return Dataset("small", images, np.arange(10) % 2, ("a", "b"), 255, official_train_size=6)


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("test_size", [0.1, 0.25, 0.4])
@pytest.mark.parametrize("seed", [0, 42])
def test_a_random_split_is_scikit_learns_index_by_index(test_size, seed, stratify):
    labels = DIGITS.labels if stratify else None
    train, test = train_test_split(np.arange(1797), test_size=test_size, random_state=seed, stratify=labels)
    divided = split(DIGITS, test_size=test_size, random_state=seed, stratify=stratify)
    np.testing.assert_array_equal(divided.train.indices, train)
    np.testing.assert_array_equal(divided.test.indices, test)


def test_without_a_test_part_all_images_train():
    divided = split(DIGITS, test_size=0)
    assert divided.train.n_images == 1797
    assert [part.name for part in divided.parts] == ["train"]


def test_the_official_split_is_at_the_boundary():
    divided = split(official(), kind="official")
    assert divided.train.indices.tolist() == [0, 1, 2, 3, 4, 5]
    assert divided.test.indices.tolist() == [6, 7, 8, 9]


@pytest.mark.parametrize("position", [0, 1234, 1796])
def test_an_image_is_located_in_its_part(position):
    part, index = split(DIGITS, random_state=42).locate(position)
    np.testing.assert_array_equal(part.images[index], DIGITS.images[position])


def test_an_image_in_no_part_is_not_located():
    divided = split(DIGITS, max_images=10)
    kept = {int(index) for part in divided.parts for index in part.indices}
    assert divided.locate(next(index for index in range(1797) if index not in kept)) is None


def test_validation_is_cut_from_the_training_part_alone():
    plain, cut = split(DIGITS), split(DIGITS, validation="cut", validation_size=0.2)
    np.testing.assert_array_equal(cut.test.indices, plain.test.indices)
    both = np.concatenate([cut.train.indices, cut.validation.indices])
    assert sorted(both) == sorted(plain.train.indices)
    assert cut.validation.n_images == 270


def test_the_test_part_can_be_watched():
    divided = split(DIGITS, validation="test")
    assert divided.validation_is_test
    np.testing.assert_array_equal(divided.validation.indices, divided.test.indices)
    assert [part.name for part in divided.parts] == ["train", "test"]


@pytest.mark.parametrize("stratify", [False, True])
def test_a_cap_leaves_so_many_training_images_and_touches_no_other_part(stratify):
    free = split(DIGITS, validation="cut", stratify=stratify)
    capped = split(DIGITS, validation="cut", max_train=100, stratify=stratify)
    assert capped.train.n_images == 100
    assert set(capped.train.indices) <= set(free.train.indices)
    np.testing.assert_array_equal(capped.validation.indices, free.validation.indices)


def test_a_cap_above_the_number_of_images_changes_nothing():
    assert split(DIGITS, max_train=5000).train.n_images == split(DIGITS).train.n_images


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "official"}, "'digits' has no official split"),
        ({"validation": "test", "test_size": 0}, "without a test part"),
        ({"validation": "all"}, "validation must be one of 'none', 'cut', 'fold', 'test', got 'all'"),
        ({"kind": "oficial"}, r"kind must be one of .*, got 'oficial'\. Did you mean 'official'\?"),
        ({"validation": "folds"}, r"validation must be one of .*, got 'folds'\. Did you mean 'fold'\?"),
        ({"kind": None}, "kind must be one of 'random', 'official', got None$"),
        ({"max_train": 5, "stratify": True}, "images of 'digits' cannot be divided so"),
        ({"test_size": 0.9999}, "cannot be divided so"),
    ],
)
def test_what_cannot_be_divided_is_named(settings, message):
    with pytest.raises(InvalidSetting, match=message):
        split(DIGITS, **settings)


def test_missing_classes_are_named():
    divided = split(DIGITS, max_train=3)
    present = {str(label) for label in divided.train.labels}
    assert set(missing_classes(divided.train)) == set("0123456789") - present
    assert missing_classes(divided.test) == ()


def test_class_balance_counts_every_class_of_every_part():
    divided = split(DIGITS, max_train=3)
    table = class_balance_table(divided).set_index(["part", "class_name"])
    for part in divided.parts:
        for digit in range(10):
            row = table.loc[part.name, str(digit)]
            assert row["n_images"] == (part.labels == digit).sum()
            assert row["share"] == pytest.approx((part.labels == digit).mean())


def test_mean_images_are_plain_means_and_nan_where_a_class_is_missing():
    part = split(DIGITS, max_train=3).train
    means = mean_images(part)
    for digit in range(10):
        of_class = [image for image, label in zip(part.images, part.labels, strict=True) if label == digit]
        expected = (
            sum(image.astype(float) for image in of_class) / len(of_class) if of_class else np.full((8, 8), np.nan)
        )
        np.testing.assert_allclose(means[digit], expected)


def test_a_part_gives_images_labels_and_features_of_its_indices():
    part = split(DIGITS).test
    np.testing.assert_array_equal(part.images, DIGITS.images[part.indices])
    np.testing.assert_array_equal(part.labels, DIGITS.labels[part.indices])
    np.testing.assert_allclose(part.features(), part.images.reshape(part.n_images, 64) / 16)


@pytest.mark.parametrize("stratify", [False, True])
def test_folds_hold_every_training_image_once_and_leave_the_test_part_alone(stratify):
    dataset = load_dataset("digits")
    parts = [split(dataset, validation="fold", n_folds=4, fold=fold, stratify=stratify) for fold in (1, 2, 3, 4)]
    whole = split(dataset, stratify=stratify)
    held_out = np.concatenate([part.validation.indices for part in parts])
    assert sorted(held_out) == sorted(whole.train.indices)
    for part in parts:
        assert not set(part.train.indices) & set(part.validation.indices)
        assert part.train.n_images + part.validation.n_images == whole.train.n_images
        np.testing.assert_array_equal(part.test.indices, whole.test.indices)


def test_stratified_folds_are_those_of_scikit_learn():
    dataset = load_dataset("digits")
    others, own = list(StratifiedKFold(5, shuffle=True, random_state=3).split(dataset.labels, dataset.labels))[1]
    settings = dict(test_size=0.0, validation="fold", n_folds=5, fold=2, stratify=True, random_state=3)
    part = split(dataset, **settings)
    np.testing.assert_array_equal(part.train.indices, others)
    np.testing.assert_array_equal(part.validation.indices, own)


def test_fewer_images_in_all_are_drawn_before_anything_else():
    part = split(load_dataset("digits"), max_images=200, test_size=0.25, validation="fold", n_folds=5, fold=1)
    assert [each.n_images for each in part.parts] == [120, 30, 50]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(n_folds=5, fold=6), r"fold must be from 1 to n_folds \(5\), got 6"),
        (dict(n_folds=1, fold=1), "n_folds must be at least 2, got 1"),
        (dict(n_folds=900, fold=1, stratify=True), "900 folds need as many images of one class"),
        (dict(n_folds=1700, fold=1), "1700 folds need as many images in the training part, it has at most 1347"),
    ],
)
def test_folds_that_cannot_be_are_named(settings, words):
    with pytest.raises(InvalidSetting, match=words):
        split(load_dataset("digits"), validation="fold", **settings)


def test_a_part_gives_images_and_labels_together():
    part = split(DIGITS, max_train=50).train
    X, y = part.X_y()
    np.testing.assert_array_equal(X, part.features())
    np.testing.assert_array_equal(y, part.labels)
    np.testing.assert_array_equal(part.X_y("raw")[0], part.features("raw"))


def test_reprs_of_parts_and_splits_are_one_line():
    divided = split(official(), kind="official")
    assert repr(divided.train) == "Part('train', 6 images of 'small')"
    assert repr(divided) == "Split('small', 6 train, 0 validation, 4 test images)"
