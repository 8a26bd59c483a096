"""Texts that pages and reports share: numbers of things, durations, percentages."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

MINUS = "\u2212"
# Seconds from which an estimate is rounded to multiples of so many.
_ROUGH_STEPS = ((600, 300), (150, 60), (60, 30), (20, 5), (1, 1))
# Of a name in a list or a legend.
MOST_LETTERS = 72
# Shares below this are 0 but for rounding.
_ZERO = 1e-9
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def number_text(value: float, form: str = ",g") -> str:
    """Return a number in a format of Python, with a real minus sign and never a negative zero: "−1.50"."""
    text = format(value, form)
    # A zero keeps no minus sign; with "+" in its format it has a plus sign, as another number would.
    if text.startswith("-") and not text.strip("-0.,"):
        text = format(0.0, form)
    return text.replace("-", MINUS)


def short_number(value: float) -> str:
    """Return a number with three significant digits: "0.00123", "−1.5", "5.29 × 10¹⁵"; NaN and infinity as Python does.

    Numbers from 100 to a million are written without decimals: "8,934". Larger ones, and those below 0.0001, have a
    power of ten.
    """
    size = abs(float(f"{value:.3g}"))
    if size == 0 or 1e-4 <= size < 1e6 or not math.isfinite(size):
        return number_text(value, ",.0f" if 100 <= size < 1e6 else ".3g")
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{number_text(float(mantissa))} × {power_text(int(exponent))}"


def loss_text(loss: float) -> str:
    """Return a loss with four decimals, or, from 10,000 on, as :func:`short_number` does."""
    return f"{loss:.4f}" if loss < 10_000 else short_number(loss)


def power_text(exponent: int) -> str:
    """Return a power of ten: "10¹⁵", "10⁻³"."""
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def counted(n: int, noun: str) -> str:
    """Return a number of things: "1 epoch", "3 epochs", "1,200 images"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def article(name: str) -> str:
    """Return the indefinite article of a thing's name: "a" for "coat", "an" for "ankle boot" and "8"."""
    return "an" if name.lower().startswith(tuple("aeiou8")) or name in ("11", "18") else "a"


def listed(names: Sequence[str]) -> str:
    """Return names as part of a sentence: "A", "A and B", "A, B and C"; empty without names."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def clipped(text: str) -> str:
    """Return a name as a list or a legend has room for it: of a long one the beginning, and an ellipsis."""
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"


def percent_text(share: float, digits: int = 2) -> str:
    """Return a share as "98.42 %"; 100 % only where nothing is missing, and 0 % only where nothing is there.

    Parameters
    ----------
    share : float
        0 to 1, or NaN.
    digits : int
        Digits after the point.
    """
    return f"{_shown_percent(share, digits)} %"


def shown_difference(share: float, other: float, digits: int = 1) -> float:
    """Return ``share`` minus ``other`` as their :func:`percent_text` shows them.

    For a difference that is said beside both, which readers work out: 75.86 % and 75.34 % are 0.6 points apart where
    75.9 % and 75.3 % are written.
    """
    difference = float(_shown_percent(share, digits)) - float(_shown_percent(other, digits))
    return round(difference, digits) / 100


def bounded_percent_text(share: float, digits: int = 2) -> str:
    """Return a share as :func:`percent_text` does, but "< 0.01 %" and "> 99.99 %" of one too near the end to be told.

    For shares beside each other, which readers add up.
    """
    text, step = percent_text(share, digits), 10.0**-digits
    if 0 < 100 * share < step:
        return f"< {text}"
    return f"> {text}" if 100 - step < 100 * share < 100 else text


def share_texts(shares: Sequence[float], digits: int = 2) -> list[str]:
    """Return :func:`bounded_percent_text` of shares of one whole: beside any other none of them is 100 %.

    A share of 1 beside others has been rounded to it.
    """
    most = math.nextafter(1, 0) if sum(share > 0 for share in shares) > 1 else 1.0
    return [bounded_percent_text(min(share, most), digits) for share in shares]


def accuracy_label(part: str) -> str:
    """Return what the accuracy on a part is called: "Training accuracy", "Test accuracy"."""
    return f"{'Training' if part == 'train' else part.capitalize()} accuracy"


def unbroken(text: str) -> str:
    """Return a text with no-break spaces between numbers and their units, so that no line ends there."""
    return re.sub(r"(?<=\d) (?=(?:s|min|h|%)(?!\w))", "\u00a0", text)


def percent_interval_text(low: float, high: float) -> str:
    """Return an interval of shares in per cent, within 0 and 100 and without the sign: "97.55 to 98.90"."""
    return " to ".join(f"{100 * min(max(end, 0), 1):.2f}" for end in (low, high))


def interval_text(low: float, high: float, digits: int = 4) -> str:
    """Return an interval of a figure without a unit, such as a loss: "0.1210 to 0.1540"."""
    return f"{low:.{digits}f} to {high:.{digits}f}"


def points_text(share: float, digits: int = 1) -> str:
    """Return a difference of two shares as "0.4 points"; a share of 0.01 is one point."""
    return f"{_in_points(share, digits)} points"


def points_change_text(share: float, digits: int = 1) -> str:
    """Return a change of a share as :func:`points_text` does, with its sign: "+0.4 points", "0.0 points"."""
    text = points_text(share, digits)
    return f"+{text}" if round(100 * share, digits) > 0 else text


def points_interval_text(low: float, high: float, digits: int = 1) -> str:
    """Return an interval of a difference of shares, in points without the word: "0.1 to 0.7"."""
    return f"{_in_points(low, digits)} to {_in_points(high, digits)}"


def points_digits(*shares: float) -> int:
    """Return how many digits after the point, 1 to 3, show each of some shares as other than 0 points."""
    smallest = min((abs(share) for share in shares if math.isfinite(share) and abs(share) > _ZERO), default=1.0)
    return next((digits for digits in (1, 2) if 100 * smallest > 0.5 * 10.0**-digits), 3)


def duration_text(seconds: float) -> str:
    """Return a duration in words: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min".

    Raises
    ------
    ValueError
        If it is NaN or infinite.
    """
    _check_finite(seconds)
    return f"{max(seconds, 0.1):.1f} s" if seconds < 9.95 else _whole_text(round(seconds))


def rough_duration_text(seconds: float) -> str:
    """Return an estimated duration, rounded so far that nobody takes it for a measurement: "7 s", "25 s", "2 min".

    Raises
    ------
    ValueError
        If it is NaN or infinite.
    """
    _check_finite(seconds)
    if seconds < 1:
        return "less than a second"
    step = next(step for least, step in _ROUGH_STEPS if seconds >= least)
    return _whole_text(round(seconds / step) * step)


def about_text(seconds: float) -> str:
    """Return :func:`rough_duration_text` as part of a sentence: "about 7 s", "less than a second"."""
    return rough_duration_text(seconds) if seconds < 1 else f"about {rough_duration_text(seconds)}"


def _shown_percent(share: float, digits: int) -> str:
    shown, step = 100 * share, 10.0**-digits
    if 0 < share < 1:
        shown = min(max(shown, step), 100 - step)
    return f"{shown:.{digits}f}"


def _in_points(share: float, digits: int) -> str:
    # The sum turns -0.0 into 0.0.
    return f"{round(100 * share, digits) + 0.0:.{digits}f}".replace("-", MINUS)


def _check_finite(seconds: float) -> None:
    if not math.isfinite(seconds):
        raise ValueError(f"A duration must be a finite number of seconds, got {seconds}")


def _whole_text(whole: int) -> str:
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
