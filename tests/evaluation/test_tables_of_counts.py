import numpy as np
import pandas as pd
import pytest

from digitcore.errors import DatasetError
from digitcore.evaluation import confusion_counts, confusion_table, table_of_counts
from digitcore.evaluation.comparison import AnswerPair, change_table_of_counts, confusion_change_table

NAMES = ("a", "b", "c")


def test_counts_give_the_table_of_the_predictions(rng):
    truth, prediction = rng.integers(0, 2, 50), rng.integers(0, 3, 50)
    table = table_of_counts(confusion_counts(truth, prediction, 3), NAMES)
    pd.testing.assert_frame_equal(table, confusion_table(truth, prediction, NAMES))
    with pytest.raises(DatasetError, match="3 classes"):
        table_of_counts(np.zeros((2, 2), dtype=np.int64), NAMES)


def test_counts_of_two_models_give_the_table_of_their_change(rng):
    truth, probabilities = rng.integers(0, 3, 50), rng.dirichlet(np.ones(3), (2, 50))
    counts_a, counts_b = (confusion_counts(truth, each.argmax(axis=1), 3) for each in probabilities)
    pair = AnswerPair(truth, *probabilities)
    expected = confusion_change_table(pair, NAMES)
    pd.testing.assert_frame_equal(change_table_of_counts(counts_a, counts_b, NAMES), expected)
