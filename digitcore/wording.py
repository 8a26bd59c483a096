"""Texts that pages and reports share: numbers of things, durations, percentages."""

from __future__ import annotations

# Per cent, 0 to 100, as sprintf writes it in tables: "97.30 %".
PERCENT_COLUMN = "%.2f %%"


def counted(n: int, noun: str) -> str:
    """Return a number of things: "1 epoch", "3 epochs", "1,200 images"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def percent_text(share: float, digits: int = 2) -> str:
    """Return a share as "98.42 %"; 100 % only where nothing is missing, and 0 % only where nothing is there.

    Parameters
    ----------
    share : float
        0 to 1, or NaN.
    digits : int
        Digits after the point.
    """
    shown, step = 100 * share, 10.0**-digits
    if 0 < share < 1:
        shown = min(max(shown, step), 100 - step)
    return f"{shown:.{digits}f} %"


def duration_text(seconds: float) -> str:
    """Return a duration in words: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 9.95:
        return f"{max(seconds, 0.1):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
