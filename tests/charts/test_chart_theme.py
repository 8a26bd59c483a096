"""The look that all charts share, and axes that hold still."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from digitcore.charts import (
    batch_losses_chart,
    curves_chart,
    importance_chart,
    learning_rate_chart,
    lr_range_chart,
    map_chart,
    value_limits,
)
from digitcore.charts._axes import epoch_ticks
from digitcore.charts._theme import DARK_PAGE, themed
from digitcore.images import palette


def curve(values, part="train"):
    return pd.DataFrame({"epoch": range(1, len(values) + 1), "part": part, "value": values})


def layers(chart, mark):
    return [layer for layer in chart.to_dict()["layer"] if layer["mark"]["type"] == mark]


def axis(chart, channel):
    return layers(chart, "line")[0]["encoding"][channel]


def test_a_colour_of_the_theme_is_chosen_by_the_background_of_the_page():
    assert themed({"light": "#111111", "dark": "#eeeeee"}).to_dict() == {"expr": f"{DARK_PAGE} ? '#eeeeee' : '#111111'"}


@pytest.mark.parametrize("measure", ["loss", "accuracy"])
def test_an_axis_moves_at_most_twice_while_a_training_grows(measure):
    rng = np.random.default_rng(0)
    losses = 2.3 * np.exp(-np.arange(60) / 15) + rng.normal(0, 0.02, 60).clip(-0.05, 0.05) + 0.1
    values = pd.Series(losses if measure == "loss" else 1 - losses / 2.5)
    seen = [value_limits(values[:n], measure) for n in range(1, len(values) + 1)]
    assert len(set(seen)) <= 2


@pytest.mark.parametrize(
    ("values", "measure", "limits"),
    [
        ([], "accuracy", (0, 1)),
        ([0.93, 0.97], "accuracy", (0.9, 1)),
        ([0.97], "accuracy", (0.95, 1)),
        ([1.0], "accuracy", (0.98, 1)),
        ([0.0], "accuracy", (0, 1)),
        ([], "loss", (0, 2.5)),
        ([0.0], "loss", (0, 2.5)),
        ([2.31, 0.4], "loss", (0, 2.5)),
        ([0.12], "loss", (0, 0.15)),
        ([120.0, math.inf, math.nan], "loss", (0, 150)),
    ],
)
def test_the_ends_of_an_axis_are_round_and_hold_all_values(values, measure, limits):
    assert value_limits(pd.Series(values, dtype=float), measure) == pytest.approx(limits)


@pytest.mark.parametrize(
    ("last", "ticks"),
    [
        (1, [1]),
        (20_000, [1, 10_000, 20_000]),
        (3, [1, 2, 3]),
        (7, [1, 2, 4, 6]),
        (50, [1, 10, 20, 30, 40, 50]),
        (200, [1, 50, 100, 150, 200]),
    ],
)
def test_the_epochs_of_an_axis_are_round_and_few(last, ticks):
    assert epoch_ticks(last) == ticks


def test_loss_and_accuracy_side_by_side_have_the_same_epochs():
    table = curve([0.5, 0.6])
    loss, accuracy = (axis(curves_chart(table, measure=measure, n_epochs=30), "x") for measure in ("loss", "accuracy"))
    assert loss == accuracy
    assert loss["axis"]["values"] == [1, 5, 10, 15, 20, 25, 30]


def test_the_axes_of_a_training_are_the_same_for_its_first_epochs():
    first, second = (curves_chart(curve(values), n_epochs=50) for values in ([2.1], [2.1, 1.4]))
    assert axis(first, "x") == axis(second, "x")
    assert axis(first, "y") == axis(second, "y")


def test_two_lines_have_their_names_at_their_ends_and_no_legend():
    table = pd.concat([curve([0.5, 0.6]), curve([0.5, 0.6], "test")])
    chart = curves_chart(table, measure="accuracy", held_out_name="test")
    assert axis(chart, "color")["legend"] is None
    names = [layer for layer in layers(chart, "text") if layer["encoding"]["text"]["field"] == "part"]
    # A line of text apart: the names of equal values do not meet.
    assert sorted(layer["mark"]["dy"] for layer in names) == [0, 13]
    # Room for "validation" beside a narrow chart.
    assert chart.to_dict()["padding"] == {"right": 24}
    scale = names[0]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["train", "test"]
    assert scale["range"] == [themed(palette.part_text_color(part)).to_dict() for part in ("train", "test")]


@pytest.mark.parametrize(
    "chart",
    [
        curves_chart(curve([0.5, 0.4]), ghost=curve([0.6, 0.5])),
        batch_losses_chart(pd.DataFrame({"batch": [1, 2], "loss": [0.5, 0.4]})),
        lr_range_chart(pd.DataFrame({"learning_rate": [0.1, 0.2], "loss": [0.5, 0.4], "smoothed": [0.5, 0.4]})),
        importance_chart(pd.DataFrame({"title": ["Epochs"], "importance": [0.5], "sd": [0.1]})),
    ],
    ids=["baseline", "batch losses", "range test", "importance"],
)
def test_lines_and_bars_are_as_strong_as_their_colours_were_tested(chart):
    marks = [layer["mark"] for layer in chart.to_dict()["layer"]]
    drawn = [mark for mark in marks if mark["type"] in ("line", "bar")]
    assert drawn
    assert {mark.get("opacity", 1) for mark in drawn} == {1}


def test_names_of_lines_that_end_low_stand_above_them_both():
    table = pd.concat([curve([0.05, 0.155]), curve([0.05, 0.145], "test")])
    chart = curves_chart(table, measure="accuracy", held_out_name="test")
    names = [layer for layer in layers(chart, "text") if layer["encoding"]["text"]["field"] == "part"]
    assert sorted(layer["mark"]["dy"] for layer in names) == [-20, -7, 0, 13]
    conditions = {layer["mark"]["dy"]: layer["transform"][-1]["filter"] for layer in names}
    near = "(datum.lowest < 0.15 && datum['value'] < 0.3)"
    assert conditions[-20] == f"datum.place === 1 && {near}"
    assert conditions[13] == f"datum.place !== 1 && !{near}"


def test_an_axis_of_losses_has_no_long_numbers_where_a_training_diverged():
    y = axis(curves_chart(curve([2.3, 6e15])), "y")
    assert y["title"] == "Loss (10¹⁵ nats)"
    assert y["axis"]["labelExpr"] == "format(datum.value / 1e15, '~r')"
    y = axis(curves_chart(curve([2.3, 6e15]), log=True), "y")
    assert y["title"] == "Loss (nats)"
    assert y["axis"]["values"] == [1, 1e3, 1e6, 1e9, 1e12, 1e15]
    assert y["axis"]["labelExpr"].startswith("['1', '10³', '10⁶', '10⁹', '10¹²', '10¹⁵'][round(")
    assert axis(curves_chart(curve([2.3, 9e4])), "y")["title"] == "Loss (nats)"
    y = axis(curves_chart(curve([2e5, 3e5]), log=True), "y")
    assert y["axis"]["values"] == [1e5, 2e5]
    assert y["axis"]["labelExpr"].startswith("['100,000', '200,000'][indexof(")
    assert axis(curves_chart(curve([2.3, 1.7e308])), "y")["title"] == "Loss (10³⁰⁸ nats)"


@pytest.mark.parametrize(("n_classes", "named"), [(10, True), (47, False)])
def test_the_classes_of_a_map_have_their_names_on_their_points_while_they_are_few(n_classes, named):
    names = [f"class {number}" for number in range(n_classes)]
    table = pd.DataFrame({"x": [0.0, 2.0, 10.0, 5.0], "y": [0.0, 1.0, 9.0, 5.0], "position": range(4), "wrong": False})
    table = table.assign(truth=[names[0], names[0], names[0], names[1]], prediction=names[0])
    chart = map_chart(table, names)
    texts = layers(chart, "text")
    assert bool(texts) is named
    assert (layers(chart, "circle")[0]["encoding"]["color"]["legend"] is None) is named
    if named:
        middles = json.loads(chart.to_json())["datasets"][texts[0]["data"]["name"]]
        assert [(row["truth"], row["wide_x"], row["wide_y"]) for row in middles] == [
            ("class 0", 2.0, 1.0),
            ("class 1", 5.0, 5.0),
        ]


@pytest.mark.parametrize(("n_points", "is_faint"), [(450, True), (5_000, False)])
def test_the_halo_of_a_name_is_faint_where_points_are_large(n_points, is_faint):
    places = np.arange(n_points, dtype=float)
    table = pd.DataFrame({"x": places, "y": places, "position": places, "truth": "0", "prediction": "0"})
    halo, name = (layer["mark"] for layer in layers(map_chart(table.assign(wrong=False), ["0"]), "text"))
    assert (halo["strokeOpacity"] < 1) is is_faint
    assert "stroke" not in name


def test_per_cent_in_charts_are_written_as_in_sentences():
    locale = curves_chart(curve([0.5])).to_dict()["config"]["locale"]
    # percent_text(0.973) is "97.30 %".
    assert locale["number"]["percent"] == "\u00a0%"


def test_the_labels_of_a_logarithmic_axis_have_no_powers_of_ten():
    y = axis(curves_chart(curve([0.5, 0.01]), log=True), "y")
    assert y["axis"]["labelExpr"] == "datum.label === '' ? '' : format(datum.value, ',~r')"
    assert "format" not in y["axis"]


def test_the_learning_rate_is_drawn_as_steps_from_the_start_to_the_last_epoch():
    table = pd.DataFrame({"epoch": [0.0, 1.0, 2.0], "learning_rate": [0.1, 0.01, 0.01]})
    chart = learning_rate_chart(table).to_dict()
    line, points = chart["layer"]
    assert line["mark"]["interpolate"] == "step-after"
    assert line["encoding"]["x"]["scale"]["domain"] == [0, 2]
    assert points["encoding"]["y"]["title"] == "Learning rate"
    assert next(iter(chart["datasets"].values())) == table.to_dict("records")
    assert chart["description"] == "Learning rate over 2 epochs, from 0.01 to 0.1."
