import numpy as np
import pytest

from digitcore.errors import DatasetError, InvalidSetting
from digitcore.evaluation.image_filter import ImageFilter, order_positions, select_positions, top_classes_text

TRUTH = np.array([0, 0, 1, 2, 1])
PROBABILITIES = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.3, 0.6, 0.1],
        [0.05, 0.9, 0.05],
        [0.8, 0.1, 0.1],
        [0.5, 0.3, 0.2],
    ]
)


@pytest.mark.parametrize(
    ("wanted", "positions"),
    [
        ({}, [1, 3, 4]),
        ({"wrong_only": False}, [0, 1, 2, 3, 4]),
        ({"truth": 0}, [1]),
        ({"truth": 0, "wrong_only": False}, [0, 1]),
        ({"prediction": 0}, [3, 4]),
        ({"truth": 1, "prediction": 1}, [2]),
        ({"truth": 2, "prediction": 0}, [3]),
        ({"truth": 2, "prediction": 1}, []),
        ({"confidence": (0.6, 0.8), "wrong_only": False}, [0, 1, 3]),
        ({"confidence": (0.55, 0.7)}, [1]),
    ],
)
def test_images_are_chosen_by_class_confidence_and_outcome(wanted, positions):
    assert select_positions(TRUTH, PROBABILITIES, ImageFilter(**wanted)).tolist() == positions


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"truth": 3}, "truth must be a class from 0 to 2, got 3"),
        ({"prediction": -1}, "prediction must be a class"),
        ({"confidence": (0.8, 0.2)}, "confidence must be two ascending numbers"),
        ({"confidence": (0, 1.5)}, "confidence must be two ascending numbers"),
    ],
)
def test_what_cannot_be_is_refused(wanted, message):
    with pytest.raises(InvalidSetting, match=message):
        select_positions(TRUTH, PROBABILITIES, ImageFilter(**wanted))


def test_labels_and_probabilities_must_be_of_the_same_images():
    with pytest.raises(DatasetError, match="same images"):
        select_positions(TRUTH[:2], PROBABILITIES, ImageFilter())


def test_the_most_confident_come_first():
    assert order_positions(np.arange(5), TRUTH, PROBABILITIES).tolist() == [2, 3, 0, 1, 4]


def test_the_largest_losses_come_first():
    # What the truth got: 0.7, 0.3, 0.9, 0.1, 0.3; the two equal ones keep their order.
    assert order_positions(np.arange(5), TRUTH, PROBABILITIES, "loss").tolist() == [3, 1, 4, 0, 2]


def test_random_order_follows_the_seed_and_loses_nothing():
    many = np.arange(50)
    truth, probabilities = np.zeros(50, dtype=int), np.full((50, 2), 0.5)
    first, again, other = (order_positions(many, truth, probabilities, "random", seed) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()
    assert sorted(first) == many.tolist()


def test_only_the_positions_given_are_ordered():
    assert order_positions(np.array([0, 4]), TRUTH, PROBABILITIES, "loss").tolist() == [4, 0]


def test_an_unknown_order_is_refused():
    with pytest.raises(InvalidSetting, match="Unknown order 'size'"):
        order_positions(np.arange(5), TRUTH, PROBABILITIES, "size")


def test_the_most_probable_classes_in_words():
    assert top_classes_text(np.array([0.07, 0.005, 0.9, 0.025]), "abcd") == "c 90.0 %, a 7.0 %, d 2.5 %"
