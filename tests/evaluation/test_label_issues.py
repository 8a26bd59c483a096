import numpy as np
import pytest

from digitcore.errors import DatasetError
from digitcore.evaluation.label_issues import confident_thresholds, find_label_issues, label_issues_table


@pytest.fixture
def noisy(rng):
    """Given labels of 2000 images of five classes, a tenth of them wrong, and honest probabilities."""
    truth = rng.integers(0, 5, 2000)
    logits = rng.normal(size=(2000, 5)) + 3 * np.eye(5)[truth]
    labels = np.where(rng.random(2000) < 0.1, rng.integers(0, 5, 2000), truth)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, probabilities, truth


def test_thresholds_are_mean_probabilities_of_the_label():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.2, 0.8, 0.0], [0.0, 0.6, 0.4]])
    thresholds = confident_thresholds(np.array([0, 0, 1, 1]), probabilities)
    assert thresholds.tolist() == pytest.approx([0.7, 0.7, np.inf])


def test_the_only_image_of_a_class_is_no_issue_and_makes_no_other_one():
    # Out of fold its class is impossible: its label says nothing against it.
    probabilities = np.array([[0.0, 0.9, 0.1], [0.0, 0.8, 0.2], [0.0, 0.7, 0.3], [0.0, 0.45, 0.55], [0.0, 0.1, 0.9]])
    labels = np.array([0, 1, 1, 2, 2])
    assert find_label_issues(labels, probabilities).tolist() == []


def test_issues_are_those_of_cleanlab(noisy):
    filters = pytest.importorskip("cleanlab.filter")
    labels, probabilities, _ = noisy
    theirs = filters.find_label_issues(
        labels,
        probabilities,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    assert len(theirs) > 100
    assert find_label_issues(labels, probabilities).tolist() == theirs.tolist()


def test_most_issues_are_wrong_indeed(noisy):
    labels, probabilities, truth = noisy
    issues = find_label_issues(labels, probabilities)
    wrong = labels != truth
    assert wrong[issues].mean() > 0.8
    assert wrong[issues].sum() > 0.6 * wrong.sum()
    assert wrong[issues[:50]].all()


def test_the_least_probable_label_comes_first(noisy):
    labels, probabilities, _ = noisy
    issues = find_label_issues(labels, probabilities)
    of_label = probabilities[issues, labels[issues]]
    assert (np.diff(of_label) >= 0).all()


def test_a_class_without_images_has_no_issues():
    probabilities = np.array([[0.1, 0.0, 0.9], [0.9, 0.1, 0.0], [0.1, 0.9, 0.0]])
    assert find_label_issues(np.array([0, 0, 1]), probabilities).tolist() == []


def test_right_labels_are_no_issues():
    assert find_label_issues(np.arange(3), np.eye(3)).tolist() == []


def test_labels_and_probabilities_must_be_of_the_same_images():
    with pytest.raises(DatasetError, match="same images"):
        find_label_issues(np.array([0]), np.eye(2))


def test_issues_are_listed_with_what_they_probably_are():
    table = label_issues_table(np.array([0, 1]), np.array([[0.5, 0.5], [0.75, 0.25]]), np.array([1]), "ab")
    assert table.to_dict("records") == [
        {"position": 1, "label": "b", "suggestion": "a", "label_probability": 0.25, "suggestion_probability": 0.75}
    ]
