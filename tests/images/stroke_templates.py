"""Handwritten digits as pen strokes: seven shapes per digit, and drawings of them with a hand's variation.

The shapes are the variants that European and Turkish writers use (open and closed 4, 7 with and without a bar, 1 with
and without a flag, ...), written down without looking at what a model reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# A shape is a list of strokes, a stroke the points that the pen passes: "x,y" in a box 100 wide and 140 high, from its
# top left. The pen runs through them in a smooth curve, but turns sharply at a point with "!".
SHAPES: dict[int, dict[str, tuple[str, ...]]] = {
    0: {
        "oval": ("50,2 16,26 6,72 20,118 50,138 80,116 94,70 84,24 52,2",),
        "narrow": ("50,2 30,30 24,72 32,116 50,138 68,114 76,70 70,28 50,2",),
        "circle": ("50,20 16,34 2,70 16,106 50,120 84,106 98,70 84,34 48,20",),
        "overlapping ends": ("66,12 36,6 12,40 8,86 30,130 62,132 88,98 90,46 72,14 48,2 34,10",),
        "gap at the top": ("40,8 14,38 8,80 26,126 54,136 82,112 92,64 82,24 60,6",),
        "leaning": ("68,2 32,24 10,74 12,120 34,138 68,114 90,64 88,18 68,2",),
        "from the right, pointed below": ("84,30 58,4 24,16 8,56 18,104 46,138 76,110 92,66 82,28",),
    },
    1: {
        "stroke": ("50,0 50,140",),
        "leaning stroke": ("66,0 36,140",),
        "short flag": ("30,26 56,0! 56,140",),
        "long flag": ("8,62 62,0! 62,140",),
        "flag and foot": ("24,30 52,0! 52,138", "18,138 86,138"),
        "foot": ("50,0 50,138", "22,138 78,138"),
        "leaning with flag": ("26,40 72,0! 46,140",),
    },
    2: {
        "plain": ("12,34 22,10 50,0 80,12 84,42 62,80 10,136! 92,136",),
        "loop": ("12,30 34,4 70,4 86,34 66,78 30,120 10,128 12,108 34,108 62,130 92,126",),
        "angular": ("10,8! 84,8! 8,136! 92,136",),
        "swan": ("16,42 26,10 56,2 80,24 74,62 44,104 14,132! 40,124 64,134 94,124",),
        "small head": ("26,22 46,2 70,14 70,42 46,88 8,136! 94,136",),
        "large head": ("6,44 20,8 56,0 92,24 90,60 56,96 18,134! 86,138",),
        "short base": ("18,28 40,2 74,10 80,44 54,92 22,134! 76,134",),
    },
    3: {
        "round": ("12,20 40,0 76,14 76,48 42,64! 82,78 90,112 56,138 10,122",),
        "flat top": ("14,4! 84,4! 44,56! 80,70 90,106 60,138 12,126",),
        "loop in the middle": ("14,16 46,0 78,20 68,52 42,66 34,58 46,56 80,76 88,110 54,138 10,122",),
        "small upper bowl": ("24,12 46,2 66,16 62,40 40,50! 82,68 92,104 62,138 12,128",),
        "large upper bowl": ("8,20 44,0 88,20 86,58 44,78! 78,88 82,120 50,138 14,128",),
        "pointed": ("16,6 74,14 76,34 34,66! 78,82 80,116 12,136",),
        "shallow": ("22,4 60,4 72,28 54,60 46,66! 70,78 78,108 58,134 20,138",),
    },
    4: {
        "open": ("24,4 12,84! 90,84", "66,44 66,140"),
        "closed": ("66,140 66,2! 4,94! 96,94",),
        "open, stem from the top": ("30,2 10,76! 92,72", "74,6 66,140"),
        "rounded": ("16,4 14,52 30,70 58,68 78,52", "82,4 78,140"),
        "wide angle": ("44,0 6,86! 96,80", "60,50 54,140"),
        "one line": ("20,6 16,66! 80,66! 80,6! 78,140",),
        "leaning": ("46,2 8,88! 90,86", "80,30 52,140"),
    },
    5: {
        "two strokes": ("26,6 20,60! 54,50 86,76 80,118 46,138 10,124", "26,6 86,6"),
        "one line": ("86,4! 24,4! 18,62! 56,52 88,80 80,122 42,138 10,124",),
        "like an S": ("84,8 44,4 20,28 28,56 66,70 84,100 60,134 12,132",),
        "small bowl": ("36,4 30,72! 60,68 74,96 56,132 18,134", "36,4 92,2"),
        "large bowl": ("80,2! 30,6! 18,46! 60,38 94,74 82,124 40,138 6,116",),
        "bar apart": ("30,16 22,66! 58,58 82,84 72,122 40,138 12,126", "38,6 90,0"),
        "angular": ("84,6! 26,6! 22,64! 80,66! 78,132! 16,134",),
    },
    6: {
        "curved": ("74,4 34,34 12,86 24,128 56,138 84,112 70,80 40,78 16,100",),
        "straight stem": ("54,0 22,70 14,110 38,138 74,130 82,98 56,78 24,92",),
        "large loop": ("66,2 24,46 6,92 26,134 66,136 94,98 72,58 34,64 10,92",),
        "small loop": ("80,2 40,28 18,78 22,124 48,138 68,118 56,96 34,98 20,114",),
        "like a b": ("22,0 18,70 20,122 50,138 80,118 76,86 46,76 20,96",),
        "open loop": ("70,6 30,38 12,90 28,132 62,136 82,112 70,88 46,90",),
        "flat": ("88,18 44,16 14,54 8,104 40,138 82,128 92,96 62,76 22,88",),
    },
    7: {
        "plain": ("10,6! 88,6! 40,138",),
        "bar": ("12,6! 88,6! 44,138", "28,72 84,68"),
        "serif": ("12,26! 14,6! 88,6! 44,138",),
        "curved": ("8,12! 54,8 90,4! 62,44 46,92 42,138",),
        "serif and bar": ("10,26! 14,6! 90,4! 36,138", "26,74 82,66"),
        "steep": ("16,8! 74,8! 58,138",),
        "curved with bar": ("12,10! 50,2 88,8! 58,60 42,138", "24,64 84,62"),
    },
    8: {
        "one line": ("74,16 42,2 20,28 46,62 82,94 72,130 36,136 16,108 44,72 78,36 70,12",),
        "two rings": ("50,2 26,14 24,48 50,64 76,48 74,14 50,2", "50,64 20,82 18,120 50,138 82,120 80,82 50,64"),
        "small upper ring": ("66,14 46,4 34,24 48,46 84,84 76,126 40,138 14,114 30,74 62,42 66,16",),
        "open at the top": ("82,10 44,2 20,26 42,58 80,92 70,130 34,136 18,106 48,66 84,30",),
        "narrow": ("62,10 44,2 34,28 50,62 66,98 56,134 38,130 34,100 50,64 66,30 60,8",),
        "leaning": ("86,16 60,2 38,24 48,58 66,94 46,134 14,128 16,98 52,66 82,38 84,14",),
        "hourglass": ("14,8! 84,8! 20,134! 86,134! 14,8",),
    },
    9: {
        "straight stem": ("78,30 50,4 20,20 22,54 52,66 78,38! 76,140",),
        "curved tail": ("76,28 48,2 18,24 26,60 58,62 78,30 82,80 64,126 24,138",),
        "large ring": ("84,34 48,2 10,28 14,72 54,80 84,38! 80,140",),
        "ring and stem apart": ("76,36 54,4 24,14 20,50 46,68 76,40", "78,6 74,140"),
        "hook": ("74,22 44,4 18,28 28,58 60,58 76,26! 80,104 60,136 22,124",),
        "leaning stem": ("82,26 56,2 26,22 26,54 54,62 82,30! 52,140",),
        "open ring": ("70,12 38,8 18,36 32,62 62,54 80,20! 78,140",),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """Strokes as the pad sends them, each ``(n_points, 2)`` of x and y from 0 to 1, of which digit, in which shape."""

    digit: int
    shape: str
    strokes: list[np.ndarray]


def drawings(rng: np.random.Generator, n_per_shape: int, *, sides: tuple[float, float] = (0.25, 0.9)) -> list[Drawing]:
    """Return ``n_per_shape`` variations of every shape, its longer side drawn from ``sides`` as a share of the pad."""
    return [
        Drawing(digit, name, varied(template(shape), rng, sides))
        for digit, shapes in SHAPES.items()
        for name, shape in shapes.items()
        for _ in range(n_per_shape)
    ]


def template(shape: tuple[str, ...]) -> list[np.ndarray]:
    """Return a shape's strokes as dense points, in the box of 100 by 140."""
    return [_curve(stroke) for stroke in shape]


def varied(strokes: list[np.ndarray], rng: np.random.Generator, sides: tuple[float, float]) -> list[np.ndarray]:
    """Return strokes as a hand would repeat them somewhere on the pad.

    Rotated by 5 degrees and slanted by 8 (standard deviations), up to 20 % wider or narrower, bent by slow waves of
    2 % of the height, and a stroke set down 1.5 % of the height from where it should begin.
    """
    moved = [_bent(stroke, rng) + rng.normal(0, 2, 2) for stroke in strokes]
    angle, slant = np.radians(rng.normal(0, 5)), np.tan(np.radians(rng.normal(0, 8)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, -slant], [0, 1]]) @ np.diag([rng.uniform(0.8, 1.2), 1])
    moved = [stroke @ matrix.T for stroke in moved]
    points = np.concatenate(moved)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    factor = rng.uniform(*sides) / extent.max()
    corner = rng.uniform(0.02, 0.98 - factor * extent)
    return [(stroke - low) * factor + corner for stroke in moved]


def _bent(stroke: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add two slow waves along the stroke, in a direction of their own each."""
    along = np.linspace(0, 1, len(stroke))[:, np.newaxis]
    waves = [
        np.sin(2 * np.pi * (n_waves * along + rng.uniform())) * rng.normal(0, 2.8 / np.sqrt(2), 2)
        for n_waves in (0.7, 1.6)
    ]
    return stroke + sum(waves)


def _curve(stroke: str) -> np.ndarray:
    words = stroke.split()
    points = np.array([[float(number) for number in word.rstrip("!").split(",")] for word in words])
    corners = [0, *(place for place, word in enumerate(words) if word.endswith("!") and place), len(words) - 1]
    pieces = [points[first : last + 1] for first, last in pairwise(corners) if last > first]
    return np.concatenate([_through(piece) for piece in pieces])


def _through(points: np.ndarray, steps: int = 12) -> np.ndarray:
    """A Catmull-Rom spline through the points ``(n, 2)``; its ends run on straight."""
    before, after = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    given = np.vstack([before, points, after])
    t = np.linspace(0, 1, steps)[:, np.newaxis]
    pieces = []
    for p0, p1, p2, p3 in zip(given, given[1:], given[2:], given[3:], strict=False):
        pieces.append(p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))))
    return np.concatenate(pieces)
