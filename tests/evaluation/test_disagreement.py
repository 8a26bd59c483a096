"""Two models on the same images, image by image."""

import numpy as np
import pytest

from digitcore.errors import ComparisonError, InvalidSetting
from digitcore.evaluation.comparison import (
    WANTED,
    AnswerPair,
    confusion_change_table,
    disagreement_positions,
    in_same_order,
)

# Of image 0 both are right, of 1 and 4 only A, of 2 only B, of 3 neither, with different answers.
TRUTH = np.array([0, 1, 2, 0, 1])
PAIR = AnswerPair(
    TRUTH,
    np.array([[0.9, 0.1, 0.0], [0.0, 0.6, 0.4], [0.5, 0.1, 0.4], [0.1, 0.9, 0.0], [0.0, 1.0, 0.0]]),
    np.array([[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.0, 0.1, 0.9], [0.2, 0.0, 0.8], [0.9, 0.1, 0.0]]),
)


@pytest.mark.parametrize(
    ("wanted", "positions"),
    # By the difference of the true class's probabilities: 0.9 for image 4, 0.5 for 2, 0.3 for 1, 0.1 for 3.
    [("only_a", [4, 1]), ("only_b", [2]), ("different", [4, 2, 1, 3])],
)
def test_images_are_those_wanted_with_the_largest_difference_first(wanted, positions):
    assert disagreement_positions(PAIR, wanted).tolist() == positions


def test_a_cell_holds_the_images_that_one_model_alone_puts_there():
    assert disagreement_positions(PAIR, "only_b", cell=(1, 0)).tolist() == [4, 1]
    assert disagreement_positions(PAIR, "only_a", cell=(0, 2)).tolist() == [3]
    assert disagreement_positions(PAIR, cell=(0, 0)).tolist() == []


def test_what_nobody_can_want_is_refused():
    with pytest.raises(InvalidSetting, match=f"wanted must be one of {', '.join(WANTED)}, got 'both'"):
        disagreement_positions(PAIR, "both")


def test_values_come_in_the_order_of_the_other_models_images():
    assert in_same_order(np.array([7, 3, 5]), np.array([3, 5, 7]), np.array([30, 50, 70])).tolist() == [70, 30, 50]


def test_other_images_are_refused():
    with pytest.raises(ComparisonError, match="The images differ"):
        in_same_order(np.array([1, 2]), np.array([1, 3]), np.array([1, 3]))


def test_the_change_of_a_cell_is_the_count_of_b_minus_that_of_a():
    table = confusion_change_table(PAIR, ["x", "y", "z"]).set_index(["truth", "prediction"])
    assert table["change"].sum() == 0
    assert table["change"].to_dict() == {
        **{("x", "x"): 0, ("x", "y"): -1, ("x", "z"): 1},
        **{("y", "x"): 2, ("y", "y"): -2, ("y", "z"): 0},
        **{("z", "x"): -1, ("z", "y"): 0, ("z", "z"): 1},
    }
    assert table.loc[("y", "y"), ["count_a", "count_b"]].tolist() == [2, 0]
