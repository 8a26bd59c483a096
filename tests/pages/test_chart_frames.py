"""What Streamlit is sent is what altair would have it sent."""

import itertools
import json
import re

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from streamlit.elements import vega_charts

from digitcore.charts import confusion_change_chart, confusion_chart, curves_chart, map_chart, probability_chart
from digitcore.evaluation import curves_table, epochs_table, table_of_counts
from digitcore.evaluation.comparison import change_table_of_counts
from digitcore.models.epoch import Epoch
from pages.parts.charts import Frame, drawable
from pages.parts.matrix_cell import SELECTION
from pages.parts.matrix_chart import change_drawn, confusion_drawn


def curves(n_done, **options):
    epochs = [Epoch(n, 1 / n, 0.5, 2 / n, 0.4, seconds=0.1) for n in range(1, n_done + 1)]
    table = curves_table(epochs_table(epochs), "loss", held_out_name="test")
    return table, curves_chart(table, held_out_name="test", **options)


def unnamed(spec):
    """A specification with its tables in the places of their names."""
    tables = {name: pa.ipc.open_stream(content).read_pandas().to_dict() for name, content in spec["datasets"].items()}
    # Altair names views after all that is in their charts.
    views = {}
    text = json.dumps({name: value for name, value in spec.items() if name != "datasets"}, sort_keys=True)
    names = sorted(tables, key=text.index)
    for number, name in enumerate(names):
        text = text.replace(name, f"table {number}")
    text = re.sub(r"view_[0-9a-f]{16}", lambda found: views.setdefault(found[0], f"view {len(views)}"), text)
    return json.loads(text), [tables[name] for name in names]


def charts():
    yield curves(5)[1]
    yield curves(5, best_epoch=3)[1]
    yield curves(1, n_epochs=50)[1]
    yield probability_chart(pd.Series([0.1, 0.9]).to_numpy(), ["a", "b"], truth="a")
    points = pd.DataFrame({"x": [0.0, 1.0], "y": [1.0, 2.0], "position": [0, 1], "truth": ["a", "b"]})
    yield map_chart(points.assign(prediction=["a", "a"], wrong=[False, True]), ["a", "b"], select="brush")


@pytest.mark.parametrize("chart", list(charts()))
def test_a_drawable_chart_is_what_streamlit_would_make_of_it(chart):
    assert unnamed(drawable(chart)) == unnamed(vega_charts._convert_altair_to_vega_lite_spec(chart))


def test_a_chart_is_left_as_it_was():
    table, chart = curves(5)
    drawable(chart)
    assert isinstance(chart, alt.LayerChart)
    pd.testing.assert_frame_equal(chart.data, table)


@pytest.mark.parametrize("options", [{"n_epochs": 50}, {"n_epochs": 50, "best_epoch": 2}])
def test_a_frame_with_another_table_is_the_chart_of_that_table(options):
    table, chart = curves(3, **options)
    longer, expected = curves(7, **options)
    assert unnamed(Frame(chart, table).drawn(longer)) == unnamed(drawable(expected))


def test_a_frame_takes_another_table_and_another_ghost():
    table, ghost = curves(3)[0], curves(5)[0]
    frame = Frame(curves(3, n_epochs=50, ghost=ghost)[1], table, ghost)
    longer, other_ghost = curves(7)[0], curves(9)[0]
    expected = curves(7, n_epochs=50, ghost=other_ghost)[1]
    assert unnamed(frame.drawn(longer, other_ghost)) == unnamed(drawable(expected))


@pytest.mark.parametrize("tables", [1, 2])
def test_a_frame_refuses_a_table_that_it_cannot_tell_from_others_or_does_not_have(tables):
    table, chart = curves(3)
    others = [table.assign(value=0.0), table][:tables]
    with pytest.raises(ValueError, match=f"expected {tables} different tables in the chart, found"):
        Frame(chart, *others)


NAMES = ("a", "b", "c")
COUNTS = [
    np.diag([5, 9, 3]),
    np.array([[7, 1, 0], [2, 4, 3], [0, 0, 6]]),
    np.array([[700, 1, 0], [2, 400, 3], [0, 0, 0]]),
    np.zeros((3, 3), dtype=int),
]


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("values", ["count", "row_pct"])
def test_matrices_that_share_a_frame_are_the_charts_of_their_tables(values, scale):
    for counts in COUNTS:
        table = table_of_counts(counts, NAMES)
        expected = confusion_chart(table, values=values, scale=scale, select=SELECTION, cell_size=30)
        drawn = confusion_drawn(table, values=values, scale=scale, cell_size=30)
        assert comparable(drawn) == comparable(drawable(expected))


def test_matrices_of_differences_that_share_a_frame_are_the_charts_of_their_tables():
    for before, after in itertools.pairwise(COUNTS):
        table = change_table_of_counts(before, after, NAMES)
        expected = confusion_change_chart(table, select=SELECTION)
        assert comparable(change_drawn(table)) == comparable(drawable(expected))


def test_a_matrix_with_too_many_cells_for_a_frame_is_drawn_all_the_same():
    names = tuple(str(number) for number in range(71))
    drawn = confusion_drawn(table_of_counts(np.eye(71, dtype=int), names))
    (table,) = unnamed(drawn)[1]
    assert drawn["data"]["name"] in drawn["datasets"]
    assert sum(table["count"].values()) == 71
    assert len(table["count"]) == 71**2


def comparable(spec):
    """As :func:`unnamed`, but a NaN equals another one."""
    return repr(unnamed(spec))
