"""Numbers with four decimals, as the page of single steps writes them."""

from __future__ import annotations

from digitcore.wording import number_text


def number_words(value: float) -> str:
    """Return a number with four decimals and a real minus sign, and never a negative zero: ``"−1.5000"``."""
    return number_text(value, ",.4f")
