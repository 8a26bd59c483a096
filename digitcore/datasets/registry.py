"""The data sets by name: what forms and specs know of each before it is loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from numbers import Integral
from types import MappingProxyType
from typing import Any

from digitcore.datasets.dataset import Dataset
from digitcore.datasets.digits import load_digits
from digitcore.datasets.download import Progress
from digitcore.datasets.fashion_mnist import has_fashion_mnist, load_fashion_mnist
from digitcore.datasets.idx_set import N_TRAIN
from digitcore.datasets.mnist import has_mnist, load_mnist
from digitcore.directories import data_directory
from digitcore.errors import DatasetError, InvalidSetting
from digitcore.images.framing import CenteredByBox, CenteredByMass, CountedInBlocks, Framing
from digitcore.parameters import shortened, unknown_name
from digitcore.registration import check_name, check_texts, taken_back_on_failure


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """A data set as forms and specs know it, before it is loaded.

    Attributes
    ----------
    name : str
        Key in :data:`DATASETS` and in a spec.
    label, description : str
        What the pages show.
    source : str
        Who published it and under which licence, as a sentence; empty where nothing is to be said.
    subject : str
        What an image shows, as a noun that a page can put into a sentence, such as "digit".
    picture_hint : str
        How a photo has to look that is made into an image like its own.
    drawing_note : str
        What to expect of drawings, and why: whole sentences.
    image_shape : (int, int)
        Height and width of an image, in pixels.
    n_images, n_classes, max_value : int
        Number of images and classes, and the largest value of a pixel.
    ink_size : int
        Longest side of the ink in an image, in pixels.
    framing : Framing or None
        How drawings and photos are made into images like its own; None is :class:`CenteredByMass`, as for MNIST.
    n_official_train : int or None
        Images of the official training part; None where there is no official split.
    is_downloaded : bool
        Whether it may have to be fetched, rather than coming with scikit-learn.
    is_here : callable
        Returns whether it is on this machine already.
    load : callable
        Gets a progress callback and returns the Dataset.
    """

    name: str
    label: str
    description: str
    source: str = ""
    subject: str = "object"
    picture_hint: str = "Dark ink on plain paper"
    drawing_note: str = ""
    image_shape: tuple[int, int]
    n_images: int
    n_classes: int
    max_value: int
    ink_size: int
    framing: Framing | None = None
    n_official_train: int | None = None
    is_downloaded: bool = False
    is_here: Callable[[], bool] = lambda: True
    load: Callable[[Callable[[Progress], None]], Dataset]

    @property
    def has_official_split(self) -> bool:
        """Whether its publishers divided it."""
        return self.n_official_train is not None

    @property
    def used_framing(self) -> Framing:
        """How drawings and photos are framed."""
        return self.framing or CenteredByMass(self.image_shape, self.ink_size)


_DIGITS = DatasetEntry(
    name="digits",
    label="Digits 8×8",
    description="scikit-learn's digits, small enough to train in a second.",
    source="E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998.",
    subject="digit",
    # Measured by benchmarks/small_digits.py.
    drawing_note=(
        "Models of these digits read about 88 of 100 drawings, because they learn from few images. Neither the frame "
        "nor 8×8 pixels are to blame: after 20,000 images of MNIST, framed alike and as small, the same network reads "
        "97."
    ),
    image_shape=(8, 8),
    n_images=1797,
    n_classes=10,
    max_value=16,
    ink_size=8,
    framing=CountedInBlocks(image_shape=(8, 8), box_shape=(8, 5), ink_share=0.305),
    load=lambda progress: load_digits(),
)
_MNIST = DatasetEntry(
    name="mnist",
    label="MNIST",
    description="The classic of handwritten digits.",
    source="Y. LeCun, C. Cortes and C. Burges, 1998, from images of NIST.",
    subject="digit",
    image_shape=(28, 28),
    n_images=70_000,
    n_classes=10,
    max_value=255,
    ink_size=20,
    n_official_train=N_TRAIN,
    is_downloaded=True,
    is_here=lambda: has_mnist(),
    load=lambda progress: load_mnist(progress=progress),
)
_FASHION_MNIST = DatasetEntry(
    name="fashion-mnist",
    label="Fashion-MNIST",
    description="Clothes, shoes and bags: as large as MNIST, and harder.",
    source="Copyright 2017 Zalando SE, MIT licence.",
    subject="fashion item",
    picture_hint="On a plain, bright background",
    image_shape=(28, 28),
    n_images=70_000,
    n_classes=10,
    max_value=255,
    ink_size=28,
    framing=CenteredByBox(image_shape=(28, 28)),
    n_official_train=N_TRAIN,
    is_downloaded=True,
    is_here=lambda: has_fashion_mnist(),
    load=lambda progress: load_fashion_mnist(progress=progress),
)
_BUILT_IN: Mapping[str, DatasetEntry] = {entry.name: entry for entry in (_DIGITS, _MNIST, _FASHION_MNIST)}
_entries: dict[str, DatasetEntry] = dict(_BUILT_IN)
DATASETS: Mapping[str, DatasetEntry] = MappingProxyType(_entries)


def register_dataset(entry: DatasetEntry, *, replace: bool = False) -> None:
    """Add a data set to :data:`DATASETS`, from where forms, specs, engine and pages take it.

    Processes that train must know it, too: name the module that calls this in ``DIGITCORE_PLUGINS``, see
    :mod:`digitcore.plugins`.

    Parameters
    ----------
    entry : DatasetEntry
        What to add.
    replace : bool
        Whether it may take the place of an entry of the same name, as when a notebook's cell is run again. Those that
        come with digitcore are never replaced.

    Raises
    ------
    InvalidSetting
        If a field of the entry is not valid, or the name is taken by another entry.
    """
    check_texts("data set", entry)
    _check_numbers(entry)
    check_name("data set", entry, _entries, _BUILT_IN, replace=replace)
    if _entries.get(entry.name, entry) != entry:
        with _loading:
            for key in [key for key in _loaded if key[0] == entry.name]:
                del _loaded[key]
    _entries[entry.name] = entry


def datasets_kept_on_failure() -> AbstractContextManager[None]:
    """Take back what was registered inside, if it ends with an exception."""
    return taken_back_on_failure(_entries)


def _check_numbers(entry: DatasetEntry) -> None:
    where = f"of the data set {entry.name!r}"
    shape = entry.image_shape
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(_is_whole(side, 1) for side in shape)):
        raise InvalidSetting(
            f"image_shape {where} must be height and width in pixels, such as (28, 28), got {shortened(shape)}"
        )
    _check_ranges(entry, where, n_images=(2, None), n_classes=(2, None), max_value=(1, 255), ink_size=(1, max(shape)))
    if entry.n_official_train is not None:
        _check_ranges(entry, where, n_official_train=(1, entry.n_images - 1))
    if not callable(entry.load):
        raise InvalidSetting(f"load {where} must be a function that returns a Dataset, got {shortened(entry.load)}")


def _check_ranges(entry: DatasetEntry, where: str, **ranges: tuple[int, int | None]) -> None:
    for field, (least, most) in ranges.items():
        value = getattr(entry, field)
        if not _is_whole(value, least, most):
            span = f"at least {least}" if most is None else f"from {least} to {most}"
            raise InvalidSetting(f"{field} {where} must be a whole number {span}, got {shortened(value)}")


def _is_whole(value: Any, least: int, most: int | None = None) -> bool:
    if not isinstance(value, Integral) or isinstance(value, bool):
        return False
    return least <= int(value) and (most is None or int(value) <= most)


_loaded: dict[tuple[str, str], Dataset] = {}
_loading = threading.Lock()


def load_dataset(name: str, progress: Callable[[Progress], None] = lambda progress: None) -> Dataset:
    """Return a data set, loaded once a process.

    Parameters
    ----------
    name : str
        Key in :data:`DATASETS`.
    progress : callable, optional
        Gets a :class:`Progress` while something is downloaded.

    Raises
    ------
    InvalidSetting
        If there is no data set of this name.
    DatasetError
        If its files are damaged, or it is not what its entry in :data:`DATASETS` says.
    DatasetUnavailable
        If it is neither on this machine nor to be had from its sources.
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    key = (name, str(data_directory()))
    with _loading:
        if key not in _loaded:
            dataset = DATASETS[name].load(progress)
            _check_entry(DATASETS[name], dataset)
            _loaded[key] = dataset
        return _loaded[key]


def _check_entry(entry: DatasetEntry, dataset: Dataset) -> None:
    """Refuse a data set that is not what its entry says: a model restored by the entry would answer differently."""
    loaded = {
        "name": dataset.name,
        "image_shape": dataset.image_shape,
        "n_images": dataset.n_images,
        "n_classes": dataset.n_classes,
        "max_value": dataset.max_value,
        "n_official_train": dataset.official_train_size,
    }
    different = [
        f"{name} {getattr(entry, name)!r} instead of {value!r}"
        for name, value in loaded.items()
        if getattr(entry, name) != value
    ]
    if different:
        raise DatasetError(f"The entry of the data set {entry.name!r} does not describe it: {', '.join(different)}")
