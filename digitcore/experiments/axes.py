"""Axes of a sweep: a setting and the values it takes, as a list or a range."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.parameters import Integer, Number, Parameter, shortened, unknown_name
from digitcore.specs.settings import all_settings

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included, evenly spread or evenly in their logarithms.

    Attributes
    ----------
    low, high : float
        The ends, ``low`` below ``high``; above 0 on the logarithmic scale.
    n : int
        How many of them a grid has, from 2.
    scale : {"linear", "log"}
        What is even.

    Raises
    ------
    InvalidSetting
        If the ends, the number or the scale are not valid.
    """

    low: float
    high: float
    n: int = 5
    scale: Scale = "linear"

    def __post_init__(self) -> None:
        if not all(isinstance(end, Real) and not isinstance(end, bool) for end in (self.low, self.high)):
            ends = f"{shortened(self.low)} and {shortened(self.high)}"
            raise InvalidSetting(f"A range must have numbers as its ends, got {ends}")
        if not isinstance(self.n, Integral) or not 2 <= self.n <= 1000:
            raise InvalidSetting(f"A range must have 2 to 1000 values, got {shortened(self.n)}")
        # Plain numbers, for NumPy's have no JSON.
        for name, plain in (("low", float), ("high", float), ("n", int)):
            object.__setattr__(self, name, plain(getattr(self, name)))
        if self.scale not in ("linear", "log"):
            raise InvalidSetting(f"The scale of a range must be linear or log, got {shortened(self.scale)}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InvalidSetting(f"A range must go from a lower to a higher number, got {self.low:g} to {self.high:g}")
        if self.scale == "log" and self.low <= 0:
            raise InvalidSetting(f"A logarithmic range must begin above 0, got {self.low:g}")

    def grid(self) -> list[float]:
        """Return the ``n`` numbers, ascending, with at most six significant digits but for the ends."""
        spaced = np.geomspace if self.scale == "log" else np.linspace
        inner = [float(f"{value:.6g}") for value in spaced(self.low, self.high, self.n)[1:-1]]
        return [self.low, *inner, self.high]

    def draw(self, generator: np.random.Generator) -> float:
        """Return a number drawn evenly on the scale."""
        if self.scale == "linear":
            drawn = generator.uniform(self.low, self.high)
        else:
            drawn = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        return min(max(float(f"{drawn:.6g}"), self.low), self.high)


@dataclass(frozen=True)
class Axis:
    """A setting and the values that a sweep gives to it.

    Parameters
    ----------
    name : str
        Flat name of a setting, see :func:`digitcore.specs.settings.settings_of`.
    listed : sequence, optional
        The values; texts such as ``"0.01"`` or ``"32-16"`` are read as in a link.
    low, high, n, scale
        Those of a :class:`Range`, in place of a list.

    Raises
    ------
    InvalidSetting
        If the name is unknown to every model, a value is not valid, or a range is given to what has no numbers.
    """

    name: str
    listed: tuple = ()
    low: float | None = None
    high: float | None = None
    n: int = 5
    scale: Scale = "linear"

    def __post_init__(self) -> None:
        record = self.record
        if self.low is not None and not isinstance(record, Integer | Number):
            raise InvalidSetting(f"{self.name} takes no range, it is no number: list its values")
        values = tuple(dict.fromkeys(_clean(record, value) for value in self.listed))
        if self.low is None and not values:
            raise InvalidSetting(f"{self.name} needs at least one value to vary it")
        object.__setattr__(self, "listed", values)
        if self.range is not None:
            for name in ("low", "high", "n"):
                object.__setattr__(self, name, getattr(self.range, name))
            for end in (self.low, self.high):
                self._fitting(end)

    @classmethod
    def of(cls, name: str, given: Range | Sequence) -> Axis:
        """Return the axis of a setting and a range or a list."""
        if isinstance(given, Range):
            return cls(name, low=given.low, high=given.high, n=given.n, scale=given.scale)
        if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray):
            raise InvalidSetting(f"{name} must be varied by a list of values or a Range, got {shortened(given)}")
        return cls(name, tuple(given))

    @property
    def record(self) -> Parameter:
        """The setting's record, of the first model that has it."""
        known = all_settings()
        if self.name not in known:
            raise unknown_name("setting", self.name, known)
        return known[self.name].record

    @cached_property
    def range(self) -> Range | None:
        """The range, or None for a list."""
        return None if self.low is None else Range(self.low, self.high, self.n, self.scale)

    @cached_property
    def values(self) -> tuple:
        """The values of a grid."""
        if self.range is None:
            return self.listed
        return tuple(dict.fromkeys(self._fitting(value) for value in self.range.grid()))

    def draw(self, generator: np.random.Generator) -> Any:
        """Return a value drawn at random."""
        if self.range is None:
            return self.listed[generator.integers(len(self.listed))]
        if not isinstance(self.record, Integer):
            return self._fitting(self.range.draw(generator))
        # Half a step more at both ends, or these would come half as often as the others.
        wider = Range(self.low - 0.5, self.high + 0.5, scale=self.scale) if self.low >= 1 else self.range
        return self._fitting(min(max(round(wider.draw(generator)), self.low), self.high))

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters that make this axis, as JSON takes them."""
        if self.range is None:
            return {"name": self.name, "listed": [list(v) if isinstance(v, tuple) else v for v in self.listed]}
        return {"name": self.name, "low": self.low, "high": self.high, "n": self.n, "scale": self.scale}

    def _fitting(self, value: float) -> Any:
        return self.record.clean(round(value) if isinstance(self.record, Integer) else value)


def listed_texts(text: str) -> list[str]:
    """Return the values that a user has listed: "0.1, 0.01" or "16 32-16"."""
    return [part for part in re.split(r"[,;\s]+", text) if part]


def _clean(record: Parameter, value: Any) -> Any:
    if isinstance(value, str):
        return record.parse(value)
    if isinstance(value, bool):
        return record.clean(str(value).lower())
    return record.clean(value.item() if isinstance(value, np.generic) else value)
