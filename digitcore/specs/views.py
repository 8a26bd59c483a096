"""How a page is looked at, as part of its address: which parameters each page has, and what their texts stand for.

What a page is about, such as a run or the settings of a form, has parameters of its own: see
:mod:`digitcore.specs.links`. A value at its default stays out of the address.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from digitcore.errors import InvalidSetting
from digitcore.parameters import shortened

_CELL = ("truth", "taken_for")
# What is folded away in the form of settings, and unfolded.
OPEN_FORM = ("open_split", "open_more", "open_augmentation")
_SURGERY = ("pruned", "noise", "units", "times", "temperature")
_CHANGES = ("rotation", "shift_x", "shift_y", "scale", "thickness", "blur", "noise")
VIEWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train": (
            *("baseline", "difference", "log", "present", "controls", "locked", "phenomenon"),
            *(*OPEN_FORM, "open_layers", "open_recipe"),
        ),
        "phenomena": (),
        "steps": ("pace", "layer", "unit", *OPEN_FORM),
        "mistakes": (
            *("part", *_CELL, "cells", "scale", "order", "draw", "confidence", "images", "wrong_only", "chart"),
            *("robustness", "second_run", "severity", "corrupted_image", "open_figures", "labels"),
        ),
        "weights": ("order", "shown_epoch", "images", "layer", "image", "open_paths", *_SURGERY),
        "predict": ("also", "source", "part", "image", "open_changes", *_CHANGES, "why", "why_beside"),
        "experiments": (
            *("kind", "k", "stratified", "sizes", "repeats", "published", "seeds", "vary", "points", "factor"),
            *("from", "to", "batches", "spread", "matrix", "member", *OPEN_FORM),
        ),
        "compare": (
            *("search", "order", "data", "models", "tags", "background", "archived", "each", "page"),
            *("part", "all_settings", "curve", "over", "smoothing", "a", "b", *_CELL, "show", "images"),
        ),
        "map": ("part", "compare_by", "method", "open_rectangle", "across", "up", "x", "y"),
        "quiz": ("part", "kind", "images", "clock", "tell"),
        "data": ("shown", "pixels_of"),
    }
)
# Parameters of each setting that a sweep varies: "vary.learning_rate.from".
_OF_AXES = "vary."
_YES, _NO = "yes", "no"
_BETWEEN = "~"


def view_of_query(query: Mapping[str, str], page: str) -> dict[str, str]:
    """Return the parameters of a link that say how a page is looked at.

    Parameters
    ----------
    query : mapping of str to str
        All parameters of the link.
    page : str
        Key of :data:`VIEWS`.
    """
    known = set(VIEWS[page])
    swept = page == "experiments"
    return {name: text for name, text in query.items() if name in known or (swept and name.startswith(_OF_AXES))}


def axis_name(setting: str, what: str) -> str:
    """Return the parameter of a setting that a sweep varies, such as ``"vary.learning_rate.from"``."""
    return f"{_OF_AXES}{setting}.{what}"


def read_option(name: str, text: str, options: Mapping[str, Any], expected: str = "") -> Any:
    """Return what a text of a link stands for.

    Parameters
    ----------
    name : str
        Of the parameter.
    text : str
        The link's text.
    options : mapping of str to Any
        The valid texts, and the value of each.
    expected : str, optional
        What they are, in words, where the texts themselves say nothing to a reader.

    Raises
    ------
    InvalidSetting
        If it is none of them.
    """
    if text in options:
        return options[text]
    # Of many, the first ones show what is meant.
    few = ", ".join([*list(options)[:5], *(["..."] if len(options) > 5 else [])])
    raise InvalidSetting(f"{name} must be {expected or f'one of {few}'}, got {shortened(text)}")


def flag_text(value: bool) -> str:
    """Return the text of a switch: "yes" or "no"."""
    return _YES if value else _NO


def read_flag(name: str, text: str) -> bool:
    """Return what a switch of a link is set to.

    Raises
    ------
    InvalidSetting
        If the text is neither "yes" nor "no".
    """
    return read_option(name, text, {_YES: True, _NO: False})


def number_text(value: float) -> str:
    """Return a number as text: "3", "0.05", "none" for None; :func:`read_number` returns the same number."""
    if value is None:
        return "none"
    return str(value) if isinstance(value, int) else repr(float(value)).removesuffix(".0")


def read_number(name: str, text: str, low: float, high: float) -> float:
    """Return a number of a link, an int if ``low`` is one.

    Parameters
    ----------
    name, text : str
        The parameter and its text.
    low, high : float
        The smallest and the largest valid value.

    Raises
    ------
    InvalidSetting
        If it is no number between them.
    """
    whole = isinstance(low, int)
    try:
        value = (int if whole else float)(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if low <= value <= high:
        return value
    kind = "a whole number" if whole else "a number"
    raise InvalidSetting(f"{name} must be {kind} from {number_text(low)} to {number_text(high)}, got {shortened(text)}")


def range_text(ends: Sequence[float]) -> str:
    """Return two ends as text: "20~50"."""
    return _BETWEEN.join(number_text(end) for end in ends)


def read_range(name: str, text: str, low: float, high: float) -> tuple[float, float]:
    """Return the two ends of a range of a link, ints if ``low`` is one.

    Raises
    ------
    InvalidSetting
        If it has not two ends from ``low`` to ``high``, the lower one first.
    """
    ends = text.split(_BETWEEN)
    if len(ends) == 2:
        first, last = (read_number(name, end, low, high) for end in ends)
        if first <= last:
            return first, last
    raise InvalidSetting(f"{name} must be two numbers such as {range_text((low, high))}, got {shortened(text)}")


def list_text(texts: Sequence[str]) -> str:
    """Return several texts as one; commas in them are written as "%2C"."""
    return ",".join(text.replace("%", "%25").replace(",", "%2C") for text in texts)


def read_list(name: str, text: str, options: Mapping[str, Any], expected: str = "") -> list[Any]:
    """Return what the parts of a link's list stand for, each once; see :func:`read_option`.

    Raises
    ------
    InvalidSetting
        If a part is none of the ``options``.
    """
    return [read_option(name, unquote(part), options, expected) for part in dict.fromkeys(text.split(",")) if part]
