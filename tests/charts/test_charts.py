"""Charts by what they say: the specification and its data, never pixels."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest

from digitcore.charts import (
    batch_losses_chart,
    class_balance_chart,
    color_cells,
    confusion_cells,
    confusion_chart,
    curves_chart,
    outline_cell,
    probability_chart,
)
from digitcore.errors import InvalidSetting
from digitcore.evaluation import confusion_table
from digitcore.images import palette

# Class b is never right, class c has no images.
TRUTH, PREDICTION = np.array([0] * 101 + [1] * 3), np.array([0] * 100 + [1] + [0, 0, 2])


@pytest.fixture
def cells():
    return confusion_table(TRUTH, PREDICTION, ("a", "b", "c"))


@pytest.fixture
def curves():
    parts = ["train"] * 3 + ["validation"] * 3
    return pd.DataFrame({"epoch": [1, 2, 3] * 2, "part": parts, "value": [0.9, 0.5, 0.0, 1.0, 0.7, 0.6]})


@pytest.fixture
def balance():
    return pd.DataFrame(
        {
            "part": ["test", "test", "train", "train"],
            "class_name": ["z", "a", "z", "a"],
            "n_images": [1, 3, 10, 30],
            "share": [0.25, 0.75, 0.25, 0.75],
        }
    )


def rows(chart):
    """The data of every layer, by the name they are kept under."""
    return json.loads(chart.to_json())["datasets"]


def only_rows(chart):
    (data,) = rows(chart).values()
    return data


def mark_of(layer):
    return layer["mark"]["type"]


def layers(chart, mark):
    return [layer for layer in chart.to_dict()["layer"] if mark_of(layer) == mark]


def encoding(chart, mark):
    (layer,) = layers(chart, mark)
    return layer["encoding"]


def rectangle_scale(chart):
    return encoding(chart, "rect")["color"]["condition"]["scale"]


def test_a_confusion_chart_has_truth_in_rows_and_prediction_in_columns(cells):
    encoded = encoding(confusion_chart(cells), "rect")
    assert (encoded["y"]["field"], encoded["y"]["title"]) == ("truth", "Truth")
    assert (encoded["x"]["field"], encoded["x"]["title"]) == ("prediction", "Prediction")


def test_a_confusion_chart_has_a_row_per_cell_with_its_count(cells):
    data = only_rows(confusion_chart(cells))
    counts = {(row["truth"], row["prediction"]): row["count"] for row in data}
    assert len(data) == 9
    assert {pair: count for pair, count in counts.items() if count} == {
        ("a", "a"): 100,
        ("a", "b"): 1,
        ("b", "a"): 2,
        ("b", "c"): 1,
    }


def test_the_classes_keep_their_order_on_both_axes():
    encoded = encoding(confusion_chart(confusion_table(np.array([0]), np.array([1]), ("z", "m", "a"))), "rect")
    assert encoded["x"]["sort"] == encoded["y"]["sort"] == ["z", "m", "a"]
    assert encoded["x"]["scale"]["domain"] == ["z", "m", "a"]


FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def columns_axis(names):
    return encoding(confusion_chart(confusion_table(np.array([0]), np.array([1]), names)), "rect")["x"]["axis"]


def n_lines(axis, width):
    """In how many lines the names of the columns stand in a matrix of so many pixels."""
    *choices, most = re.search(r"% \(([^)]*)\)", axis["labelExpr"]).group(1).split(" : ")
    for choice in choices:
        least, n = re.fullmatch(r"width >= (\d+) \? (\d)", choice).groups()
        if width >= int(least):
            return int(n)
    return int(most)


# Of a phone, of Train on a laptop, of Mistakes, of a large screen.
@pytest.mark.parametrize("width", [230, 260, 460, 1000])
def test_names_of_columns_are_horizontal_and_no_two_of_a_line_touch(width):
    axis = columns_axis(FASHION)
    assert axis["labelAngle"] == 0 and axis["labelOverlap"] is False
    for line in range(n_lines(axis, width)):
        places = range(line, len(FASHION), n_lines(axis, width))
        # 0.56 of the font's size is the width of a usual letter.
        ends = [
            (width / 10 * (place + 0.5), 0.56 * axis["labelFontSize"] * len(FASHION[place]) / 2) for place in places
        ]
        for (left, left_half), (right, right_half) in itertools.pairwise(ends):
            assert left + left_half < right - right_half


def test_names_of_columns_take_no_more_lines_than_they_need():
    axis = columns_axis(FASHION)
    assert [n_lines(axis, width) for width in (230, 460, 1000)] == [3, 2, 1]
    assert "labelExpr" not in columns_axis(("z", "m", "a"))


@pytest.mark.parametrize(
    "names",
    [
        tuple(f"class number {n}" for n in range(30)),
        tuple(f"a rather long name {n}" for n in range(10)),
        tuple("一二三四五六七" + str(n) for n in range(10)),
        tuple(str(n) for n in range(100)),
    ],
    ids=["many long", "very long", "Chinese", "many"],
)
def test_names_of_columns_that_fit_into_no_three_lines_stand_at_an_angle(names):
    assert columns_axis(names)["labelAngle"] == -45


def test_the_lines_are_those_that_take_the_narrowest_cells():
    # In three lines the long names would be neighbours.
    names = tuple(f"seventeen letters{n}" if n % 3 == 0 else f"no {n}" for n in range(6))
    axis = columns_axis(names)
    assert axis["labelAngle"] == 0
    assert n_lines(axis, 230) == 2


def test_the_linear_colours_go_from_zero_to_the_largest_count_in_even_steps(cells):
    scale = rectangle_scale(confusion_chart(cells))
    assert scale["type"] == "linear"
    assert scale["domain"] == [0, 25, 50, 75, 100]


def test_the_logarithmic_colours_go_from_the_smallest_positive_count_in_even_ratios(cells):
    scale = rectangle_scale(confusion_chart(cells, scale="log"))
    assert scale["type"] == "log"
    assert scale["domain"] == pytest.approx([1, 10**0.5, 10, 10**1.5, 100])


def test_one_value_alone_takes_the_darkest_colour_of_a_logarithmic_scale():
    table = confusion_table(np.array([0, 0]), np.array([0, 0]), ("a",))
    assert rectangle_scale(confusion_chart(table, scale="log"))["domain"][-1] == pytest.approx(2)
    assert rectangle_scale(confusion_chart(table, scale="log"))["domain"][0] < 2


def test_cells_without_images_show_the_background(cells):
    chart = confusion_chart(cells)
    assert encoding(chart, "rect")["color"]["value"] == "transparent"
    assert {row["filled"] for row in only_rows(chart) if row["count"] == 0} == {False}
    assert {row["filled"] for row in only_rows(chart) if row["count"] > 0} == {True}


def test_the_figures_are_white_on_dark_cells_and_black_on_light_ones(cells):
    rows = only_rows(confusion_chart(cells))
    assert {row["count"]: row["white_on_light"] for row in rows if row["count"]} == {100: True, 2: False, 1: False}


def test_on_a_dark_page_the_figures_are_black_on_the_many_and_white_on_the_few(cells):
    rows = only_rows(confusion_chart(cells))
    assert {row["count"]: row["white_on_dark"] for row in rows if row["count"]} == {100: False, 2: True, 1: True}


def test_the_many_images_stand_out_from_a_page_of_either_theme(cells):
    last = rectangle_scale(confusion_chart(cells))["range"][-1]["expr"]
    assert last.endswith("? '#e0e6ff' : '#20297f'")


def test_percentages_have_one_decimal_and_are_empty_for_a_class_without_images(cells):
    chart = confusion_chart(cells, values="row_pct")
    figures = {(row["truth"], row["prediction"]): row["figure"] for row in only_rows(chart)}
    assert figures["a", "a"] == "99.0"  # 100 of 101
    assert figures["b", "a"] == "66.7"
    assert figures["b", "b"] == "0"
    assert figures["c", "a"] == ""
    assert encoding(chart, "rect")["color"]["condition"]["title"] == "Images of the class (%)"


def test_a_cell_can_be_selected_by_truth_and_prediction(cells):
    (parameter,) = [each for each in confusion_chart(cells, select="cell").to_dict()["params"] if "select" in each]
    assert parameter["name"] == "cell"
    assert parameter["select"]["fields"] == ["truth", "prediction"]


def test_a_cell_can_be_outlined_without_a_click(cells):
    bare = confusion_chart(cells, select="cell").to_dict()
    outlined = outline_cell(bare, "cell", "a", "b")
    assert [each["value"] for each in bare["params"] if "value" in each] == [{}]
    assert [each["value"] for each in outlined["params"] if "value" in each] == [{"truth": "a", "prediction": "b"}]
    assert {key for key in bare if bare[key] != outlined[key]} == {"params"}


def test_without_a_name_nothing_can_be_selected(cells):
    assert "params" not in confusion_chart(cells).to_dict()


def test_the_matrix_is_as_wide_as_its_cells(cells):
    chart = confusion_chart(cells, cell_size=20).to_dict()
    assert (chart["width"], chart["height"]) == (60, 60)


def test_seventy_one_classes_keep_all_cells():
    # 5041 cells are more than altair takes as a DataFrame.
    truth = np.arange(71)
    assert len(only_rows(confusion_chart(confusion_table(truth, truth, [str(name) for name in truth])))) == 71**2


@pytest.mark.parametrize(("cell_size", "shown"), [(40, True), (10, False)])
def test_figures_that_would_be_illegible_are_left_out(cells, cell_size, shown):
    assert bool(layers(confusion_chart(cells, cell_size=cell_size), "text")) is shown


@pytest.mark.parametrize(("count", "width", "font"), [(1, 460, 13), (9999, 460, 13), (99999, 300, 9.3)])
def test_figures_shrink_with_the_page(count, width, font):
    truth = np.arange(10)
    table = confusion_table(truth, truth, [str(name) for name in range(10)])
    table.loc[0, "count"] = count
    (text,) = layers(confusion_chart(table), "text")
    largest, share, factor = re.fullmatch(
        r"min\((\d+), ([\d.]+) \* width / ([\d.]+)\)", text["mark"]["fontSize"]["expr"]
    ).groups()
    shown = min(float(largest), float(share) * width / float(factor))
    assert shown == pytest.approx(font, abs=0.1)
    # A digit of a sans-serif font is at most 0.6 as wide as the font is high.
    assert 0.6 * shown * len(str(count)) < width / 10


@pytest.mark.parametrize(("cell_size", "has_legend"), [(40, False), (10, True)])
def test_a_matrix_has_a_legend_where_its_cells_have_no_figures(cells, cell_size, has_legend):
    (rectangles,) = layers(confusion_chart(cells, cell_size=cell_size), "rect")
    assert (rectangles["encoding"]["color"]["condition"]["legend"] is not None) is has_legend


def test_a_table_of_71_classes_has_none_for_what_is_undefined():
    chart = confusion_chart(confusion_table(np.array([0]), np.array([0]), [str(name) for name in range(71)]))
    assert {row["row_pct"] for row in only_rows(chart) if row["truth"] == "1"} == {None}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"values": "share"}, "values must be count or row_pct, got 'share'"),
        ({"scale": "sqrt"}, "scale must be linear or log, got 'sqrt'"),
        ({"cell_size": 0}, "cell_size must be a number of pixels from 1, got 0"),
    ],
)
def test_a_confusion_chart_refuses_what_it_does_not_know(cells, settings, message):
    with pytest.raises(InvalidSetting, match=message):
        confusion_chart(cells, **settings)


def test_curves_have_a_point_per_epoch_and_part(curves):
    assert only_rows(curves_chart(curves)) == curves.to_dict("records")


@pytest.mark.parametrize(("measure", "title"), [("loss", "Loss (nats)"), ("accuracy", "Accuracy (%)")])
def test_the_axes_of_curves_have_titles_with_units(curves, measure, title):
    encoded = encoding(curves_chart(curves, measure=measure), "line")
    assert (encoded["x"]["title"], encoded["y"]["title"]) == ("Epoch", title)
    assert (encoded["x"]["field"], encoded["y"]["field"]) == ("epoch", "value")


def test_a_logarithmic_loss_leaves_out_zero(curves):
    chart = curves_chart(curves, log=True)
    assert encoding(chart, "line")["y"]["scale"]["type"] == "log"
    assert [row["value"] for row in only_rows(chart)] == [0.9, 0.5, 1.0, 0.7, 0.6]


def test_the_parts_keep_their_colours_and_their_order(curves):
    scale = encoding(curves_chart(curves, held_out_name="test"), "line")["color"]["scale"]
    assert scale["domain"] == ["train", "test"]
    assert scale["range"] == [palette.PART_COLORS["train"], palette.PART_COLORS["test"]]


@pytest.mark.parametrize(("asked", "domain"), [(51, [1, 65]), (None, [1, 3.56]), (1, [0.5, 1.78])])
def test_the_epochs_asked_for_fix_the_axis(curves, asked, domain):
    assert encoding(curves_chart(curves, n_epochs=asked), "line")["x"]["scale"]["domain"] == pytest.approx(domain)


def test_the_best_epoch_is_marked_with_a_line(curves):
    chart = curves_chart(curves, best_epoch=2)
    (rule,) = layers(chart, "rule")
    assert rule["encoding"]["x"]["field"] == "epoch"
    assert rows(chart)[rule["data"]["name"]] == [{"epoch": 2, "label": "best: epoch 2"}]


@pytest.mark.parametrize(("epoch", "align"), [(1, "left"), (5, "center"), (10, "right")])
def test_the_best_epoch_is_named_above_the_axes(curves, epoch, align):
    text = layers(curves_chart(curves, best_epoch=epoch, n_epochs=10), "text")[0]
    assert text["encoding"]["text"]["field"] == "label"
    assert text["encoding"]["y"]["value"] < -10
    assert text["mark"]["align"] == align


def test_where_other_settings_began_is_a_line_with_words(curves):
    chart = curves_chart(curves, forks=(1, 2)).to_dict()
    marked = [data[0] for data in chart["datasets"].values() if "label" in data[0]]
    assert sorted(marked, key=lambda row: row["epoch"]) == [
        {"epoch": 1, "label": "other settings"},
        {"epoch": 2, "label": "other settings"},
    ]


def test_without_a_best_epoch_there_is_no_line(curves):
    assert layers(curves_chart(curves), "rule") == []


@pytest.mark.parametrize(("n_epochs", "opacity"), [(1, 1), (2, 0)])
def test_a_line_of_one_point_shows_its_point(curves, n_epochs, opacity):
    (points,) = layers(curves_chart(curves[curves["epoch"] <= n_epochs]), "point")
    assert points["mark"]["opacity"] == opacity


@pytest.mark.parametrize("n_epochs", [0, 1])
def test_only_points_that_are_there_are_told_to_a_screen_reader(curves, n_epochs):
    (points,) = layers(curves_chart(curves[curves["epoch"] <= n_epochs]), "point")
    assert points["mark"]["aria"] is (n_epochs > 0)


def test_no_epoch_yet_is_an_empty_chart(curves):
    assert encoding(curves_chart(curves[:0]), "line")["x"]["scale"]["domain"] == pytest.approx([0.5, 1.78])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"measure": "f1"}, "measure must be one of loss, accuracy, got 'f1'"),
        ({"measure": "accuracy", "log": True}, "log must be off for accuracy"),
    ],
)
def test_curves_refuse_what_they_do_not_know(curves, settings, message):
    with pytest.raises(InvalidSetting, match=message):
        curves_chart(curves, **settings)


def test_class_balance_has_a_bar_per_class_and_part(balance):
    data = only_rows(class_balance_chart(balance))
    assert [(row["part"], row["class_name"], row["n_images"]) for row in data] == [
        ("test", "z", 1),
        ("test", "a", 3),
        ("train", "z", 10),
        ("train", "a", 30),
    ]


def test_class_balance_keeps_the_order_of_classes_and_puts_training_first(balance):
    encoded = class_balance_chart(balance).to_dict()["encoding"]
    assert encoded["x"]["sort"] == ["z", "a"]
    assert encoded["xOffset"]["sort"] == encoded["color"]["scale"]["domain"] == ["train", "test"]


def test_class_balance_has_long_names_in_rows(balance):
    encoded = class_balance_chart(balance.assign(class_name=["an ankle boot, not a sandal", "b"] * 2)).to_dict()[
        "encoding"
    ]
    assert (encoded["y"]["field"], encoded["x"]["field"]) == ("class_name", "n_images")
    assert encoded["yOffset"]["sort"] == ["train", "test"]


@pytest.mark.parametrize(("values", "title"), [("n_images", "Images"), ("share", "Share of the part (%)")])
def test_class_balance_says_what_its_bars_measure(balance, values, title):
    y = class_balance_chart(balance, values=values).to_dict()["encoding"]["y"]
    assert (y["field"], y["title"]) == (values, title)


def test_class_balance_refuses_other_values(balance):
    with pytest.raises(InvalidSetting, match="values must be n_images or share, got 'count'"):
        class_balance_chart(balance, values="count")


@pytest.mark.parametrize(
    ("truth", "colors"),
    [
        (None, [palette.MUTED, palette.ACCENT, palette.MUTED]),
        ("b", [palette.MUTED, palette.TRUTH, palette.MUTED]),
        ("c", [palette.MUTED, palette.WRONG, palette.TRUTH]),
    ],
)
def test_the_truth_is_blue_and_a_wrong_first_choice_red(truth, colors):
    data = only_rows(probability_chart(np.array([0.1, 0.7, 0.2]), "abc", truth=truth))
    assert [row["color"] for row in data] == colors


def test_every_class_has_a_bar_of_its_probability():
    chart = probability_chart(np.array([0.1, 0.7, 0.2]), ("z", "b", "a"))
    assert [(row["class_name"], row["probability"]) for row in only_rows(chart)] == [("z", 0.1), ("b", 0.7), ("a", 0.2)]
    encoded = encoding(chart, "bar")
    assert (encoded["y"]["title"], encoded["y"]["sort"]) == ("Class", ["z", "b", "a"])
    assert encoded["x"]["title"] == "Probability (%)"


@pytest.mark.parametrize(
    ("probabilities", "names", "message"),
    [
        ([0.5, 0.5], "abc", r"one number for each of 3 classes, got the shape \(2,\)"),
        ([], "", "one number for each of 0 classes"),
        ([-0.5, 1.5], "ab", "probabilities must be numbers from 0 to 1"),
        ([np.nan, 1.0], "ab", "probabilities must be numbers from 0 to 1"),
    ],
)
def test_what_are_no_probabilities_is_refused(probabilities, names, message):
    with pytest.raises(InvalidSetting, match=message):
        probability_chart(np.array(probabilities), names)


def test_every_chart_has_words_for_those_who_cannot_see_it(cells, curves, balance):
    charts = [
        confusion_chart(cells),
        curves_chart(curves),
        class_balance_chart(balance),
        probability_chart(np.array([0.3, 0.7]), "ab"),
    ]
    assert [chart.to_dict()["description"] for chart in charts] == [
        "Confusion matrix of 3 classes: rows are the truth, columns the prediction, cells the number of images.",
        "Loss of the train and validation parts over 3 epochs.",
        "Images of each of 2 classes in the parts train, test.",
        "Probability of each of 2 classes; the most probable is b.",
    ]


def test_the_cells_of_a_matrix_say_what_its_chart_shows(cells):
    shown = confusion_cells(cells, values="count", scale="linear")
    assert shown.stops.tolist() == rectangle_scale(confusion_chart(cells))["domain"]
    assert shown.table["figure"].tolist() == [row["figure"] for row in only_rows(confusion_chart(cells))]
    assert shown.n_letters == len("100")


def test_a_matrix_is_coloured_by_other_values_and_the_first_one_stays(cells):
    spec = confusion_chart(cells).to_dict()
    other = color_cells(spec, np.array([0, 1, 2, 3, 4]))
    assert other["layer"][0]["encoding"]["color"]["condition"]["scale"]["domain"] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert spec["layer"][0]["encoding"]["color"]["condition"]["scale"]["domain"] == [0, 25, 50, 75, 100]


def test_the_losses_of_batches_have_a_point_for_each():
    chart = batch_losses_chart(pd.DataFrame({"batch": [1, 2], "loss": [2.0, 1.5]}))
    assert [row["loss"] for row in only_rows(chart)] == [2.0, 1.5]
    assert chart.to_dict()["description"] == "Loss of each batch just before its update."


def test_losses_of_no_batch_yet_have_nothing_to_read_out():
    chart = batch_losses_chart(pd.DataFrame({"batch": [], "loss": []}, dtype=float))
    assert all(layer["mark"]["aria"] is False for layer in chart.to_dict()["layer"])
