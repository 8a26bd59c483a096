import json

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from digitcore.charts import map_chart
from digitcore.errors import InvalidSetting
from digitcore.insight.projection import (
    is_one_point,
    map_table,
    positions_within,
    principal_components,
    rectangle_of_shares,
    sample_positions,
    tsne_coordinates,
)


@pytest.fixture(autouse=True)
def _one_thread():
    """As in a worker; beside other tests, threads that wait for each other take a minute instead of a second."""
    with threadpool_limits(1):
        yield


def clusters(rng, n=30, n_features=20):
    """Three groups of points, far apart."""
    centers = 20 * np.eye(3, n_features)
    labels = np.repeat(np.arange(3), n)
    return centers[labels] + rng.normal(size=(3 * n, n_features)), labels


def test_few_images_are_all_shown_and_of_many_a_sample():
    assert sample_positions(5).tolist() == [0, 1, 2, 3, 4]
    sample = sample_positions(1000, most=100)
    assert (len(set(sample)), sample.tolist()) == (100, sorted(sample))
    assert (sample == sample_positions(1000, most=100)).all()


def test_principal_components_are_those_of_the_covariance(rng):
    X = rng.normal(size=(200, 6)) * [5, 1, 3, 0.1, 0.2, 0.3]
    coordinates = principal_components(X)
    values, vectors = np.linalg.eigh(np.cov(X.T))
    expected = (X - X.mean(axis=0)) @ vectors[:, [-1, -2]]
    assert coordinates.dtype == np.float32
    np.testing.assert_allclose(np.abs(coordinates), np.abs(expected), atol=1e-3)
    np.testing.assert_allclose(coordinates.var(axis=0, ddof=1), values[[-1, -2]], rtol=1e-3)


@pytest.mark.filterwarnings("error")
def test_equal_images_are_one_point():
    points = principal_components(np.full((5, 7), 3.0))
    assert points.tolist() == [[0, 0]] * 5
    assert is_one_point(points)


def test_points_of_different_images_are_not_one(rng):
    assert not is_one_point(principal_components(rng.normal(size=(5, 7))))


@pytest.mark.parametrize(("shape", "columns"), [((2, 7), 2), ((9, 1), 1), ((40, 60), 40)])
def test_there_are_no_more_columns_than_images_or_features(rng, shape, columns):
    assert principal_components(rng.normal(size=shape), 50).shape == (shape[0], columns)


@pytest.mark.parametrize("X", [np.ones((1, 3)), np.full((4, 2), np.nan), np.ones(4)])
def test_what_cannot_be_mapped_is_refused(X):
    with pytest.raises(InvalidSetting, match="A map needs finite values of at least two images"):
        principal_components(X)


def test_tsne_keeps_groups_together(rng):
    X, labels = clusters(rng)
    points = tsne_coordinates(principal_components(X, 10))
    assert (points.shape, points.dtype) == ((90, 2), np.float32)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e9 * np.eye(90)
    assert (labels[distances.argmin(axis=1)] == labels).all()


def test_tsne_takes_very_few_images(rng):
    assert tsne_coordinates(rng.normal(size=(5, 4)).astype(np.float32)).shape == (5, 2)


def test_tsne_of_a_silent_layer_is_one_place():
    assert not tsne_coordinates(np.zeros((50, 2), np.float32)).any()


def test_tsne_takes_a_single_feature(rng):
    points = tsne_coordinates(rng.normal(size=(30, 1)).astype(np.float32))
    assert (points.shape, np.isfinite(points).all()) == ((30, 2), True)


@pytest.fixture
def table():
    coordinates = np.array([[0, 0], [1, 1], [2, 2], [3, 3]], np.float32)
    return map_table(coordinates, np.array([5, 9, 11, 12]), np.array([0, 1, 1, 2]), np.array([0, 2, 1, 2]), "abc")


def test_points_know_their_image(table):
    assert table.loc[1].to_dict() == {
        "x": 1.0, "y": 1.0, "position": 9, "truth": "b", "prediction": "c", "wrong": True,
    }  # fmt: skip


def test_one_direction_makes_a_line():
    table = map_table(np.array([[1.0], [2.0]]), np.arange(2), np.zeros(2, int), np.zeros(2, int), "a")
    assert table["y"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("x", "y", "positions"),
    [((-1, 4), (-1, 4), [9, 5, 11, 12]), ((2.5, 0.5), (0, 3), [9, 11]), ((0, 1), (2, 3), [])],
)
def test_a_rectangle_holds_its_images_the_wrong_ones_first(table, x, y, positions):
    assert positions_within(table, x, y).tolist() == positions


@pytest.mark.parametrize(
    ("across", "up", "rectangle"),
    [((0, 1), (0, 1), ((0, 3), (0, 3))), ((0, 0.5), (0.5, 1), ((0, 1.5), (1.5, 3)))],
)
def test_shares_of_the_map_are_a_rectangle(table, across, up, rectangle):
    assert rectangle_of_shares(table, across, up) == rectangle


def test_the_chart_marks_mistakes_and_can_be_brushed(table):
    spec = map_chart(table, "abc", select="brush").to_dict()
    assert spec["params"][0]["name"] == "brush"
    assert spec["params"][0]["select"]["type"] == "interval"
    # The names are written twice: in the page's colour for a halo, then in their own.
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["circle", "point", "text", "text"]
    assert "1 wrong predictions are crossed" in spec["description"]
    assert "canvas" in json.dumps(spec["usermeta"])
    assert "params" not in map_chart(table, "abc").to_dict()
