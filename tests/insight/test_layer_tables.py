import json

import numpy as np
import pytest

from digitcore.charts import dead_units_chart, quantiles_chart
from digitcore.insight.layer_tables import (
    dead_units_table,
    layer_names,
    order_by_norm,
    paths_table,
    quantiles_table,
    snapshot_epochs_of,
    strongest_path,
)


@pytest.fixture
def arrays(rng):
    """Two snapshots of a small network, its arrays in no order."""
    quantiles = np.sort(rng.normal(size=(2, 5)), axis=1).astype(np.float32)
    return {
        "weights.output": quantiles,
        "silent.dense_10": np.array([0.0, 0.5], np.float32),
        "gradients.dense_2": 2 * quantiles,
        "weights.dense_10": quantiles,
        "weights.dense_2": quantiles,
        "weights.conv_1": quantiles,
        "silent.conv_1": np.array([0.25, 0.0], np.float32),
        "epochs": np.array([0, 40]),
    }


def test_layers_come_in_the_networks_order(arrays):
    assert layer_names(arrays) == ["conv_1", "dense_2", "dense_10", "output"]
    assert list(dict.fromkeys(dead_units_table(arrays)["layer"])) == ["conv_1", "dense_10"]


def test_a_run_without_snapshots_has_no_epochs():
    assert snapshot_epochs_of({}) == []
    assert dead_units_table({}).empty


def test_quantiles_have_a_row_for_each_snapshot(arrays):
    table = quantiles_table(arrays, "gradients", "dense_2")
    assert table["epoch"].tolist() == [0, 40]
    np.testing.assert_allclose(table[["q05", "q25", "q50", "q75", "q95"]], arrays["gradients.dense_2"].astype(float))


def test_silent_units_have_a_row_for_each_snapshot_and_layer(arrays):
    assert dead_units_table(arrays).to_dict("records") == [
        {"epoch": 0, "layer": "conv_1", "share": 0.25},
        {"epoch": 40, "layer": "conv_1", "share": 0.0},
        {"epoch": 0, "layer": "dense_10", "share": 0.0},
        {"epoch": 40, "layer": "dense_10", "share": 0.5},
    ]


def test_units_are_ordered_by_the_length_of_their_weights():
    images = np.array([[[1.0, 0]], [[-3, 4]], [[0, 1]], [[2, 2]]])
    assert order_by_norm(images).tolist() == [1, 3, 0, 2]


def test_the_strongest_path_worked_out_by_hand():
    weights = {
        "dense_1.weight": np.zeros((2, 4)),
        "dense_2.weight": np.array([[1.0, 2.0], [5.0, 3.0], [0.0, 9.0]]),
        "output.weight": np.array([[1.0, 1.0, 1.0], [9.0, 2.0, 0.0]]),
    }
    activations = {"dense_1": np.array([[3.0, 1.0], [1.0, 1.0]]), "dense_2": np.array([[0.0, 4.0, 1.0]])}
    # Class 0: unit 1 adds 4; into it unit 0 adds 5 * 2. Class 1: unit 1 adds 8, although unit 0 has the larger weight.
    assert strongest_path(weights, activations, 0) == [0, 1]
    activations["dense_1"] = np.array([[0.1, 1.0]])
    assert strongest_path(weights, activations, 1) == [1, 1]


def test_a_network_without_hidden_layers_has_an_empty_path():
    assert strongest_path({"output.weight": np.ones((2, 4))}, {}, 0) == []


def test_through_a_layer_that_answers_nothing_there_is_no_path():
    weights = {"dense_1.weight": np.ones((2, 4)), "output.weight": np.ones((2, 2))}
    assert strongest_path(weights, {"dense_1": np.ones((3, 2))}, 0) == [0]
    assert strongest_path(weights, {"dense_1": np.zeros((3, 2))}, 0) == []


def test_paths_count_units_from_one():
    assert paths_table({0: [4, 1], 2: [0, 0]}, "abc").to_dict("records") == [
        {"class_name": "a", "path": "5 → 2"},
        {"class_name": "c", "path": "1 → 1"},
    ]


@pytest.mark.parametrize("log", [False, True])
def test_charts_are_valid_and_small(arrays, log):
    for chart in (
        quantiles_chart(quantiles_table(arrays, "weights", "output"), title="Weights", log=log),
        dead_units_chart(dead_units_table(arrays), log=log),
    ):
        spec = chart.to_dict()
        assert len(json.dumps(spec)) < 30_000
        assert spec["description"]
        assert ('"symlog"' in json.dumps(spec)) == log


@pytest.mark.parametrize(("n_layers", "named"), [(2, True), (3, False)])
def test_one_or_two_layers_are_named_at_the_ends_of_their_lines_and_more_have_a_legend(n_layers, named):
    shares = {f"silent.dense_{number}": np.array([0.0, 0.5]) for number in range(n_layers)}
    spec = dead_units_chart(dead_units_table({**shares, "epochs": np.array([0, 40])})).to_dict()
    assert (spec["layer"][0]["encoding"]["color"]["legend"] is None) is named
    assert [each["mark"]["type"] for each in spec["layer"]] == ["line"] + 2 * ["text"] * named
    # Room for the names.
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, pytest.approx(51.2) if named else 40]
