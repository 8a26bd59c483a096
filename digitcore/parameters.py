"""Hyperparameter records: each setting is declared once and read by the estimators, by RunSpec and by the form.

A record knows its label and help text, its default, which values are valid, and how a slider for it looks. The valid
range is what the mathematics allows; the slider's range is what is sensible to try.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

from digitcore.errors import InvalidSetting

Scale = Literal["linear", "log"]
NONE_TEXT = "none"
# Stops of a logarithmic slider within each power of ten: near enough to even steps, and round numbers all.
_ROUND_REAL = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_ROUND_WHOLE = (1, 2, 3, 5, 7)
# Steps of a linear one whose record names none.
_EVEN_STEPS = 20
# A message shows so much of a value.
SHOWN_LETTERS = 60


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One setting.

    Attributes
    ----------
    name : str
        Keyword of the constructor and key in a spec.
    label, help : str
        What the form shows.
    default : Any
        Value when nothing is said; always valid.
    none_label : str or None
        What ``None`` means, where ``None`` is a valid value; ``None`` where it is not.
    phrase : str
        How a title names a value, such as ``"rate {}"``, or ``"validation: {lower}"`` for its words with a small first
        letter; empty for the label and the value.
    only_with : tuple of (str, tuple) or None
        Name of another parameter and the values of it under which this one has an effect.
    not_with : tuple of (str, tuple) or None
        Name of another parameter and the values of it under which this one has no effect.
    folded : bool
        Whether the form keeps it among the settings that few change.
    since : int
        0 for the settings that the first specs had; larger for one that was added later. At its default a later one
        stays out of a spec's canonical JSON, so that the specs before it keep their digests. Its default never changes.
    """

    name: str
    label: str
    help: str
    default: Any
    none_label: str | None = None
    phrase: str = ""
    only_with: tuple[str, tuple] | None = None
    not_with: tuple[str, tuple] | None = None
    folded: bool = False
    since: int = 0

    def __post_init__(self) -> None:
        try:
            self.clean(self.default)
        except InvalidSetting as problem:
            raise InvalidSetting(f"The default of the parameter {self.name!r} is not valid: {problem}") from None

    def clean(self, value: Any) -> Any:
        """Return ``value`` in canonical form (plain Python types).

        Raises
        ------
        InvalidSetting
            If the value is not valid; the message names the parameter, the expectation and the value.
        """
        if value is None and self.none_label is not None:
            return None
        return self._clean(value)

    def parse(self, text: str) -> Any:
        """Return the value that ``text``, as written by :meth:`text`, stands for.

        Raises
        ------
        InvalidSetting
            If it stands for no valid value.
        """
        if text == NONE_TEXT and self.none_label is not None:
            return None
        return self.clean(self._parse_text(text))

    def text(self, value: Any) -> str:
        """Return a valid value as text for a link: ``"0.01"``, ``"32-16"``, ``"none"``."""
        return NONE_TEXT if value is None else self._to_text(value)

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Whether this parameter has an effect beside the other ``values``."""
        if self.not_with is not None:
            other, unwanted = self.not_with
            if values.get(other) in unwanted:
                return False
        if self.only_with is None:
            return True
        other, wanted = self.only_with
        return values.get(other) in wanted

    @property
    def expectation(self) -> str:
        """The valid values in words, ``None`` included."""
        words = self._expectation()
        return f"{words}, or None ({self.none_label})" if self.none_label is not None else words

    def _clean(self, value: Any) -> Any:
        raise NotImplementedError

    def _expectation(self) -> str:
        raise NotImplementedError

    def _parse_text(self, text: str) -> Any:
        return text

    def _to_text(self, value: Any) -> str:
        return str(value)

    def _refuse(self, value: Any) -> InvalidSetting:
        return InvalidSetting(f"{self.name} must be {self.expectation}, got {shortened(value)}")


@dataclass(frozen=True, kw_only=True)
class Integer(Parameter):
    """A whole number from ``minimum`` to ``maximum``, both included."""

    minimum: int
    maximum: int
    slider: tuple[int, int]
    step: int = 1
    scale: Scale = "linear"

    def _clean(self, value: Any) -> int:
        whole = isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not self.minimum <= value <= self.maximum:
            raise self._refuse(value)
        return int(value)

    def _parse_text(self, text: str) -> Any:
        try:
            return int(text)
        except ValueError:
            return text

    def _expectation(self) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}"


@dataclass(frozen=True, kw_only=True)
class Number(Parameter):
    """A real number from ``minimum`` to ``maximum``, both included."""

    minimum: float
    maximum: float
    slider: tuple[float, float]
    step: float | None = None
    scale: Scale = "linear"

    def _clean(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise self._refuse(value)
        # In this order: a whole number may be too large for isfinite.
        if not self.minimum <= value <= self.maximum or not math.isfinite(value):
            raise self._refuse(value)
        return float(value)

    def _parse_text(self, text: str) -> Any:
        try:
            return float(text)
        except ValueError:
            return text

    def _to_text(self, value: float) -> str:
        return f"{value:.12g}"

    def _expectation(self) -> str:
        return f"a number from {self.minimum:g} to {self.maximum:g}"


@dataclass(frozen=True, kw_only=True)
class Choice(Parameter):
    """One of a few named options: ``options`` maps each value to its label."""

    options: Mapping[str, str]

    def _clean(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise self._refuse(value)
        return str(value)

    def _expectation(self) -> str:
        return "one of " + ", ".join(repr(option) for option in self.options)

    def _refuse(self, value: Any) -> InvalidSetting:
        hint = did_you_mean(value, self.options)
        return InvalidSetting(f"{super()._refuse(value)}.{hint}") if hint else super()._refuse(value)


@dataclass(frozen=True, kw_only=True)
class Sizes(Parameter):
    """Sizes of a stack of layers, first to last: a sequence of whole numbers, or text such as ``"32-16"``."""

    minimum: int
    maximum: int
    most: int
    fewest: int = 0

    def _clean(self, value: Any) -> tuple[int, ...]:
        sizes = self._parse(value)
        if not self.fewest <= len(sizes) <= self.most:
            raise self._refuse(value)
        if not all(self.minimum <= size <= self.maximum for size in sizes):
            raise self._refuse(value)
        return sizes

    def _to_text(self, value: Sequence[int]) -> str:
        return "-".join(str(size) for size in value) or NONE_TEXT

    def _parse(self, value: Any) -> tuple[int, ...]:
        if value == NONE_TEXT:
            return ()
        if isinstance(value, str):
            value = [part for part in value.replace(",", "-").replace(" ", "-").split("-") if part]
            if not all(part.isascii() and part.isdigit() for part in value):
                raise self._refuse("-".join(value))
        try:
            sizes = tuple(value)
        except TypeError:
            raise self._refuse(value) from None
        if any(isinstance(size, bool) or not isinstance(size, Integral | str) for size in sizes):
            raise self._refuse(value)
        try:
            return tuple(int(size) for size in sizes)
        except ValueError:  # a list of words, or more digits than Python reads
            raise self._refuse(value) from None

    def _expectation(self) -> str:
        return f"{self.fewest} to {self.most} layer sizes from {self.minimum} to {self.maximum}, such as (32, 16)"


def slider_stops(parameter: Integer | Number, extra: Iterable[Any] = ()) -> list:
    """Return the values that a slider of stops offers, ascending; ``None`` comes first where it is valid.

    Parameters
    ----------
    parameter : Integer or Number
        A record whose scale is "log", or one for which ``None`` is valid.
    extra : iterable
        Valid values to offer besides, such as one that a recipe asks for.
    """
    low, high = parameter.slider
    whole = isinstance(parameter, Integer)
    grid = _even_stops(parameter) if parameter.scale == "linear" else _round_stops(low, high, whole)
    values = {value for value in grid if low <= value <= high} | {low, high, *extra, parameter.default}
    stops = sorted(int(value) if whole else float(value) for value in values if value is not None)
    return [None, *stops] if parameter.none_label is not None else stops


def _round_stops(low: float, high: float, whole: bool) -> Iterator[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    mantissas = _ROUND_WHOLE if whole else _ROUND_REAL
    return (float(f"{mantissa:g}e{exponent}") for exponent in exponents for mantissa in mantissas)


def _even_stops(parameter: Integer | Number) -> Iterator[float]:
    low, high = parameter.slider
    step = parameter.step or (high - low) / _EVEN_STEPS
    return (float(f"{low + number * step:.12g}") for number in range(round((high - low) / step) + 1))


def shortened(value: Any) -> str:
    """Return a value as a message shows it: its ``repr``, of long ones the beginning, such as ``'aaaa…'``."""
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN_LETTERS else f"{value[:SHOWN_LETTERS]}…")
    try:
        text = repr(value)
    except ValueError:  # Python writes out no whole number of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 2 * SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…"


def short_text(text: str, name: str, max_length: int) -> str:
    """Return a text that a visitor has typed, if it is short enough to be read.

    Raises
    ------
    InvalidSetting
        If it has more than ``max_length`` characters; ``name`` stands in the message.
    """
    if len(text) > max_length:
        raise InvalidSetting(f"{name} must have at most {max_length} characters, got {shortened(text)}: shorten it")
    return text


def link_problem(problem: InvalidSetting, consequence: str) -> str:
    """Return a problem of a link's parameter, and what was done about it, as it stands in a sentence about the link."""
    text = str(problem)
    # A parameter's own name stays as it is.
    text = f"unknown{text.removeprefix('Unknown')}" if text.startswith("Unknown ") else text
    if text.endswith((".", "?")):
        return f"In the link, {text} {consequence.capitalize()}."
    return f"In the link, {text}; {consequence}."


def unknown_name(kind: str, name: Any, known: Iterable[str]) -> InvalidSetting:
    """Return the error for a name that is not among the ``known`` ones, with a "did you mean" where one is near."""
    known = list(known)
    hint = did_you_mean(name, known)
    return InvalidSetting(f"Unknown {kind} {shortened(name)}: known are {', '.join(known)}.{hint}")


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'adam'?"`` if one of the known names is near, else an empty text."""
    if not isinstance(name, str):
        return ""
    in_small_letters = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name[:SHOWN_LETTERS].lower(), in_small_letters, n=1)
    return f" Did you mean {in_small_letters[near[0]]!r}?" if near else ""


def clean_parameters(parameters: Sequence[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter's value in canonical form, defaults filled in.

    A parameter without effect beside the others (a momentum with Adam) is set to its default, so that two mappings that
    mean the same training become equal.

    Parameters
    ----------
    parameters : sequence of Parameter
        The records.
    values : mapping
        Some or all of the values by name; it is not changed.

    Raises
    ------
    InvalidSetting
        With all problems in one message.
    """
    records = {parameter.name: parameter for parameter in parameters}
    problems = [str(unknown_name("setting", name, records)) for name in values if name not in records]
    cleaned = {}
    for name, record in records.items():
        try:
            cleaned[name] = record.clean(values.get(name, record.default))
        except InvalidSetting as problem:
            problems.append(str(problem))
    if problems:
        raise InvalidSetting("; ".join(problems))
    return {name: value if records[name].applies(cleaned) else records[name].default for name, value in cleaned.items()}
