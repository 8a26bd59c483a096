"""The curves of another training behind those of one."""

import pandas as pd

from digitcore.charts import curves_chart


def table(values, part="train"):
    return pd.DataFrame({"epoch": range(1, len(values) + 1), "part": part, "value": values})


def test_a_ghost_is_drawn_first_as_far_as_the_axis_goes_and_within_its_limits():
    own, other = table([2.0, 1.0]), pd.concat([table([9.0, 3.0, 1.0, 0.5]), table([9.5, 4.0, 2.0, 1.0], "test")])
    spec = curves_chart(own, ghost=other, n_epochs=3).to_dict()
    first = spec["layer"][0]
    rows = spec["datasets"][first["data"]["name"]]
    assert sorted({row["epoch"] for row in rows}) == [1, 2, 3]
    assert {row["part"] for row in rows} == {"train", "test"}
    assert first["encoding"]["y"]["scale"]["domain"] == [0.0, 10.0]
    assert spec["layer"][1]["encoding"]["y"]["scale"]["domain"] == [0.0, 10.0]
    assert "beside those of another training" in spec["description"]


def test_a_logarithmic_axis_leaves_a_ghosts_zeros_out():
    spec = curves_chart(table([2.0, 1.0]), ghost=table([1.0, 0.0]), log=True).to_dict()
    rows = spec["datasets"][spec["layer"][0]["data"]["name"]]
    assert [row["value"] for row in rows] == [1.0]


def test_without_a_ghost_nothing_is_said_of_one():
    assert "another" not in curves_chart(table([2.0, 1.0])).to_dict()["description"]
