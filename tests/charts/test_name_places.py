"""Names on a map that can each be read."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from digitcore.charts import map_chart
from digitcore.charts._name_places import name_sizes, place_names
from digitcore.charts.map import HEIGHT, NAME_SIZE, NARROW, SMALL_NAME_SIZE, WIDE, name_table

# Of Fashion-MNIST, the longest of the built-in data sets.
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def n_overlaps(centres, sizes):
    return sum(
        bool((np.abs(centres[i] - centres[j]) < (sizes[i] + sizes[j]) / 2).all())
        for i, j in combinations(range(len(centres)), 2)
    )


@pytest.mark.parametrize("seed", range(20))
def test_no_name_covers_another_or_leaves_the_area(seed):
    rng = np.random.default_rng(seed)
    area = (314, 544)
    # From all in one place to all over the area.
    middles = np.array(area) * (0.5 + rng.uniform(-0.5, 0.5, (10, 2)) * seed / 19)
    sizes = name_sizes(FASHION, 14)
    centres = place_names(middles, sizes, area)
    assert n_overlaps(middles, sizes) or seed > 12
    assert n_overlaps(centres, sizes) == 0
    assert (centres >= sizes / 2).all()
    assert (centres <= np.array(area) - sizes / 2).all()


def test_a_name_that_nothing_is_in_the_way_of_stays_where_it_belongs():
    middles = np.array([[100.0, 100], [104, 100], [104, 122], [300, 100]])
    centres = place_names(middles, np.full((4, 2), (40.0, 20.0)), (400, 300))
    # The second one moves the shortest way that leaves both others free: up, away from the third.
    assert centres.tolist() == [[100, 100], [104, 78], [104, 122], [300, 100]]


def test_a_name_without_any_room_stays_where_it_belongs():
    centres = place_names(np.array([[20.0, 10], [20, 10]]), np.full((2, 2), (40.0, 20.0)), (40, 20))
    assert centres.tolist() == [[20, 10], [20, 10]]


def test_chinese_names_take_more_room_than_latin_ones():
    (latin, line), (chinese, _) = name_sizes(["ab", "数字"], 10)
    assert latin < chinese
    assert chinese >= 20
    assert line >= 10


@pytest.mark.parametrize(
    ("width", "size", "font_size"),
    [
        (390, "narrow", SMALL_NAME_SIZE),
        (700, "narrow", SMALL_NAME_SIZE),
        (WIDE, "wide", NAME_SIZE),
        (1400, "wide", NAME_SIZE),
    ],
)
def test_names_on_a_map_stay_apart_at_any_width_that_they_are_placed_for(width, size, font_size):
    rng = np.random.default_rng(0)
    clusters = rng.normal(0, 0.3, (10, 1, 2)) + rng.normal(0, 1, (10, 200, 2))
    points = pd.DataFrame(clusters.reshape(-1, 2), columns=["x", "y"]).assign(truth=np.repeat(FASHION, 200))
    places = name_table(points)
    low, span = points[["x", "y"]].min().to_numpy(), np.ptp(points[["x", "y"]].to_numpy(), axis=0)
    centres = (places[[f"{size}_x", f"{size}_y"]].to_numpy() - low) / span * (width - 16, HEIGHT - 16)
    assert width >= NARROW
    assert n_overlaps(centres, name_sizes(places["truth"], font_size)) == 0


@pytest.mark.parametrize("x", [[0.0, 0.0], [0.0, 1.0]])
def test_names_stay_apart_where_points_are_equal_or_on_a_line(x):
    points = pd.DataFrame({"x": x, "y": 3.0, "truth": FASHION[:2], "prediction": "Bag", "wrong": True, "position": 0})
    across, up = np.abs(name_table(points)[["narrow_x", "narrow_y"]].diff().iloc[-1])
    assert up > 0 or across > 0.5
    domain = map_chart(points, FASHION).to_dict()["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert domain == [2.5, 3.5]
