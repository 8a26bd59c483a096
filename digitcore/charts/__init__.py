"""Charts: a tidy table goes in, an altair chart comes out. Nothing here reads files or keeps state.

The width is the page's affair; heights are set here. Colours are chosen to read on light and on dark pages, so the
charts set no background. Each chart carries a ``description``, the alternative text for those who cannot see it.
"""

from digitcore.charts.calibration import confidence_chart, coverage_chart, reliability_chart
from digitcore.charts.layers import quantiles_chart, silent_chart
from digitcore.charts.map import map_chart
from digitcore.charts.results import class_balance_chart, confusion_chart, curves_chart, probability_chart

__all__ = [
    "class_balance_chart",
    "confidence_chart",
    "confusion_chart",
    "coverage_chart",
    "curves_chart",
    "map_chart",
    "probability_chart",
    "quantiles_chart",
    "reliability_chart",
    "silent_chart",
]
