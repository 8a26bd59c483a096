"""How far label issues can be trusted: the out-of-fold accuracy and its warning."""

import math

import numpy as np
import pytest

from digitcore.evaluation.label_issues import label_issues_warning, out_of_fold_accuracy


def test_the_accuracy_is_the_share_of_labels_predicted():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], dtype=np.float32)
    assert out_of_fold_accuracy(np.array([0, 1, 1, 1]), probabilities) == 0.75
    assert math.isnan(out_of_fold_accuracy(np.array([], dtype=int), np.empty((0, 2))))


@pytest.mark.parametrize(("accuracy", "warned"), [(0.7, True), (0.899, True), (0.9, False), (0.98, False)])
def test_weak_models_are_warned_of(accuracy, warned):
    warning = label_issues_warning(accuracy)
    assert bool(warning) == warned
    assert not warned or f"{100 * accuracy:.2f} %" in warning
