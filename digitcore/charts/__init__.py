"""Charts: a tidy table goes in, an altair chart comes out. Nothing here reads files or keeps state.

The width is the page's affair; heights are set here. Colours are chosen to read on light and on dark pages, so the
charts set no background. Each chart carries a ``description``, the alternative text for those who cannot see it.
"""

from digitcore.charts.calibration import confidence_chart, coverage_chart, reliability_chart
from digitcore.charts.folds import fold_curves_chart, fold_scores_chart, learning_curve_chart
from digitcore.charts.layers import quantiles_chart, silent_chart
from digitcore.charts.map import map_chart
from digitcore.charts.published import confusion_difference_chart, published_chart, published_curve_chart
from digitcore.charts.results import (
    class_balance_chart,
    confusion_chart,
    curves_chart,
    probability_chart,
    probability_table,
)
from digitcore.charts.sweeps import (
    importance_chart,
    parallel_chart,
    rate_range_chart,
    sweep_chart,
    sweep_heat_chart,
)

__all__ = [
    "class_balance_chart",
    "confidence_chart",
    "confusion_chart",
    "confusion_difference_chart",
    "coverage_chart",
    "curves_chart",
    "fold_curves_chart",
    "fold_scores_chart",
    "importance_chart",
    "learning_curve_chart",
    "map_chart",
    "parallel_chart",
    "probability_chart",
    "probability_table",
    "published_chart",
    "published_curve_chart",
    "quantiles_chart",
    "rate_range_chart",
    "reliability_chart",
    "silent_chart",
    "sweep_chart",
    "sweep_heat_chart",
]
