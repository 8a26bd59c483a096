import pandas as pd
import pytest

from digitcore.wording import number_text
from pages.parts.signed_numbers import with_minus


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [(-0.91, ".2f", "−0.91"), (-0.001, ".2f", "0.00"), (-0.001, "+.2f", "+0.00"), (1234.5, ",.1f", "1,234.5")],
)
def test_a_number_has_a_real_minus_sign_and_no_negative_zero(value, form, text):
    assert number_text(value, form) == text


def test_a_table_with_real_minus_signs_keeps_its_numbers():
    table = pd.DataFrame({"size": [700, 1347], "gap": [float("nan"), -0.914]})
    signed = with_minus(table, {"gap": ".2f", "not there": ".2f"})
    pd.testing.assert_frame_equal(signed.data, table)
    shown = [[cell["display_value"] for cell in row[1:]] for row in signed._translate(False, False)["body"]]
    assert [row[1] for row in shown] == ["", "−0.91"]
