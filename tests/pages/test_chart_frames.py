"""What Streamlit is sent is what altair would have it sent."""

import json

import altair as alt
import pandas as pd
import pyarrow as pa
import pytest
from streamlit.elements import vega_charts

from digitcore.charts import curves_chart, map_chart, probability_chart
from digitcore.evaluation import curves_table, epochs_table
from digitcore.models.epoch import Epoch
from pages.parts.charts import Frame, drawable


def curves(n_done, **options):
    epochs = [Epoch(n, 1 / n, 0.5, 2 / n, 0.4, seconds=0.1) for n in range(1, n_done + 1)]
    table = curves_table(epochs_table(epochs), "loss", held_out_name="test")
    return table, curves_chart(table, held_out_name="test", **options)


def unnamed(spec):
    """A specification with its tables in the places of their names."""
    tables = {name: pa.ipc.open_stream(content).read_pandas().to_dict() for name, content in spec["datasets"].items()}
    text = json.dumps({name: value for name, value in spec.items() if name != "datasets"}, sort_keys=True)
    for number, name in enumerate(tables):
        text = text.replace(name, f"table {number}")
    return json.loads(text), list(tables.values())


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
