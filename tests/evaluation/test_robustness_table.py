import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from digitcore.charts import robustness_chart
from digitcore.errors import DatasetError, InvalidSetting
from digitcore.evaluation.robustness import mean_corruption_accuracy, robustness_sentence, robustness_table
from digitcore.images.corruptions import CORRUPTIONS, corrupted


def brightest_quarter(images):
    """A model: the quarter of the image with most ink."""
    height, width = (side // 2 for side in images.shape[1:])
    quarters = [images[:, y : y + height, x : x + width] for y in (0, height) for x in (0, width)]
    return np.stack([quarter.sum(axis=(1, 2), dtype=int) for quarter in quarters]).argmax(axis=0)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    labels = np.arange(200) % 4
    images = rng.integers(0, 60, (200, 16, 16), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        y, x = 8 * (label // 2) + 2, 8 * (label % 2) + 2
        image[y : y + 4, x : x + 4] = 220
    return images, labels


@pytest.fixture(scope="module")
def table(data):
    return robustness_table(brightest_quarter, *data)


def test_there_is_a_row_for_each_corruption_and_severity(table):
    assert table["corruption"].tolist() == [name for name in CORRUPTIONS for _ in range(6)]
    assert table["severity"].tolist() == list(range(6)) * 12
    assert table["label"].tolist() == [CORRUPTIONS[name].label for name in table["corruption"]]


def test_accuracies_are_those_of_the_corrupted_images(table, data):
    images, labels = data
    for row in table.itertuples():
        worse = images if row.severity == 0 else corrupted(images, row.corruption, row.severity)
        assert row.n_right == (brightest_quarter(worse) == labels).sum()
        assert row.accuracy == row.n_right / 200
    assert table["accuracy"].min() < 0.7 < table["accuracy"].max()


def test_intervals_are_wilsons(table):
    for row in table.itertuples():
        low, high = proportion_confint(row.n_right, 200, method="wilson")
        assert (row.accuracy_low, row.accuracy_high) == pytest.approx((low, high), abs=1e-9)


def test_chosen_corruptions_come_in_the_order_that_is_asked_for(data):
    some = robustness_table(brightest_quarter, *data, corruptions=("shift", "blur"))
    assert some["corruption"].drop_duplicates().tolist() == ["shift", "blur"]


def test_without_images_accuracies_are_undefined():
    empty = robustness_table(brightest_quarter, np.zeros((0, 8, 8), np.uint8), np.zeros(0, int))
    assert empty["accuracy"].isna().all()
    assert (empty["n_images"] == 0).all()


def test_means_are_over_the_five_severities_and_sorted(table):
    means = mean_corruption_accuracy(table)
    assert means.is_monotonic_increasing
    by_hand = table[(table["label"] == "Shift") & (table["severity"] != 0)]["accuracy"].sum() / 5
    assert means["Shift"] == pytest.approx(by_hand)


def test_the_sentence_names_the_corruption_that_costs_most(table):
    means = mean_corruption_accuracy(table)
    said = robustness_sentence(table)
    assert f"100.0 % on the images as they are and {100 * means.mean():.1f} % on average" in said
    assert f"{means.index[0].lower()} costs most ({100 * means.iloc[0]:.1f} % is left)" in said


def test_the_sentence_compares_another_model(table):
    worse = table.assign(accuracy=table["accuracy"] / 2)
    worse.loc[worse["label"] == "Inversion", "accuracy"] = 1.0
    said = robustness_sentence(table, worse, ("A", "B"))
    assert "; B has" in said
    assert said.endswith("and is better under 1 of 12 corruptions.")
    with pytest.raises(InvalidSetting, match="same corruptions"):
        robustness_sentence(table, worse[worse["label"] == "Blur"], ("A", "B"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(3, int)}, "images and labels must be of the same images, got 200 and 3"),
        ({"labels": np.full(200, np.nan)}, "labels must be whole numbers"),
        ({"corruptions": ("fog",)}, "Unknown corruption 'fog'"),
        ({"corruptions": ()}, "Unknown corruption None"),
        (
            {"predict": lambda images: np.zeros((len(images), 4))},
            r"for each of the 200 images, got the shape \(200, 4\)",
        ),
        ({"seed": "x"}, "seed must be a whole number from 0, got 'x'"),
    ],
)
def test_wrong_arguments_are_named(data, change, message):
    given = {"predict": brightest_quarter, "images": data[0], "labels": data[1], **change}
    with pytest.raises((DatasetError, InvalidSetting), match=message):
        robustness_table(**given)


def test_the_chart_has_a_line_for_each_corruption(table):
    chart = robustness_chart(table).to_dict()
    line = chart["layer"][0]
    assert line["mark"]["type"] == "line"
    assert line["encoding"]["color"]["scale"]["domain"] == list(dict.fromkeys(table["label"]))
    assert "12 corruptions" in chart["description"]
    assert len(next(iter(chart["datasets"].values()))) == 72


def test_a_second_models_lines_are_dashed(table):
    chart = robustness_chart(table, table, names=("A", "B")).to_dict()
    dash = chart["layer"][0]["encoding"]["strokeDash"]
    assert dash["scale"]["domain"] == ["A", "B"]
    assert dash["scale"]["range"][1] == [5, 3]
    assert len(next(iter(chart["datasets"].values()))) == 144


def test_a_single_corruption_is_a_panel_with_intervals(table):
    chart = robustness_chart(table[table["corruption"] == "blur"], table[table["corruption"] == "blur"]).to_dict()
    area, line, _ = chart["layer"]
    assert (area["mark"]["type"], line["mark"]["type"]) == ("area", "line")
    assert (area["encoding"]["y"]["field"], area["encoding"]["y2"]["field"]) == ("accuracy_low", "accuracy_high")
    assert chart["title"]["text"] == "Blur"
    assert chart["height"] == 190


def test_tables_of_different_corruptions_are_no_pair(table):
    with pytest.raises(InvalidSetting, match="same corruptions"):
        robustness_chart(table, table[table["corruption"] == "blur"])
