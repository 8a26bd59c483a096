import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import LinearSVC

from digitcore.errors import DatasetError, DigitcoreError, InvalidSetting
from digitcore.evaluation import (
    PartEvaluation,
    class_metrics_table,
    confused_pairs_sentences,
    confused_pairs_table,
    confusion_counts,
    confusion_table,
    curves_table,
    epochs_table,
    evaluate,
    evaluate_part,
    judgements_table,
    losses_of,
    mistake_table,
    pixel_table,
    predictions,
    wilson_interval,
    wrong_indices,
)
from digitcore.models import Epoch, SoftmaxRegression

NAMES = tuple("abcd")


@pytest.fixture
def labels():
    rng = np.random.default_rng(0)
    return rng.integers(0, 3, 200), rng.integers(0, 4, 200)  # class d never occurs, but is predicted


def test_wilson_by_hand():
    # 81 of 263, the example of Wilson's interval in Newcombe (1998), Statistics in Medicine 17, table I.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(("right", "n"), [(0, 10), (10, 10), (1, 3), (9842, 10_000), (0, 1)])
def test_wilson_is_scipys(right, n):
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_interval(right, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_is_undefined():
    assert all(math.isnan(end) for end in wilson_interval(0, 0))


@pytest.mark.parametrize("numbers", [(3, 2), (-1, 2), (1.5, 2)])
def test_wilson_refuses_what_is_no_count(numbers):
    with pytest.raises(InvalidSetting, match="n_right"):
        wilson_interval(*numbers)


def test_a_part_is_evaluated_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    truth, probabilities = rng.integers(0, 4, 50), rng.dirichlet(np.ones(4), 50)
    part = evaluate_part(truth, probabilities)
    assert part.n_right == (probabilities.argmax(axis=1) == truth).sum()
    assert part.accuracy == part.n_right / 50
    assert part.loss == pytest.approx(log_loss(truth, probabilities, labels=range(4)))
    assert (part.accuracy_low, part.accuracy_high) == wilson_interval(part.n_right, 50)


def test_an_impossible_image_has_a_finite_loss():
    assert 80 < evaluate_part(np.array([1]), np.array([[1.0, 0.0]])).loss < 100


@pytest.mark.parametrize(
    "probabilities", [np.array([[np.nan, 1.0]]), np.array([0.5, 0.5]), np.array([[0.5, 0.5], [0.5, 0.5]])]
)
def test_probabilities_that_are_none_are_refused(probabilities):
    with pytest.raises(DigitcoreError):
        evaluate_part(np.array([0]), probabilities)


def test_confusion_counts_have_truth_in_rows():
    truth, prediction = np.array([0, 0, 1]), np.array([1, 1, 0])
    assert confusion_counts(truth, prediction, 2).tolist() == [[0, 2], [1, 0]]


def test_confusion_counts_are_scikit_learns(labels):
    np.testing.assert_array_equal(confusion_counts(*labels, 4), confusion_matrix(*labels, labels=range(4)))


def test_the_confusion_table_has_a_row_per_cell_and_percentages_of_the_row(labels):
    table = confusion_table(*labels, NAMES)
    assert len(table) == 16
    assert table["count"].sum() == 200
    sums = table.groupby("truth")["row_pct"].sum(min_count=4)
    assert sums[["a", "b", "c"]].tolist() == pytest.approx([100, 100, 100])
    assert table.loc[table["truth"] == "d", "row_pct"].isna().all()


def test_class_metrics_are_scikit_learns_and_undefined_is_nan(labels):
    table = class_metrics_table(*labels, NAMES)
    expected = precision_recall_fscore_support(*labels, labels=range(4), zero_division=np.nan)
    for name, values in zip(("precision", "recall", "f1", "n_images"), expected, strict=True):
        if name != "f1":
            np.testing.assert_allclose(table[name], values)
    np.testing.assert_allclose(table["f1"][:3], expected[2][:3])
    assert table["recall"].isna().tolist() == [False, False, False, True]


def test_confused_pairs_come_most_frequent_first_and_leave_out_the_right():
    truth, prediction = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 1, 0, 0, 1, 2])
    table = confused_pairs_table(truth, prediction, tuple("abc"))
    assert list(zip(table["truth"], table["prediction"], table["count"], strict=True)) == [("a", "b", 2), ("b", "a", 1)]
    assert confused_pairs_sentences(table)[0] == "a was taken for b in 2 of 3 images (66.7 %)."


def test_a_rare_confusion_is_not_none():
    truth = np.zeros(5000, dtype=int)
    prediction = truth.copy()
    prediction[0] = 1
    (sentence,) = confused_pairs_sentences(confused_pairs_table(truth, prediction, ["a", "b"]))
    assert sentence == "a was taken for b in 1 of 5,000 images (0.1 %)."


def test_wrong_predictions_are_found():
    truth, prediction = np.zeros(100, int), np.r_[np.zeros(60, int), np.ones(40, int)]
    assert wrong_indices(truth, prediction).tolist() == list(range(60, 100))


def test_the_loss_of_an_image_is_minus_the_logarithm_of_what_the_truth_got():
    losses = losses_of(np.array([0, 1, 1]), np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]]))
    assert losses == pytest.approx([np.log(2), np.log(10), 87.3365], abs=1e-4)


def test_lengths_that_differ_are_refused():
    with pytest.raises(DigitcoreError):
        confusion_counts(np.array([0]), np.array([0, 1]), 2)


def test_mistakes_have_both_probabilities():
    table = mistake_table(np.array([0, 1]), np.array([[0.2, 0.8], [0.1, 0.9]]), ("a", "b"), np.array([0]))
    row = table.iloc[0]
    assert (row["truth"], row["prediction"]) == ("a", "b")
    assert 0.8 in row.to_list()
    assert 0.2 in row.to_list()


def test_predictions_are_the_most_probable_classes():
    assert predictions(np.array([[0.1, 0.9], [0.6, 0.4]])).tolist() == [1, 0]


def epochs(n):
    return [Epoch(i, 1 / i, 1 - 1 / (i + 1), None if i % 2 else 0.5, 0.25, 0.1) for i in range(1, n + 1)]


def test_the_epochs_table_has_a_row_per_epoch_and_nan_for_none():
    table = epochs_table(epochs(3))
    assert table.iloc[:, 0].tolist() == [1, 2, 3]
    assert table["validation_loss"].isna().tolist() == [True, False, True]


def test_curves_are_thinned_but_keep_first_last_and_best():
    table = epochs_table([Epoch(i, abs(i - 777) + 1.0, 0.5, None, None, 0.1) for i in range(1, 10_001)])
    tidy = curves_table(table, "loss", max_points=100)
    assert len(tidy) <= 100
    assert {1, 777, 10_000} <= set(tidy["epoch"])


def test_a_part_that_was_not_watched_has_no_curve():
    table = epochs_table([Epoch(1, 1.0, 0.5, None, None, 0.1)])
    assert set(curves_table(table, "accuracy")["part"]) == {"train"}


def test_pixels_are_labelled_from_zero():
    table = pixel_table(np.array([[1, 2, 3], [4, 5, 6]], np.uint8))
    assert isinstance(table, pd.DataFrame)
    assert table.to_numpy().tolist() == [[1, 2, 3], [4, 5, 6]]
    assert [str(name) for name in table.columns] == ["0", "1", "2"]


def test_several_models_judge_one_image():
    table = judgements_table({"one": np.array([0.1, 0.7, 0.2]), "other": np.array([0.5, 0.2, 0.3])}, "abc")
    assert table.to_dict("records") == [
        {"run": "one", "prediction": "b", "probability": 0.7, "second": "c", "second_probability": 0.2},
        {"run": "other", "prediction": "a", "probability": 0.5, "second": "c", "second_probability": 0.3},
    ]


def test_a_single_class_has_no_second():
    row = judgements_table({"one": np.array([1.0])}, "a").iloc[0]
    assert row["second"] is None or row.isna()["second"]
    assert math.isnan(row["second_probability"])


def test_judgements_must_be_of_these_classes():
    with pytest.raises(DigitcoreError, match="probabilities must be numbers of shape"):
        judgements_table({"one": np.array([0.5, 0.5])}, "abc")


# --- A fitted classifier


def fitted(labels=(0, 1)):
    """Return a softmax regression that gives ``labels[1]`` the probability 3/4 for [1] and 1/4 for [-1]."""
    weights = {"output.weight": np.array([[0.0], [math.log(3)]]), "output.bias": np.zeros(2)}
    return SoftmaxRegression().restore(weights, classes=labels, n_features=1)


def test_a_model_is_evaluated_on_labelled_images():
    result = evaluate(fitted(), [[1.0], [1.0], [-1.0], [-1.0]], [1, 0, 0, 0])
    assert (result.n_images, result.n_right, result.accuracy) == (4, 3, 0.75)
    assert result.loss == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)) / 4)
    assert (result.accuracy_low, result.accuracy_high) == wilson_interval(3, 4)


@pytest.mark.parametrize("labels", [("no", "yes"), (-5, 300), (False, True)])
def test_labels_of_any_type_are_evaluated(labels):
    no, yes = labels
    assert evaluate(fitted(labels), [[1.0], [-1.0], [1.0]], [yes, no, no]).n_right == 2


def test_a_label_that_the_training_lacked_is_a_wrong_prediction():
    result = evaluate(fitted(), [[1.0], [1.0]], [1, 7])
    assert result.n_right == 1
    assert result.loss > 40


def test_pipelines_and_other_classifiers_are_evaluated(digits):
    X, y = digits
    model = make_pipeline(MinMaxScaler(), LogisticRegression()).fit(X, y)
    result = evaluate(model, X, y)
    assert result.accuracy == model.score(X, y)
    assert result.loss == pytest.approx(log_loss(y, model.predict_proba(X)), rel=1e-6)


@pytest.mark.parametrize(
    ("model", "y", "error", "message"),
    [
        (LinearSVC(), [0, 1], InvalidSetting, r"a fitted classifier with predict_proba, got LinearSVC\(\)"),
        (
            fitted(),
            ["0", "1"],
            InvalidSetting,
            r"None of the labels, such as '0', is among .* \[0, 1\]: pass labels",
        ),
        (fitted(), [0], DatasetError, "must be of the same images, got 1 and 2 of them"),
        (fitted(), [[0], [1]], DatasetError, r"one label for each image, got the shape \(2, 1"),
    ],
)
def test_what_cannot_be_evaluated_is_told(model, y, error, message):
    with pytest.raises(error, match=message):
        evaluate(model, [[0.0], [1.0]], y)


def test_an_evaluation_prints_as_a_sentence():
    text = str(PartEvaluation(200, 150, 0.75, 0.5, *wilson_interval(150, 200)))
    assert text == "accuracy 0.7500 (95 % interval 0.6857 to 0.8049), loss 0.5000, 200 images"
