import dataclasses

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from digitcore.datasets import Dataset, load_dataset
from digitcore.errors import InvalidSetting
from digitcore.evaluation.label_issues import find_label_issues
from digitcore.runs import RunSpec
from digitcore.runs.out_of_fold import N_FOLDS, fold_probabilities, folds_of, joined_folds
from digitcore.runs.training import model_for, split_for

SPEC = RunSpec(dataset="digits", model="softmax", parameters={"epochs": 5})


def judged(spec):
    part = split_for(spec).train
    results = [fold_probabilities(spec.canonical_json, fold) for fold in range(N_FOLDS)]
    return part, joined_folds(part, spec.random_state, results)


def test_folds_hold_every_image_once_and_every_class_alike():
    part = split_for(SPEC).train
    folds = folds_of(part, 0)
    assert sorted(np.concatenate(folds)) == list(range(part.n_images))
    counts = np.array([np.bincount(part.labels[fold], minlength=10) for fold in folds])
    assert np.ptp(counts, axis=0).max() <= 1


@pytest.mark.parametrize("model", ["softmax", "mlp"])
def test_the_probabilities_are_those_of_scikit_learns_cross_validation(model):
    spec = RunSpec(dataset="digits", model=model, parameters={"epochs": 2})
    part, probabilities = judged(spec)
    expected = cross_val_predict(
        model_for(spec, part.dataset),
        part.features(spec.scaling),
        part.labels,
        cv=StratifiedKFold(N_FOLDS, shuffle=True, random_state=spec.random_state),
        method="predict_proba",
    )
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_labels_that_were_swapped_are_found(monkeypatch):
    digits = load_dataset("digits")
    labels = digits.labels.copy()
    swapped = np.random.default_rng(0).permutation(len(labels))[:40]
    labels[swapped] = (labels[swapped] + 1) % 10
    spoilt = dataclasses.replace(digits, labels=labels)
    monkeypatch.setattr("digitcore.runs.training.load_dataset", lambda name: spoilt)
    settings = {"epochs": 40, "learning_rate": 0.1}
    part, probabilities = judged(RunSpec(dataset="digits", model="softmax", parameters=settings))
    there = np.isin(part.indices, swapped)
    suspects = find_label_issues(part.labels, probabilities)
    assert there[suspects].sum() >= 0.8 * there.sum()
    assert there[suspects[: there.sum() // 2]].all()


def test_too_few_images_are_told():
    dataset = Dataset("tiny", np.ones((6, 2, 2), np.uint8), np.arange(6), tuple("abcdef"), max_value=1)
    part = split_for(SPEC.with_changes(split={"max_train": None}), dataset).train
    with pytest.raises(InvalidSetting, match="5 folds need as many images of one class"):
        folds_of(part, 0)
