"""The close-up of a model, in training or trained: its confusion matrix, first layer, and images that it gets wrong."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from digitcore.datasets import Part
from digitcore.evaluation import confusion_counts, predictions, table_of_counts
from digitcore.evaluation.comparison import change_table_of_counts
from digitcore.glossary import explain
from digitcore.images.png import factor_for
from digitcore.insight.weight_images import first_layer_images
from digitcore.models.architecture import plan
from digitcore.runs import Run
from digitcore.runs.glimpse import MOST_LEARNED, MOST_WEIGHT_IMAGES, MOST_WRONG, Glimpse, spread
from pages.parts import matrix_cell, matrix_chart, session, shared
from pages.parts.pictures import show_weights
from pages.parts.tiles import Tile, show_tiles
from pages.parts.train import baseline

# Beside two curves: so wide is the matrix, so many images stand in a row, and so wide is a row of weights.
MATRIX_WIDTH, TILES_ACROSS, WEIGHTS_WIDTH = 250, 6, 600
# The larger images of MNIST are enlarged twice, those of scikit-learn's digits five times: either fills its rows.
TILE_SIZE, WEIGHT_SIZE, WEIGHT_GAP = 44, 42, 4
_MATRIX = "cell"


@dataclass(frozen=True)
class CloseUp:
    """Predictions of a part's images, and the first layer's weights, beside those of the baseline.

    Attributes
    ----------
    key : Hashable
        The same for the same close-up.
    part : Part
        The whole part.
    looked_at : ndarray, int64, (n_images,)
        Positions in it of the images looked at.
    counts : ndarray, int64, (n_classes, n_classes)
        Images by truth (rows) and prediction (columns).
    first_layer : ndarray, float, (n_images, height, width)
        Weights as images.
    titles : list of str or None
        Of the weight images, where they are those of classes.
    wrong, learned : list of (int, int)
        Position in ``part`` and predicted class of images that are wrong, and of images that were before and are right
        now, with what they were taken for.
    counts_before, first_layer_before : ndarray or None
        The same of the baseline; None where the images or the layers' shapes are others.
    """

    key: Hashable
    part: Part
    looked_at: np.ndarray
    counts: np.ndarray
    first_layer: np.ndarray
    titles: list[str] | None
    wrong: list[tuple[int, int]]
    learned: list[tuple[int, int]]
    counts_before: np.ndarray | None = None
    first_layer_before: np.ndarray | None = None

    @property
    def can_differ(self) -> bool:
        """Whether anything of it can be shown as a difference to the baseline."""
        return self.counts_before is not None or self.first_layer_before is not None

    @property
    def words(self) -> str:
        """Which images were looked at: ``"2,000 of the 10,000 test images"``."""
        n, n_part = len(self.looked_at), self.part.n_images
        images = f"{self.part.name} image{'s' * (n_part != 1)}"
        return f"{n:,} {images}" if n == n_part else f"{n:,} of the {n_part:,} {images}"


def close_up_of(run: Run, base: Run | None) -> CloseUp | None:
    """Return the close-up of a run, in training or evaluated, beside its baseline; None while there is none."""
    base_key = (base.digest, base.created_at, base.covered) if base is not None and base.evaluated else None
    if run.active:
        glimpse = shared.engine().glimpse(run.digest)
        if glimpse is None:
            return None
        return _of_glimpse(run.digest, run.created_at, glimpse.epoch, base_key, run, glimpse, base)
    if not run.evaluated or not run.figures:
        return None
    return _of_run(run.digest, (run.created_at, run.covered), base_key, run, base)


@st.cache_resource(show_spinner=False, max_entries=64)
def _of_glimpse(
    digest: str, created_at: Any, epoch: int, base_key: Hashable, _run: Run, _glimpse: Glimpse, _base: Run | None
) -> CloseUp:
    split = session.split_of(_run.spec)
    whole = split.monitored if split.monitored.n_images else split.train
    looked_at = spread(whole.n_images, _glimpse.n_images)
    place = {int(whole.indices[position]): int(position) for position in looked_at}
    own = CloseUp(
        key=(digest, created_at, epoch, base_key),
        part=Part(_glimpse.part, whole.dataset, whole.indices),
        looked_at=looked_at,
        counts=_glimpse.confusion,
        first_layer=_glimpse.first_layer,
        titles=_titles(_run),
        wrong=[(place[position], taken_for) for position, taken_for, _ in _glimpse.wrong.tolist()],
        learned=[(place[position], taken_for) for position, taken_for in _glimpse.learned.tolist()],
    )
    return _beside(own, _base, baseline.prediction_of(_base, own.part))


@st.cache_resource(show_spinner=False, max_entries=256)
def _of_run(digest: str, created_at: Any, base_key: Hashable, _run: Run, _base: Run | None) -> CloseUp:
    part = getattr(session.parts_of(_run), list(_run.figures)[-1])
    probabilities = session.probabilities_of(_run, part)
    prediction = predictions(probabilities)
    is_wrong = prediction != part.labels
    surest = np.argsort(-probabilities.max(axis=1), kind="stable")
    before = baseline.prediction_of(_base, part)
    learned = np.flatnonzero(~is_wrong & (before != part.labels))[:MOST_LEARNED] if before is not None else []
    # A dozen together: two full rows.
    wrong = surest[is_wrong[surest]][: MOST_WRONG + MOST_LEARNED - len(learned)]
    own = CloseUp(
        key=(digest, created_at, base_key),
        part=part,
        looked_at=np.arange(part.n_images),
        counts=confusion_counts(part.labels, prediction, part.dataset.n_classes),
        first_layer=_first_layer_of(_run),
        titles=_titles(_run),
        wrong=[(int(index), int(prediction[index])) for index in wrong],
        learned=[(int(index), int(before[index])) for index in learned],
    )
    return _beside(own, _base, before)


def _beside(own: CloseUp, base: Run | None, before: np.ndarray | None) -> CloseUp:
    """Return a close-up with the counts and the first layer of its baseline, whose predictions are ``before``."""
    part, seen = own.part, own.looked_at
    counts = None if before is None else confusion_counts(part.labels[seen], before[seen], part.dataset.n_classes)
    images = _first_layer_of(base) if base is not None and base.evaluated else None
    fits = images is not None and images.shape == own.first_layer.shape
    return replace(own, counts_before=counts, first_layer_before=images if fits else None)


def _first_layer_of(run: Run) -> np.ndarray:
    """Return the first weights of an evaluated run's first layer as images, ``(n_images, height, width)``."""
    image_shape = session.dataset(run.spec.dataset).image_shape
    images = first_layer_images(run.spec.model, session.arrays_of(run).shown_weights, image_shape)
    # A copy: a view of these few would keep the weights of all units in memory.
    return images[:MOST_WEIGHT_IMAGES].copy()


def _titles(run: Run) -> list[str] | None:
    """Return the names of the classes if the first layer is the only one: each of its images is of a class."""
    dataset = session.dataset(run.spec.dataset)
    layers = plan(run.spec.model, run.spec.parameters, dataset.image_shape, dataset.n_classes)
    return list(dataset.class_names[:MOST_WEIGHT_IMAGES]) if len(layers) == 1 else None


def show_matrix(run: Run, close_up: CloseUp | None, *, difference: bool) -> None:
    """Show the confusion matrix, or how it differs from the baseline's; a click on a cell opens its images."""
    if close_up is None:
        st.skeleton(height=MATRIX_WIDTH)
        return
    names = close_up.part.dataset.class_names
    before = close_up.counts_before if difference else None
    # A legend would take the room of the cells.
    shades, term = "stronger colour, more images, on a logarithmic scale", explain("logarithmic scale")
    if before is not None:
        shades, term = "blue: more than the baseline, orange: fewer", None
    key = ("close-up", close_up.key, before is not None)
    chart = shared.charts.get(key, lambda: _matrix(close_up, before))
    clicked = st.vega_lite_chart(
        chart, key=session.chart_key("close_up"), on_select="rerun" if run.evaluated else "ignore"
    )
    st.caption(f"{close_up.words}; {shades}.", help=term)
    if run.evaluated and (cells := clicked.selection[matrix_cell.SELECTION] or []):
        session.choose_cell(_MATRIX, len(names), *(names.index(cells[-1][side]) for side in ("truth", "prediction")))
        st.switch_page("pages/mistakes.py")


def _matrix(close_up: CloseUp, before: np.ndarray | None) -> dict[str, Any]:
    names = close_up.part.dataset.class_names
    cell = max(MATRIX_WIDTH // len(names), 1)
    if before is not None:
        return matrix_chart.change_drawn(change_table_of_counts(before, close_up.counts, names), cell_size=cell)
    return matrix_chart.confusion_drawn(table_of_counts(close_up.counts, names), cell_size=cell)


def show_weights_of(close_up: CloseUp | None, *, difference: bool) -> None:
    """Show the first layer's weights, or how they differ from the baseline's."""
    if close_up is None:
        st.skeleton(height=2 * WEIGHT_SIZE)
        return
    before = close_up.first_layer_before if difference else None
    images = close_up.first_layer if before is None else close_up.first_layer - before
    height, width = images.shape[1:]
    across = WEIGHTS_WIDTH // (width * factor_for(height, width, WEIGHT_SIZE) + WEIGHT_GAP)
    words = "First layer's weights" if before is None else "Difference of the first layer's weights"
    show_weights(
        images, titles=close_up.titles, alt=words, key="close_up_weights", across=max(across, 1), size=WEIGHT_SIZE
    )


def show_wrong(run: Run, close_up: CloseUp | None) -> None:
    """Show a dozen images: some that are wrong, and some that were wrong before and are right now."""
    if close_up is None:
        st.skeleton(height=2 * TILE_SIZE)
        return
    if not (close_up.wrong or close_up.learned):
        st.caption("No image is wrong.")
        return
    names = close_up.part.dataset.class_names
    since = "at the last look" if run.active else "by the baseline"
    tiles = [_tile(close_up, position, taken_for, names, "") for position, taken_for in close_up.wrong]
    tiles += [_tile(close_up, position, taken_for, names, since) for position, taken_for in close_up.learned]
    show_tiles(close_up.part, tiles, key="close_up_tiles", run=run, across=TILES_ACROSS, size=TILE_SIZE)
    if close_up.learned:
        st.caption(f"✓ right now, wrong {'at the last look' if run.active else 'in the baseline'}.")


def _tile(close_up: CloseUp, position: int, taken_for: int, names: Any, since: str) -> Tile:
    truth, other = names[close_up.part.labels[position]], names[taken_for]
    words = f"taken for {other}" if not since else f"right now, taken for {other} {since}"
    image = f"Image {position} of the {close_up.part.name} part"
    return Tile(
        position=position,
        truth=f"{truth} ✓" if since else truth,
        wrong="" if since else other,
        words=f"{image}\nTruth {truth}, {words}",
        alt=f"{image}: {truth}, {words}",
    )
