import json
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve

from digitcore.charts import confidence_chart, coverage_chart, reliability_chart
from digitcore.charts.calibration import MOST_POINTS
from digitcore.errors import DatasetError, InvalidSetting
from digitcore.evaluation.calibration import (
    calibration_sentence,
    confidence_table,
    coverage_table,
    expected_calibration_error,
    refusal_sentence,
    reliability_table,
)


@pytest.fixture
def judged(rng):
    """Labels of 500 images, and probabilities that know something of them."""
    truth = rng.integers(0, 4, 500)
    logits = rng.normal(size=(500, 4)) + 1.5 * np.eye(4)[truth]
    return truth, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def sure_of(confidences):
    """Probabilities of two classes, the first taken with these confidences."""
    return np.column_stack([confidences, 1 - np.asarray(confidences)])


def test_reliability_is_that_of_scikit_learn(judged):
    truth, probabilities = judged
    table = reliability_table(truth, probabilities)
    accuracy, confidence = calibration_curve(
        probabilities.argmax(axis=1) == truth, probabilities.max(axis=1), n_bins=10
    )
    filled = table[table["n_images"] > 0]
    np.testing.assert_allclose(filled["accuracy"], accuracy)
    np.testing.assert_allclose(filled["confidence"], confidence)
    assert table["n_images"].sum() == 500
    assert (filled["accuracy_low"] <= filled["accuracy"]).all()
    assert (filled["accuracy_high"] >= filled["accuracy"]).all()


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it():
    table = reliability_table(np.array([0, 0, 0]), sure_of([0.6, 0.7, 1.0]), n_bins=10)
    assert table["n_images"].tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0, 1]


def test_an_empty_bin_is_undefined():
    table = reliability_table(np.array([0]), sure_of([0.9]), n_bins=2)
    assert table.loc[0, ["confidence", "accuracy", "accuracy_low", "accuracy_high"]].isna().all()


def test_calibration_error_worked_out_by_hand():
    # Two images at 0.9, one of them right; two at 0.6, both right: (2 * 0.4 + 2 * 0.4) / 4.
    table = reliability_table(np.array([0, 1, 0, 0]), sure_of([0.9, 0.9, 0.6, 0.6]))
    assert expected_calibration_error(table) == pytest.approx(0.4)


def test_without_images_the_calibration_error_is_undefined():
    table = reliability_table(np.array([], dtype=int), np.empty((0, 2)))
    assert math.isnan(expected_calibration_error(table))
    assert calibration_sentence(table) == "There are no images."


@pytest.mark.parametrize(
    ("truth", "confidence", "words"),
    [
        ([0, 1] * 20, 0.9, "overconfident: on average 90.00 % sure and 50.00 % right"),
        ([0] * 40, 0.6, "underconfident"),
        # 438 of 450 images: 95.4 to 98.5 %.
        (
            [0] * 438 + [1] * 12,
            0.981,
            "The model is on average 98.10 % sure and 97.33 % right (95 % interval 95.40 to 98.47 %): with 450 images "
            "the difference may be chance.",
        ),
        ([0] * 438 + [1] * 12, 0.99, "overconfident: on average 99.00 % sure and 97.33 % right"),
        ([0, 1], 0.9, "with 2 images the difference may be chance"),
    ],
)
def test_the_sentence_says_which_way_the_model_errs_if_chance_does_not_explain_it(truth, confidence, words):
    table = reliability_table(np.array(truth), sure_of([confidence] * len(truth)))
    assert words in calibration_sentence(table)


def test_the_sentence_says_when_it_does_not_err():
    truth = np.array([0] * 9 + [1])
    assert "about as right as it is sure" in calibration_sentence(reliability_table(truth, sure_of([0.9] * 10)))


def test_nothing_is_said_to_be_all_that_is_nearly_all():
    truth = np.zeros(5000, dtype=int)
    said = calibration_sentence(reliability_table(truth, sure_of([0.9999] * 5000)))
    assert "on average 99.99 % sure and 100.00 % right" in said


def test_confidences_are_counted_right_and_wrong_apart(judged):
    truth, probabilities = judged
    table = confidence_table(truth, probabilities)
    right = probabilities.argmax(axis=1) == truth
    for outcome, chosen in (("right", right), ("wrong", ~right)):
        # numpy's bins include their lower end, ours the upper one; no value lies on an edge here.
        counts, _ = np.histogram(probabilities.max(axis=1)[chosen], bins=20, range=(0, 1))
        assert table[table["outcome"] == outcome]["n_images"].tolist() == counts.tolist()


def test_coverage_worked_out_by_hand():
    table = coverage_table(np.array([0, 1, 0, 0]), sure_of([0.9, 0.8, 0.8, 0.6]))
    assert table["coverage"].tolist() == [0.25, 0.75, 1.0]
    assert table["accuracy"].tolist() == pytest.approx([1, 2 / 3, 3 / 4])
    assert table["threshold"].tolist() == pytest.approx([0.9, 0.8, 0.6])


def test_all_answered_is_the_plain_accuracy(judged):
    truth, probabilities = judged
    last = coverage_table(truth, probabilities).iloc[-1]
    assert (last["coverage"], last["accuracy"]) == (1.0, (probabilities.argmax(axis=1) == truth).mean())


def test_coverage_without_images_is_empty():
    assert coverage_table(np.array([], dtype=int), np.empty((0, 2))).empty


def test_refusal_names_the_largest_share_that_can_be_answered():
    truth, confidence = np.array([0, 0, 0, 1]), sure_of([0.9, 0.8, 0.7, 0.6])
    expected = "Leaving out the 25.0 % of the images it is less than 70.0 % sure of, the model is 100.00 % right"
    assert expected in refusal_sentence(coverage_table(truth, confidence))
    assert refusal_sentence(coverage_table(truth[:3], confidence[:3])) == "All answered, the model is 100.00 % right."
    assert (
        refusal_sentence(coverage_table(truth[3:], confidence[3:]))
        == "Leaving out images cannot bring the rest to 99 % right."
    )


def test_labels_and_probabilities_must_be_of_the_same_images():
    with pytest.raises(DatasetError, match="same images"):
        reliability_table(np.array([0, 1]), sure_of([0.9]))


def test_the_number_of_bins_is_bounded():
    with pytest.raises(InvalidSetting, match="n_bins must be 1 to 100, got 0"):
        reliability_table(np.array([0]), sure_of([0.9]), n_bins=0)


@pytest.mark.parametrize("chart", ["reliability", "confidence", "coverage"])
def test_charts_are_valid_and_small(chart, rng):
    truth = rng.integers(0, 10, 10_000)
    probabilities = rng.dirichlet(np.full(10, 0.3), 10_000)
    tables = {"reliability": reliability_table, "confidence": confidence_table, "coverage": coverage_table}
    draw = {"reliability": reliability_chart, "confidence": confidence_chart, "coverage": coverage_chart}
    spec = draw[chart](tables[chart](truth, probabilities)).to_dict()
    assert len(json.dumps(spec)) < 50_000
    assert spec["description"]


def test_a_long_coverage_is_thinned_and_keeps_its_ends():
    table = pd.DataFrame({"coverage": np.linspace(0.001, 1, 1000), "accuracy": 1.0, "threshold": 0.5})
    spec = coverage_chart(table).to_dict()
    rows = spec["datasets"][spec["data"]["name"]]
    assert len(rows) == MOST_POINTS
    assert (rows[0]["coverage"], rows[-1]["coverage"]) == (0.001, 1)


def test_bins_without_images_are_not_drawn():
    spec = reliability_chart(reliability_table(np.array([0]), sure_of([0.9]))).to_dict()
    rows = [row for rows in spec["datasets"].values() for row in rows if "n_images" in row]
    assert [row["n_images"] for row in rows] == [1]
