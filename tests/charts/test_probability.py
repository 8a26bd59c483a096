import numpy as np
import pytest

from digitcore.charts import probability_chart, probability_table
from digitcore.errors import InvalidSetting
from digitcore.images import palette

NAMES = ["zero", "one", "two"]


def test_the_table_has_a_row_for_each_class():
    table = probability_table(np.array([0.2, 0.7, 0.1]), NAMES)
    assert list(table["class_name"]) == NAMES
    assert list(table["probability"]) == [0.2, 0.7, 0.1]


def test_the_right_class_is_blue_and_a_wrong_answer_red():
    colors = list(probability_table(np.array([0.2, 0.7, 0.1]), NAMES, truth="zero")["color"])
    assert colors[:2] == [palette.TRUTH, palette.WRONG]
    assert colors[2] not in colors[:2]


def test_each_probability_needs_a_name():
    with pytest.raises(InvalidSetting):
        probability_table(np.array([0.5, 0.5]), NAMES)


def test_no_bar_says_more_than_the_verdict():
    table = probability_table(np.array([0.9997, 0.0003, 0.0]), NAMES)
    assert list(table["figure"]) == ["> 99.9 %", "< 0.1 %", "0.0 %"]
    assert list(table["exact"]) == ["99.97 %", "0.03 %", "0.00 %"]
    drawn = probability_chart(np.array([0.9997, 0.0003, 0.0]), NAMES).to_dict()
    assert [layer["encoding"]["text"]["field"] for layer in drawn["layer"] if "text" in layer["encoding"]] == ["figure"]
