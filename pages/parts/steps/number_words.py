"""Numbers of any size, as the page of single steps writes them."""

from __future__ import annotations

from digitcore.wording import MINUS, number_text


def number_words(value: float) -> str:
    """Return a number with four decimals and a real minus sign, and never a negative zero: ``"−1.5000"``."""
    return number_text(value, ",.4f")


def short_number(value: float) -> str:
    """Return a number with three significant digits: ``"0.00123"``, ``"1,000"``, ``"1.2e−06"``."""
    text = f"{value:,.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", MINUS)
