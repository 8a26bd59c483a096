"""Charts: a tidy table goes in, an altair chart comes out. Nothing here reads files or keeps state.

The width is the page's affair; heights and looks are set here. Colours follow the background that the page gives a
chart, so the charts set none. Each chart carries a ``description``, the alternative text for those who cannot see it.
"""

from digitcore.charts._axes import ALTAIR_MAX_ROWS, value_limits
from digitcore.charts._cells import MatrixCells, color_cells, outline_cell
from digitcore.charts.batch_losses import batch_losses_chart
from digitcore.charts.calibration import confidence_chart, coverage_chart, reliability_chart
from digitcore.charts.class_balance import class_balance_chart
from digitcore.charts.confusion import confusion_cells, confusion_chart
from digitcore.charts.confusion_change import confusion_change_cells, confusion_change_chart
from digitcore.charts.confusion_difference import confusion_difference_chart
from digitcore.charts.curves import curves_chart
from digitcore.charts.folds import fold_curves_chart, fold_scores_chart
from digitcore.charts.importance import importance_chart
from digitcore.charts.layer_distributions import dead_units_chart, quantiles_chart
from digitcore.charts.learning_curve import learning_curve_chart
from digitcore.charts.learning_rate import learning_rate_chart
from digitcore.charts.lr_range import lr_range_chart
from digitcore.charts.map import map_chart
from digitcore.charts.model_curves import model_curves_chart
from digitcore.charts.parallel import parallel_chart
from digitcore.charts.probability import probability_chart, probability_table
from digitcore.charts.published import published_chart, published_curve_chart
from digitcore.charts.robustness import robustness_chart
from digitcore.charts.sweep import sweep_chart, sweep_heat_chart

__all__ = [
    "ALTAIR_MAX_ROWS",
    "MatrixCells",
    "batch_losses_chart",
    "class_balance_chart",
    "color_cells",
    "confidence_chart",
    "confusion_cells",
    "confusion_change_cells",
    "confusion_change_chart",
    "confusion_chart",
    "confusion_difference_chart",
    "coverage_chart",
    "curves_chart",
    "dead_units_chart",
    "fold_curves_chart",
    "fold_scores_chart",
    "importance_chart",
    "learning_curve_chart",
    "learning_rate_chart",
    "lr_range_chart",
    "map_chart",
    "model_curves_chart",
    "outline_cell",
    "parallel_chart",
    "probability_chart",
    "probability_table",
    "published_chart",
    "published_curve_chart",
    "quantiles_chart",
    "reliability_chart",
    "robustness_chart",
    "sweep_chart",
    "sweep_heat_chart",
    "value_limits",
]
