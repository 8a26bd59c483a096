"""From predictions to figures: accuracy, confusion matrix, mistakes, and the verdict on a training.

Labels are class indices 0 to ``n_classes - 1``, probabilities are ``(n_images, n_classes)`` with rows that add up to 1.
Functions whose name ends in ``_table`` return a DataFrame that charts draw and pages show. What is undefined is NaN.
"""

from digitcore.evaluation.confusion import (
    class_metrics_table,
    confused_pairs_sentences,
    confused_pairs_table,
    confusion_counts,
    confusion_table,
    table_of_counts,
)
from digitcore.evaluation.curves import MEASURES, Measure, curves_table, epochs_table
from digitcore.evaluation.metrics import (
    AccuracyGap,
    PartAccuracy,
    PartEvaluation,
    accuracy_gap,
    evaluate,
    evaluate_part,
    losses_of,
    predictions,
    ratio,
    wilson_interval,
)
from digitcore.evaluation.mistakes import judgements_table, mistake_table, pixel_table, right_predictions, wrong_indices
from digitcore.evaluation.trend import TrainingCurve, still_rising
from digitcore.evaluation.verdict import Kind, Verdict, judge_fit

__all__ = [
    "MEASURES",
    "AccuracyGap",
    "Kind",
    "Measure",
    "PartAccuracy",
    "PartEvaluation",
    "TrainingCurve",
    "Verdict",
    "accuracy_gap",
    "class_metrics_table",
    "confused_pairs_sentences",
    "confused_pairs_table",
    "confusion_counts",
    "confusion_table",
    "curves_table",
    "epochs_table",
    "evaluate",
    "evaluate_part",
    "judge_fit",
    "judgements_table",
    "losses_of",
    "mistake_table",
    "pixel_table",
    "predictions",
    "ratio",
    "right_predictions",
    "still_rising",
    "table_of_counts",
    "wilson_interval",
    "wrong_indices",
]
