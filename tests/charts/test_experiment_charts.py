"""Charts of experiments by what they say: the specification and its data, never pixels."""

import json

import numpy as np
import pandas as pd
import pytest

from digitcore.charts import (
    confusion_difference_chart,
    fold_curves_chart,
    fold_scores_chart,
    importance_chart,
    learning_curve_chart,
    lr_range_chart,
    parallel_chart,
    published_chart,
    published_curve_chart,
    sweep_chart,
    sweep_heat_chart,
)
from digitcore.charts._theme import DARK_PAGE
from digitcore.errors import InvalidSetting
from digitcore.images import palette
from digitcore.models import MODELS

NAN = float("nan")


def spreads(means, deviations):
    """Mean, standard deviation and the spread about the mean, as the tables of experiments have them."""
    mean, sd = np.array(means, dtype=float), np.array(deviations, dtype=float)
    return {"mean": mean, "sd": sd, "low": mean - sd, "high": mean + sd, "n": np.where(np.isnan(sd), 1, 3)}


# The last epoch of the validation part was reached by one fold only.
FOLD_CURVES = pd.DataFrame(
    {
        "epoch": [1, 2, 1, 2],
        "part": ["train", "train", "test", "test"],
        **spreads([0.8, 0.9, 0.7, 0.75], [0.05, 0.02, 0.1, NAN]),
    }
)
FOLD_SCORES = pd.DataFrame(
    {
        "member": ["fold 2", "fold 2", "fold 1", "fold 1"],
        "part": ["validation", "train", "validation", "train"],
        "accuracy": [0.9, 0.98, 0.8, 1.0],
    }
)
SWEEP = pd.DataFrame(
    {
        "value": [0.001, 0.1, 0.01],
        **spreads([0.8, 0.9, 0.95], [NAN, 0.02, 0.01]),
        "best": [False, False, True],
    }
)
HEAT = pd.DataFrame(
    {
        "x": ["32", "128", "32", "128"],
        "y": ["tanh", "tanh", "relu", "relu"],
        "mean": [0.8, 0.9123, 1.0, NAN],
        "sd": [0.01, NAN, 0.02, NAN],
        "n": [3, 1, 3, 0],
    }
)
# Not in the order of the scores; the last training failed.
TRAININGS = pd.DataFrame(
    {
        "rate": [0.01, 0.1, 0.001, 10.0],
        "size": [2, 1, 5, 900],
        "kind": ["tanh", "relu", "tanh", "selu"],
        "score": [0.9, 0.8, 0.85, NAN],
    }
)
AXES = [("rate", "Learning rate"), ("size", "Hidden size"), ("kind", "Activation")]
IMPORTANCE = pd.DataFrame(
    {
        "title": ["Batch size", "Optimizer", "Learning rate", "Dropout"],
        "importance": [0.3, NAN, 0.6, 0.1],
        "sd": [NAN, 0.1, 0.2, 0.15],
    }
)
LEARNING_CURVE = pd.DataFrame(
    {
        "n_train": [100, 1000, 10_000, 100, 1000],
        "part": ["train"] * 3 + ["validation"] * 2,
        **spreads([1.0, 0.99, 0.98, 0.7, 0.9575], [0.0, 0.01, NAN, 0.05, 0.02]),
    }
)
RATE_RANGE = pd.DataFrame({"learning_rate": [1e-4, 1e-2, 1.0], "loss": [2.5, 1.0, 9.0], "smoothed": [2.4, 1.4, 6.0]})
PUBLISHED = pd.DataFrame(
    {"label": ["784-300-10", "784-10"], "published": [0.953, 0.88], **spreads([0.96, 0.9], [0.01, NAN])}
)
PUBLISHED_CURVE = pd.DataFrame(
    {
        "epoch": [1, 2, 3, 1, 2, 3],
        "source": ["published"] * 3 + ["here"] * 3,
        **spreads([0.9, 0.6, 0.5, 1.0, 0.7, 0.4], [0.1, 0.1, 0.1, 0.2, 0.1, NAN]),
    }
)
# Nobody published a figure for class b taken for b.
DIFFERENCE = pd.DataFrame(
    {
        "truth": ["z", "z", "b", "b"],
        "prediction": ["z", "b", "z", "b"],
        "published": [95.0, 5.0, 10.0, NAN],
        "here": [91.7, 8.3, 10.04, 89.96],
        "difference": [-3.3, 3.3, 0.04, NAN],
    }
)

# Every chart with a table, its settings and its description.
CHARTS = {
    "fold curves": (
        fold_curves_chart,
        FOLD_CURVES,
        {"held_out_name": "test"},
        "Mean accuracy of the train and test parts over 2 epochs, with the spread over the folds.",
    ),
    "fold scores": (
        fold_scores_chart,
        FOLD_SCORES,
        {},
        "Accuracy of 2 folds on the parts train, validation; dashed lines are the means.",
    ),
    "sweep": (
        sweep_chart,
        SWEEP,
        {"title": "Learning rate"},
        "Accuracy (%) against Learning rate, 3 values with their spread; the best one stands out.",
    ),
    "sweep heat": (
        sweep_heat_chart,
        HEAT,
        {"x_title": "Batch size", "y_title": "Activation"},
        "Accuracy (%) in 2 rows of Activation and 2 columns of Batch size.",
    ),
    "parallel": (
        parallel_chart,
        TRAININGS,
        {"axes": AXES},
        "3 trainings as lines across the axes Learning rate, Hidden size, Activation, Accuracy (%); "
        "the best one is thick.",
    ),
    "importance": (importance_chart, IMPORTANCE, {}, "Importance of 4 settings, the largest first."),
    "learning curve": (
        learning_curve_chart,
        LEARNING_CURVE,
        {},
        "Accuracy of the train and validation parts for 3 numbers of training images; the gap is shaded.",
    ),
    "rate range": (
        lr_range_chart,
        RATE_RANGE,
        {"suggested": 0.0123},
        "Loss against the learning rate, raw and smoothed; the suggested rate is 0.012.",
    ),
    "published": (
        published_chart,
        PUBLISHED,
        {"title": "Layers"},
        "Accuracies published for 2 values of Layers, beside those measured here.",
    ),
    "published curve": (
        published_curve_chart,
        PUBLISHED_CURVE,
        {"measure": "loss"},
        "Published loss of every epoch beside the one measured here, over 3 epochs.",
    ),
    "confusion difference": (
        confusion_difference_chart,
        DIFFERENCE,
        {},
        "Difference of two confusion matrices of 2 classes in points, here minus published.",
    ),
}
every_chart = pytest.mark.parametrize("name", CHARTS)


def drawn(name, table=None):
    function, own, settings, _ = CHARTS[name]
    return function(own if table is None else table, **settings)


def mark_of(layer):
    return layer["mark"]["type"]


def layers(chart, mark):
    """The layers of a mark, each with its rows under "rows"."""
    whole = json.loads(chart.to_json())
    return [
        {**layer, "rows": whole["datasets"][layer.get("data", whole.get("data"))["name"]]}
        for layer in whole["layer"]
        if mark_of(layer) == mark
    ]


def layer(chart, mark):
    (found,) = layers(chart, mark)
    return found


def rows(chart, mark):
    return layer(chart, mark)["rows"]


def encoding(chart, mark):
    return layer(chart, mark)["encoding"]


def condition(channel):
    """The only condition of a channel, and its value otherwise."""
    found = channel["condition"]
    (found,) = found if isinstance(found, list) else [found]
    return found, channel["value"]


def pairs(data, one, other):
    return {(row[one], row[other]) for row in data}


@every_chart
def test_every_chart_has_words_for_those_who_cannot_see_it(name):
    assert drawn(name).to_dict()["description"] == CHARTS[name][3]


@every_chart
def test_error_bars_are_for_the_eye_only(name):
    for each in layers(drawn(name), "errorbar"):
        assert each["mark"]["rule"]["aria"] is each["mark"]["ticks"]["aria"] is False


@every_chart
def test_the_given_table_is_not_changed(name):
    table = CHARTS[name][1].copy()
    drawn(name, table).to_dict()
    pd.testing.assert_frame_equal(table, CHARTS[name][1])


@pytest.mark.filterwarnings("ignore:I don't know how to infer vegalite type")
@pytest.mark.parametrize("typed", [True, False])
@every_chart
def test_an_empty_table_is_the_same_chart_without_data(name, typed):
    table = CHARTS[name][1]
    chart = drawn(name, table[:0] if typed else pd.DataFrame(columns=table.columns)).to_dict()
    assert [mark_of(layer) for layer in chart["layer"]] == [mark_of(layer) for layer in drawn(name).to_dict()["layer"]]
    # The axes of the parallel chart and the suggested learning rate do not come from the table.
    given = [row for data in chart["datasets"].values() for row in data if "top" not in row and "label" not in row]
    assert given == []


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("fold curves", {"measure": "f1"}, "^measure must be one of loss, accuracy, got 'f1'$"),
        ("fold curves", {"spread": "box"}, "^spread must be one of band, bars, got 'box'$"),
        ("sweep", {"title": "Rate", "scale": "sqrt"}, "^scale must be one of linear, log, nominal, got 'sqrt'$"),
        ("parallel", {"axes": [("rate", "a"), ("depth", "b"), ("lr", "c")]}, "the table: it has no 'depth', 'lr'$"),
        ("learning curve", {"spread": None}, "^spread must be one of band, bars, got None$"),
        ("rate range", {"suggested": 0.0}, r"^suggested must be a learning rate above 0, got 0\.0$"),
        ("rate range", {"suggested": NAN}, "^suggested must be a learning rate above 0, got nan$"),
        ("published curve", {"measure": "error"}, "^measure must be one of loss, accuracy, got 'error'$"),
    ],
)
def test_a_setting_that_a_chart_does_not_know_is_refused(name, settings, message):
    function, table, _, _ = CHARTS[name]
    with pytest.raises(InvalidSetting, match=message):
        function(table, **settings)


def test_the_band_of_folds_leaves_out_what_a_single_training_reached():
    assert pairs(rows(drawn("fold curves"), "area"), "part", "epoch") == {("train", 1), ("train", 2), ("test", 1)}


def test_the_means_of_folds_stand_alone_where_there_is_no_spread():
    means = {(row["part"], row["epoch"]): row["mean"] for row in rows(drawn("fold curves"), "line")}
    assert means == {("train", 1): 0.8, ("train", 2): 0.9, ("test", 1): 0.7, ("test", 2): 0.75}


def test_the_spread_of_folds_goes_from_low_to_high():
    encoded = encoding(drawn("fold curves"), "area")
    assert (encoded["y"]["field"], encoded["y2"]["field"]) == ("low", "high")


@pytest.mark.parametrize(("n_epochs", "n_bars"), [(100, 30), (31, 30), (30, 30), (7, 7)])
def test_at_most_30_evenly_spaced_epochs_get_error_bars(n_epochs, n_bars):
    epochs = np.arange(1, n_epochs + 1)
    table = pd.concat(
        pd.DataFrame({"epoch": epochs, "part": part, **spreads(np.full(n_epochs, 0.5), np.full(n_epochs, 0.1))})
        for part in ("train", "validation")
    )
    assert fold_curves_chart(table, spread="bars").to_dict()["padding"] == {"right": 24}
    bars = rows(fold_curves_chart(table, spread="bars"), "errorbar")
    for part in ("train", "validation"):
        kept = [row["epoch"] for row in bars if row["part"] == part]
        assert (len(kept), kept[0], kept[-1]) == (n_bars, 1, n_epochs)
        assert np.ptp(np.diff(kept)) <= 1


def test_a_band_is_not_thinned():
    table = pd.DataFrame({"epoch": range(1, 101), "part": "train", **spreads([0.5] * 100, [0.1] * 100)})
    assert len(rows(fold_curves_chart(table), "area")) == 100


def test_the_lines_of_folds_have_training_first_and_each_part_in_its_colour():
    scale = encoding(drawn("fold curves"), "line")["color"]["scale"]
    assert scale["domain"] == ["train", "test"]
    assert scale["range"] == [palette.PART_COLORS["train"], palette.PART_COLORS["test"]]


@pytest.mark.parametrize(("asked", "domain"), [(21, [1, 26.6]), (None, [1, 2.28])])
def test_the_epochs_asked_for_fix_the_axis_of_folds(asked, domain):
    assert encoding(fold_curves_chart(FOLD_CURVES, n_epochs=asked), "line")["x"]["scale"]["domain"] == pytest.approx(
        domain
    )


@pytest.mark.parametrize(
    ("measure", "title", "form"),
    [("loss", "Loss (nats)", ".4f"), ("accuracy", "Accuracy (%)", ".2%")],
)
def test_the_figures_of_folds_have_the_unit_of_their_measure(measure, title, form):
    encoded = encoding(fold_curves_chart(FOLD_CURVES, measure=measure), "point")
    assert encoded["y"]["title"] == title
    assert {shown["title"]: shown["format"] for shown in encoded["tooltip"] if "format" in shown}["Mean"] == form


@pytest.mark.parametrize(("n_epochs", "opacity"), [(1, 1), (2, 0)])
def test_folds_of_one_epoch_show_their_points(n_epochs, opacity):
    chart = fold_curves_chart(FOLD_CURVES[FOLD_CURVES["epoch"] <= n_epochs])
    assert layer(chart, "point")["mark"]["opacity"] == opacity


def test_the_dashed_lines_of_fold_scores_are_the_means_of_the_parts():
    chart = drawn("fold scores")
    means = {row["part"]: row["accuracy"] for row in rows(chart, "rule")}
    assert means == pytest.approx({"train": 0.99, "validation": 0.85})
    assert layer(chart, "rule")["mark"]["strokeDash"] == [4, 4]


def test_folds_keep_their_order_and_the_legend_has_training_first():
    encoded = encoding(drawn("fold scores"), "point")
    assert encoded["x"]["sort"] == encoded["x"]["scale"]["domain"] == ["fold 2", "fold 1"]
    assert encoded["color"]["scale"]["domain"] == ["train", "validation"]


def test_only_the_best_value_of_a_sweep_has_the_accent_colour():
    chart = drawn("sweep")
    colors = {row["value"]: row["color"] for row in rows(chart, "point")}
    assert colors == {0.001: palette.MUTED, 0.1: palette.MUTED, 0.01: palette.ACCENT}
    scale = encoding(chart, "point")["color"]["scale"]
    assert scale["domain"] == scale["range"]


def test_a_value_trained_once_has_a_point_but_no_error_bar():
    chart = drawn("sweep")
    assert [row["value"] for row in rows(chart, "errorbar")] == [0.1, 0.01]
    assert [row["value"] for row in rows(chart, "point")] == [0.001, 0.1, 0.01]


def test_a_logarithmic_sweep_has_a_logarithmic_axis():
    assert encoding(sweep_chart(SWEEP, title="Rate", scale="log"), "point")["x"]["scale"]["type"] == "log"


@pytest.mark.parametrize(("lowest", "shown"), [(0.0, "0"), (-0.5, "-0.5")])
def test_a_logarithmic_sweep_refuses_values_that_are_not_positive(lowest, shown):
    message = f"^scale must be linear or nominal for values of 0 or less: Weight decay goes down to {shown}$"
    with pytest.raises(InvalidSetting, match=message):
        sweep_chart(SWEEP.assign(value=[1.0, lowest, 2.0]), title="Weight decay", scale="log")


@pytest.mark.parametrize(("values", "names"), [(["tanh", "relu", "elu"],) * 2, ([64, 8, 16], ["64", "8", "16"])])
def test_nominal_values_of_a_sweep_are_words_in_their_order_and_not_joined(values, names):
    chart = sweep_chart(SWEEP.assign(value=values), title="Activation", scale="nominal")
    assert layers(chart, "line") == []
    assert encoding(chart, "point")["x"]["scale"]["domain"] == names
    assert [row["value"] for row in rows(chart, "point")] == names


@pytest.mark.parametrize(("deviation", "highest"), [(0.1, 1), (0.01, None)])
def test_a_spread_above_100_per_cent_does_not_widen_the_axis(deviation, highest):
    table = pd.DataFrame({"value": [1, 2], **spreads([0.95, 0.5], [deviation, 0.01]), "best": [True, False]})
    assert encoding(sweep_chart(table, title="Size"), "point")["y"]["scale"].get("domainMax") == highest


def test_a_cell_of_a_heat_map_without_a_score_stays_empty_and_keeps_its_place():
    chart = drawn("sweep heat")
    assert pairs(rows(chart, "rect"), "x", "y") == {("32", "tanh"), ("128", "tanh"), ("32", "relu")}
    encoded = encoding(chart, "rect")
    assert encoded["x"]["scale"]["domain"] == ["32", "128"]
    assert encoded["y"]["scale"]["domain"] == ["tanh", "relu"]


def test_the_cells_of_a_heat_map_have_per_cent_with_one_decimal():
    assert [row["figure"] for row in rows(drawn("sweep heat"), "rect")] == ["80.0", "91.2", "100.0"]


def test_the_figures_of_a_heat_map_are_black_on_its_light_and_white_on_its_dark_cells():
    chart = sweep_heat_chart(HEAT.assign(mean=[0.8, 0.9, 1.0, NAN]), x_title="a", y_title="b")
    # On the middle colour, #536dfe, black has a contrast of 5.0 and white one of 4.2.
    assert [row["white_on_light"] for row in rows(chart, "rect")] == [False, False, True]


@pytest.mark.parametrize("name", ["sweep heat", "confusion difference"])
def test_the_figures_of_cells_are_drawn_in_their_ink(name):
    white, otherwise = condition(encoding(drawn(name), "text")["color"])
    assert white["test"] == f"{DARK_PAGE} ? datum.white_on_dark : datum.white_on_light"
    assert (white["value"], otherwise) == ("#ffffff", "#000000")


@pytest.mark.parametrize(
    ("means", "domain"),
    [([0.8, 0.9, 1.0, NAN], [0.8, 0.85, 0.9, 0.95, 1.0]), ([0.9, NAN, 0.9, NAN], [0.89, 0.8925, 0.895, 0.8975, 0.9])],
)
def test_the_colours_of_a_heat_map_go_from_the_lowest_to_the_highest_score(means, domain):
    chart = sweep_heat_chart(HEAT.assign(mean=means), x_title="a", y_title="b")
    scale = encoding(chart, "rect")["color"]["scale"]
    assert scale["domain"] == pytest.approx(domain)
    stops = zip(palette.SEQUENTIAL_STOPS["light"], palette.SEQUENTIAL_STOPS["dark"], strict=True)
    assert [color["expr"] for color in scale["range"]] == [
        f"{DARK_PAGE} ? '{dark}' : '{light}'" for light, dark in stops
    ]


@pytest.mark.parametrize(("n_columns", "step", "written"), [(2, 84, True), (10, 52, True), (60, 8, False)])
def test_many_columns_of_a_heat_map_are_narrow_and_lose_their_figures(n_columns, step, written):
    names = [str(number) for number in range(n_columns)]
    chart = sweep_heat_chart(
        pd.DataFrame({"x": names, "y": "a", "mean": 0.5, "sd": NAN, "n": 1}), x_title="a", y_title="b"
    )
    assert chart.to_dict()["width"]["step"] == step
    assert bool(layers(chart, "text")) is written


def positions(chart, title):
    """Where each training stands on an axis, by its score."""
    return {row["score"]: row["position"] for row in rows(chart, "line") if row["axis"] == title}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        # 0.001, 0.01 and 0.1: the highest is 100 times the lowest.
        ("Learning rate", {0.85: 0, 0.9: 0.5, 0.8: 1}),
        # 1, 2 and 5.
        ("Hidden size", {0.8: 0, 0.9: 0.25, 0.85: 1}),
        # tanh stands above relu in the table, though relu has the lowest score.
        ("Activation", {0.9: 0, 0.85: 0, 0.8: 1}),
        ("Accuracy (%)", {0.8: 0, 0.85: 0.5, 0.9: 1}),
    ],
)
def test_an_axis_is_logarithmic_linear_or_in_the_order_of_its_words(title, expected):
    assert positions(drawn("parallel"), title) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "middle"),
    [([1, 10, 50], 9 / 49), ([0, 10, 1000], 0.01), ([-1, 9, 99], 0.1), ([1, 10, 100], 0.5)],
)
def test_an_axis_is_logarithmic_above_a_ratio_of_50_where_all_are_positive(values, middle):
    chart = parallel_chart(pd.DataFrame({"k": values, "score": [0.1, 0.2, 0.3]}), [("k", "K")])
    assert positions(chart, "K")[0.2] == pytest.approx(middle)


def test_the_axis_of_the_score_is_linear_and_last_wherever_it_was_asked_for():
    table = pd.DataFrame({"k": [1, 2, 3], "score": [0.01, 0.505, 1.0]})
    chart = parallel_chart(table, [("score", "Result"), ("k", "K")])
    assert encoding(chart, "line")["x"]["scale"]["domain"] == ["K", "Accuracy (%)"]
    assert positions(chart, "Accuracy (%)")[0.505] == pytest.approx(0.5)


def test_a_single_value_stands_in_the_middle_of_its_axis():
    chart = parallel_chart(pd.DataFrame({"k": [7, 7], "score": [0.1, 0.2]}), [("k", "K")])
    assert positions(chart, "K") == {0.1: 0.5, 0.2: 0.5}


def test_a_missing_value_breaks_its_line_only():
    chart = parallel_chart(pd.DataFrame({"k": [1, None, 3], "score": [0.1, 0.2, 0.3]}), [("k", "K")])
    assert positions(chart, "K") == {0.1: 0, 0.2: None, 0.3: 1}
    assert positions(chart, "Accuracy (%)") == pytest.approx({0.1: 0, 0.2: 0.5, 0.3: 1})


def test_the_best_training_is_drawn_last_and_thick():
    chart = drawn("parallel")
    data = rows(chart, "line")
    assert {row["score"] for row in data if row["best"]} == {0.9}
    assert max(row["row"] for row in data) == next(row["row"] for row in data if row["best"]) == 2
    thick, thin = condition(encoding(chart, "line")["strokeWidth"])
    assert thick["test"] == "datum.best"
    assert thick["value"] > thin


@pytest.mark.parametrize(("n_trainings", "opacity"), [(30, 0.7), (31, 0.3)])
def test_many_trainings_are_fainter_than_the_best(n_trainings, opacity):
    scores = np.linspace(0, 1, n_trainings)
    chart = parallel_chart(pd.DataFrame({"k": scores, "score": scores}), [("k", "K")])
    best, others = condition(encoding(chart, "line")["opacity"])
    assert (best["value"], others) == (1, opacity)


def test_an_axis_names_all_words_or_its_lowest_and_highest_number():
    labels = [row for text in layers(drawn("parallel"), "text") for row in text["rows"]]
    written = {title: {} for title in ("Learning rate", "Hidden size", "Activation", "Accuracy (%)")}
    for row in labels:
        written[row["axis"]][row["label"]] = (row["position"], row["place"])
    assert written == {
        "Learning rate": {"0.001": (0, "below"), "0.1": (1, "above")},
        "Hidden size": {"1": (0, "below"), "5": (1, "above")},
        "Activation": {"tanh": (0, "beside"), "relu": (1, "beside")},
        "Accuracy (%)": {"80.00": (0, "below"), "90.00": (1, "above")},
    }


def test_the_most_important_setting_comes_first_and_one_without_a_figure_last():
    order = ["Learning rate", "Batch size", "Dropout", "Optimizer"]
    encoded = encoding(drawn("importance"), "bar")["y"]
    assert encoded["sort"] == encoded["scale"]["domain"] == order


def test_an_importance_has_an_error_bar_from_zero_up_where_its_deviation_is_known():
    spread = {row["title"]: (row["low"], row["high"]) for row in rows(drawn("importance"), "errorbar")}
    assert spread.keys() == {"Learning rate", "Dropout"}
    assert spread["Learning rate"] == pytest.approx((0.4, 0.8))
    assert spread["Dropout"] == pytest.approx((0, 0.25))


@pytest.mark.parametrize(
    ("importances", "end"), [([0.3, NAN, 0.6, 0.1], 0.92), ([0, 0, 0, 0], 0.23), ([NAN] * 4, 1.15)]
)
def test_the_axis_of_importance_has_room_for_the_figure_of_the_longest_bar(importances, end):
    chart = importance_chart(IMPORTANCE.assign(importance=importances))
    assert encoding(chart, "bar")["x"]["scale"]["domain"] == pytest.approx([0, end])


def test_the_gap_is_training_minus_held_out_accuracy_in_points():
    gaps = {row["n_train"]: row["gap"] for row in rows(drawn("learning curve"), "rule")}
    assert gaps == pytest.approx({100: 30.0, 1000: 3.25})  # 10 000 images have no validation accuracy
    tooltip = encoding(drawn("learning curve"), "rule")["tooltip"]
    assert tooltip[-1] == {"field": "gap", "type": "quantitative", "title": "Gap (points)", "format": "+.2f"}


def test_without_the_held_out_part_there_is_no_gap():
    assert rows(learning_curve_chart(LEARNING_CURVE[:3]), "rule") == []


@pytest.mark.parametrize(("spread", "mark"), [("band", "area"), ("bars", "errorbar")])
def test_the_spread_of_a_learning_curve_leaves_out_sizes_trained_once(spread, mark):
    bounds = layers(learning_curve_chart(LEARNING_CURVE, spread=spread), mark)[-1]
    assert pairs(bounds["rows"], "part", "n_train") == {
        ("train", 100),
        ("train", 1000),
        ("validation", 100),
        ("validation", 1000),
    }


@pytest.mark.parametrize(("n_rows", "domain"), [(3, [100 / 1.2, 12_000]), (1, [100 / 1.2, 120])])
def test_the_axis_of_sizes_is_logarithmic_and_has_a_length_even_for_one(n_rows, domain):
    x = encoding(learning_curve_chart(LEARNING_CURVE[:n_rows]), "line")["x"]
    assert x["scale"]["type"] == "log"
    low, high = domain
    # 28 % more, for the names at the ends of the lines.
    assert x["scale"]["domain"] == pytest.approx([low, high * (high / low) ** 0.28])
    assert x["axis"]["values"] == [100, 1000, 10_000][:n_rows]


def test_a_learning_curve_names_its_lines_at_their_ends_and_has_no_legend():
    chart = learning_curve_chart(LEARNING_CURVE.replace("validation", "test"), held_out_name="test")
    assert encoding(chart, "line")["color"]["scale"]["domain"] == ["train", "test"]
    assert encoding(chart, "line")["color"]["legend"] is None
    assert [each["encoding"]["text"]["field"] for each in layers(chart, "text")] == ["part", "part"]
    assert len(rows(chart, "rule")) == 2


@pytest.mark.parametrize(
    ("losses", "smoothed", "domain"),
    [
        # Ends at 4.8, twice the first smoothed loss; 5 % of 3.8 are the margin.
        ([2.5, 1.0, 9.0], [2.4, 1.4, 6.0], [0.81, 4.99]),
        ([2.5, 1.0, 2.0], [2.4, 1.4, 1.5], [0.925, 2.575]),
        ([2.0, 1.0, np.inf], [2.0, 1.5, NAN], [0.95, 2.05]),
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.5, 1.5]),
    ],
    ids=["diverges", "does not diverge", "overflows", "constant"],
)
def test_the_loss_axis_ends_at_twice_the_first_smoothed_loss(losses, smoothed, domain):
    chart = lr_range_chart(RATE_RANGE.assign(loss=losses, smoothed=smoothed))
    drawn_layers = [*layers(chart, "line"), *layers(chart, "point")]
    assert len(drawn_layers) == 3
    for found in drawn_layers:
        assert found["encoding"]["y"]["scale"]["domain"] == pytest.approx(domain)
        assert found["mark"]["clip"] is True


def test_the_lines_of_a_rate_range_tell_raw_from_smoothed_without_a_legend():
    raw, smoothed = layers(drawn("rate range"), "line")
    assert (raw["encoding"]["y"]["field"], raw["transform"][0]["calculate"]) == ("loss", "'every batch'")
    assert (smoothed["encoding"]["y"]["field"], smoothed["transform"][0]["calculate"]) == ("smoothed", "'smoothed'")
    assert smoothed["encoding"]["color"]["legend"] is None
    scale = smoothed["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
        "every batch": palette.MUTED,
        "smoothed": palette.ACCENT,
    }


def named_ends(chart):
    return [row for row in layers(chart, "text")[0]["rows"] if "line" in row]


def test_the_lines_of_a_rate_range_are_named_where_they_leave_the_chart():
    # The axis ends at 4.99; at the rate of 1 the smoothed loss is 6.
    assert named_ends(drawn("rate range")) == [
        {"line": "every batch", "learning_rate": 1e-2, "loss": 1.0},
        {"line": "smoothed", "learning_rate": 1e-2, "loss": 1.4},
    ]


def test_a_rate_range_that_ends_in_the_chart_has_room_for_the_names():
    chart = lr_range_chart(RATE_RANGE.assign(loss=[2.5, 1.0, NAN], smoothed=[2.4, 1.4, 1.5]))
    assert named_ends(chart)[0] == {"line": "every batch", "learning_rate": 1.0, "loss": 1.5}
    assert encoding(chart, "point")["x"]["scale"]["domain"] == pytest.approx([1e-4, 1e4**0.28])


@pytest.mark.parametrize(
    ("suggested", "align", "label"), [(0.001234, "left", "suggested: 0.0012"), (0.1, "right", "suggested: 0.1")]
)
def test_the_suggested_rate_is_marked_and_named_on_the_roomier_side(suggested, align, label):
    chart = lr_range_chart(RATE_RANGE, suggested=suggested)
    assert rows(chart, "rule") == [{"learning_rate": suggested, "label": label}]
    assert layers(chart, "text")[-1]["mark"]["align"] == align


def test_without_a_suggested_rate_nothing_is_marked():
    chart = lr_range_chart(RATE_RANGE)
    assert layers(chart, "rule") == []
    assert len(layers(chart, "text")) == 2  # the names of the lines
    assert chart.to_dict()["description"] == "Loss against the learning rate, raw and smoothed."


def test_a_long_rate_range_keeps_all_batches():
    # More than altair takes as a DataFrame; the loss that is not a number becomes none.
    rates = np.geomspace(1e-6, 1, 6000)
    table = pd.DataFrame({"learning_rate": rates, "loss": np.append(np.ones(5999), NAN), "smoothed": 1.0})
    data = rows(lr_range_chart(table), "point")
    assert len(data) == 6000
    assert (data[0]["loss"], data[-1]["loss"]) == (1.0, None)


def test_published_accuracies_are_hollow_diamonds_and_measured_ones_filled_circles():
    chart = drawn("published")
    published, here = layers(chart, "point")
    assert (published["encoding"]["y"]["field"], published["mark"]["filled"]) == ("published", False)
    assert (here["encoding"]["y"]["field"], here["mark"]["filled"]) == ("mean", True)
    for mark, source, shape in ((published, "published", "diamond"), (here, "here", "circle")):
        scale = mark["encoding"]["shape"]["scale"]
        assert (scale["domain"], scale["range"]) == ([source], [shape])
    # Or one legend would fill the symbols of both.
    assert chart.to_dict()["resolve"]["scale"] == {"color": "independent", "shape": "independent"}
    assert encoding(chart, "errorbar")["color"]["legend"] is None


def test_only_what_was_measured_more_than_once_has_an_error_bar_beside_the_published():
    assert [row["label"] for row in rows(drawn("published"), "errorbar")] == ["784-300-10"]
    assert [row["label"] for row in layers(drawn("published"), "point")[1]["rows"]] == ["784-300-10", "784-10"]


def test_the_legend_of_sources_has_the_published_in_the_muted_colour():
    scales = [mark["encoding"]["color"]["scale"] for mark in layers(drawn("published"), "point")]
    scales.append(encoding(drawn("published curve"), "line")["color"]["scale"])
    colors = [dict(zip(scale["domain"], scale["range"], strict=True)) for scale in scales]
    published, here = {"published": palette.MUTED}, {"here": palette.ACCENT}
    assert colors == [published, here, {**published, **here}]


def test_only_the_curve_measured_here_has_a_band():
    assert pairs(rows(drawn("published curve"), "area"), "source", "epoch") == {("here", 1), ("here", 2)}
    assert len(rows(drawn("published curve"), "line")) == 6


def test_signs_are_written_and_differences_that_round_to_zero_are_blank():
    figures = {(row["truth"], row["prediction"]): row["figure"] for row in rows(drawn("confusion difference"), "rect")}
    assert figures == {("z", "z"): "−3.3", ("z", "b"): "+3.3", ("b", "z"): ""}  # what is undefined has no cell


@pytest.mark.parametrize(
    ("differences", "domain"),
    [([-4.0, 1.0, 0.0, NAN], [-4, -2, 0, 2, 4]), ([0.0] * 4, [-1, -0.5, 0, 0.5, 1])],
)
def test_the_colours_of_a_difference_are_symmetric_about_zero_and_blue_is_more_here(differences, domain):
    table = DIFFERENCE.assign(difference=differences)
    scale = encoding(confusion_difference_chart(table), "rect")["color"]["scale"]
    assert scale["domain"] == domain
    light = [color["expr"][-8:-1] for color in scale["range"]]
    assert light == ["#a63d00", "#f08a24", "#f7f7f5", "#5b7cfa", "#1e2f9e"]


def test_the_figures_of_a_difference_are_white_on_both_dark_ends_and_black_about_zero():
    shown = rows(drawn("confusion difference"), "rect")
    assert {row["difference"]: row["white_on_light"] for row in shown} == {-3.3: True, 3.3: True, 0.04: False}
    assert {row["difference"]: row["white_on_dark"] for row in shown} == {-3.3: False, 3.3: False, 0.04: True}


def test_a_difference_has_truth_in_rows_and_keeps_the_order_of_classes():
    encoded = encoding(drawn("confusion difference"), "rect")
    assert (encoded["y"]["field"], encoded["x"]["field"]) == ("truth", "prediction")
    assert encoded["y"]["scale"]["domain"] == encoded["x"]["scale"]["domain"] == ["z", "b"]


def label_limits(chart):
    """The widths in pixels that the axes of a chart leave to a name."""
    layers = chart.to_dict().get("layer", [])
    axes = [layer["encoding"][channel].get("axis") for layer in layers for channel in ("x", "y") if "encoding" in layer]
    return [axis["labelLimit"] for axis in axes if axis and "labelLimit" in axis]


def test_the_axes_of_a_sweep_cut_no_name_of_a_model():
    names = [entry.label for entry in MODELS.values()]
    figures = {"mean": 0.9, "sd": 0.01, "low": 0.89, "high": 0.91, "n": 2}
    heat = pd.DataFrame([{"x": "0.1", "y": name, **figures} for name in names])
    points = pd.DataFrame([{"value": name, "best": False, **figures} for name in names])
    charts = (
        sweep_heat_chart(heat, x_title="Learning rate", y_title="Model"),
        sweep_chart(points, title="Model", scale="nominal"),
    )
    letter = 6.5  # pixels, of the labels' font
    for chart in charts:
        assert min(label_limits(chart)) >= letter * max(map(len, names))


MODEL_NAMES = [entry.label for entry in MODELS.values()]


def nominal_table(column, names):
    return pd.DataFrame({column: names, **spreads([0.9] * len(names), [0.01] * len(names)), "best": False})


@pytest.mark.parametrize(("values", "channel"), [(MODEL_NAMES, "y"), (["tanh", "relu"], "x")])
def test_names_of_a_sweep_that_do_not_fit_side_by_side_on_a_phone_stand_in_rows(values, channel):
    chart = sweep_chart(nominal_table("value", values), title="Model", scale="nominal")
    for mark in ("point", "errorbar"):
        assert encoding(chart, mark)[channel]["field"] == "value"
    assert encoding(chart, "errorbar")[f"{'x' if channel == 'y' else 'y'}2"]["field"] == "high"
    assert "labelAngle" not in encoding(chart, "point")[channel]["axis"]


def test_a_long_name_in_a_row_takes_two_lines():
    axis = encoding(sweep_chart(nominal_table("value", MODEL_NAMES), title="Model", scale="nominal"), "point")["y"]
    assert '["Convolutional", "network (CNN)"]' in axis["axis"]["labelExpr"]


def test_published_figures_of_long_names_stand_in_rows_with_both_marks_in_each():
    names = ["two layers of 300 and 100", "one layer of 300"]
    table = nominal_table("label", names).assign(published=0.9)
    for mark in layers(published_chart(table, title="Layers"), "point"):
        assert (mark["encoding"]["y"]["field"], mark["encoding"]["yOffset"]["field"]) == ("label", "source")


def test_scores_of_many_folds_stand_in_rows():
    table = pd.DataFrame({"member": [f"fold {n}" for n in range(1, 11)], "part": "train", "accuracy": 0.9})
    assert encoding(fold_scores_chart(table), "point")["y"]["field"] == "member"


def heat_of(x, y):
    table = pd.DataFrame([{"x": a, "y": b, "mean": 0.5, "sd": NAN, "n": 1} for a in x for b in y])
    return sweep_heat_chart(table, x_title="x title", y_title="y title").to_dict()


def test_long_names_of_a_heat_maps_columns_become_its_rows():
    chart = heat_of(MODEL_NAMES, ["0.1", "0.2"])
    encoded = chart["layer"][0]["encoding"]
    assert (encoded["y"]["title"], encoded["y"]["scale"]["domain"]) == ("x title", MODEL_NAMES)
    assert (encoded["x"]["title"], encoded["x"]["scale"]["domain"]) == ("y title", ["0.1", "0.2"])


def test_long_names_on_both_axes_of_a_heat_map_are_wrapped_in_columns_as_wide_as_their_words():
    chart = heat_of(MODEL_NAMES, ["Adam with AMSGrad"])
    axis = chart["layer"][0]["encoding"]["x"]["axis"]
    assert '["Convolutional", "network (CNN)"]' in axis["labelExpr"]
    assert "labelAngle" not in axis
    assert chart["width"]["step"] > 6.5 * len("network (CNN)")


def test_a_score_at_the_end_of_its_axis_does_not_stand_on_the_axis():
    scale = encoding(drawn("published"), "errorbar")["y"]["scale"]
    assert scale["padding"] > 0
    above = sweep_chart(nominal_table("value", ["a"]).assign(high=1.1), title="a", scale="nominal")
    assert encoding(above, "point")["y"]["scale"]["domainMin"] < 0.89
