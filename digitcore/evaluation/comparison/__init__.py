"""Is one model better than another, and how sure is that: on the same images, over seeds, over folds, among many.

A difference of accuracies is always that of A minus that of B: it is positive where A is better. A point is a
difference of 0.01. Sentences say which model is better and by how much; no p value stands alone.
"""

from digitcore.evaluation.comparison.best_of import expected_best_of, optimism_of_best
from digitcore.evaluation.comparison.disagreement import (
    WANTED,
    AnswerPair,
    change_table_of_counts,
    confusion_change_table,
    disagreement_positions,
    in_same_order,
)
from digitcore.evaluation.comparison.pairs import (
    PairComparison,
    PairCounts,
    check_same_images,
    compare_predictions,
    mcnemar_mid_p,
    pair_counts,
    paired_difference_interval,
    smallest_visible_difference,
)
from digitcore.evaluation.comparison.repeats import (
    MeanDifference,
    SeedComparison,
    SeedSummary,
    compare_seeds,
    corrected_resampled_t,
    difference_over_images,
    summarise_accuracies,
    summarise_seeds,
)
from digitcore.evaluation.comparison.sentences import (
    folds_sentence,
    images_sentence,
    optimism_sentence,
    pair_sentence,
    seeds_sentence,
    several_sentence,
)
from digitcore.evaluation.comparison.several import (
    CochransQ,
    SeveralComparison,
    cochrans_q,
    compact_letters,
    compare_several,
    holm,
)
from digitcore.evaluation.comparison.uncertainty import (
    calibration_error_interval,
    loss_interval,
    recall_intervals_table,
)

__all__ = [
    "WANTED",
    "AnswerPair",
    "CochransQ",
    "MeanDifference",
    "PairComparison",
    "PairCounts",
    "SeedComparison",
    "SeedSummary",
    "SeveralComparison",
    "calibration_error_interval",
    "change_table_of_counts",
    "check_same_images",
    "cochrans_q",
    "compact_letters",
    "compare_predictions",
    "compare_seeds",
    "compare_several",
    "confusion_change_table",
    "corrected_resampled_t",
    "difference_over_images",
    "disagreement_positions",
    "expected_best_of",
    "folds_sentence",
    "holm",
    "images_sentence",
    "in_same_order",
    "loss_interval",
    "mcnemar_mid_p",
    "optimism_of_best",
    "optimism_sentence",
    "pair_counts",
    "pair_sentence",
    "paired_difference_interval",
    "recall_intervals_table",
    "seeds_sentence",
    "several_sentence",
    "smallest_visible_difference",
    "summarise_accuracies",
    "summarise_seeds",
]
