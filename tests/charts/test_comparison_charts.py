"""Charts of the comparison: curves of several models, and the change of a confusion matrix."""

import json

import pandas as pd
import pytest

from digitcore.charts import confusion_change_cells, confusion_change_chart, model_curves_chart
from digitcore.errors import InvalidSetting
from digitcore.images import palette

NAN = float("nan")
CHANGE = pd.DataFrame(
    {
        "truth": ["z", "z", "b", "b"],
        "prediction": ["z", "b", "z", "b"],
        "count_a": [5, 3, 0, 7],
        "count_b": [8, 0, 0, 7],
        "change": [3, -3, 0, 0],
    }
)


def curves(names, n_epochs=2, sd=NAN):
    rows = [
        {"name": name, "x": float(x), "mean": 0.5, "sd": sd, "low": 0.5 - sd, "high": 0.5 + sd, "n": 3}
        for name in names
        for x in range(1, n_epochs + 1)
    ]
    table = pd.DataFrame(rows, columns=["name", "x", "mean", "sd", "low", "high", "n"])
    return table.astype(dict.fromkeys(["x", "mean", "sd", "low", "high"], float))


def layer(chart, mark):
    return next(layer for layer in chart.to_dict()["layer"] if layer["mark"]["type"] == mark)


def rows(chart, mark):
    whole = json.loads(chart.to_json())
    found = next(layer for layer in whole["layer"] if layer["mark"]["type"] == mark)
    return whole["datasets"][found.get("data", whole.get("data"))["name"]]


def test_changes_have_their_sign_and_no_figure_where_nothing_changes():
    shown = {(row["truth"], row["prediction"]): row["figure"] for row in rows(confusion_change_chart(CHANGE), "rect")}
    assert shown == {("z", "z"): "+3", ("z", "b"): "−3", ("b", "z"): "", ("b", "b"): ""}


def test_the_colours_of_changes_are_symmetric_about_zero():
    scale = layer(confusion_change_chart(CHANGE), "rect")["encoding"]["color"]["scale"]
    assert scale["domain"] == [-3, -1.5, 0, 1.5, 3]
    unchanged = confusion_change_chart(CHANGE.assign(change=0))
    assert layer(unchanged, "rect")["encoding"]["color"]["scale"]["domain"] == [-1, -0.5, 0, 0.5, 1]


def test_the_cells_of_a_change_say_what_its_chart_shows():
    shown = confusion_change_cells(CHANGE)
    assert shown.stops.tolist() == [-3, -1.5, 0, 1.5, 3]
    assert shown.table["figure"].tolist() == [row["figure"] for row in rows(confusion_change_chart(CHANGE), "rect")]
    assert shown.n_letters == 2


def test_a_cell_of_the_changes_can_be_clicked_if_wanted():
    assert "params" not in confusion_change_chart(CHANGE).to_dict()
    param = confusion_change_chart(CHANGE, select="cell").to_dict()["params"][0]
    assert (param["name"], param["select"]["fields"]) == ("cell", ["truth", "prediction"])


def test_the_changes_keep_the_order_of_classes_and_describe_themselves():
    chart = confusion_change_chart(CHANGE)
    assert layer(chart, "rect")["encoding"]["y"]["scale"]["domain"] == ["z", "b"]
    assert chart.to_dict()["description"].startswith("Difference of two confusion matrices of 2 classes")


def test_the_sixth_model_has_the_first_colour_again_and_a_dashed_line():
    chart = model_curves_chart(curves([f"model {number}" for number in range(8)]))
    encoded = layer(chart, "line")["encoding"]
    assert encoded["color"]["scale"]["range"][5] == palette.SERIES_COLORS[0]
    assert encoded["strokeDash"]["scale"]["range"] == [[1, 0]] * 5 + [[6, 4]] * 3


def test_only_models_of_several_seeds_have_a_band():
    table = pd.concat([curves(["one"]), curves(["several"], sd=0.1)])
    assert {row["name"] for row in rows(model_curves_chart(table), "area")} == {"several"}


@pytest.mark.parametrize(("over", "title", "domain"), [("epoch", "Epoch", [1, 2]), ("seconds", "Time (s)", [0, 2])])
def test_curves_go_over_epochs_or_over_the_time(over, title, domain):
    x = layer(model_curves_chart(curves(["one"]), over=over), "line")["encoding"]["x"]
    assert (x["field"], x["title"], x["scale"]["domain"]) == ("x", title, domain)


def test_curves_describe_themselves_and_may_be_empty():
    chart = model_curves_chart(curves([]), measure="accuracy", part="train", over="seconds")
    assert chart.to_dict()["description"] == "Accuracy of the train part of 0 models over the seconds of training."


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"measure": "gap"}, "measure must be one of"), ({"over": "batches"}, "over must be one of")],
)
def test_curves_of_what_is_unknown_are_refused(settings, words):
    with pytest.raises(InvalidSetting, match=words):
        model_curves_chart(curves(["one"]), **settings)
