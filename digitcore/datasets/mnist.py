"""MNIST: handwritten digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from digitcore.datasets.dataset import Dataset
from digitcore.datasets.download import Progress
from digitcore.datasets.idx_set import IdxSet, Sources, fetch_from_openml, is_here, load_idx_set
from digitcore.directories import data_directory

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
MNIST = IdxSet(
    name="mnist",
    label="MNIST",
    class_names=tuple(str(digit) for digit in range(10)),
    sha256={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    openml_name="mnist_784",
)


def load_mnist(
    directory: Path | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
    *,
    mirrors: Sequence[str] | None = None,
    fetch: Callable[[Path], tuple[np.ndarray, np.ndarray]] | None = None,
) -> Dataset:
    """Return MNIST: 70000 images of 28x28 pixels, values 0 to 255, the official training part (60000) first.

    Parameters
    ----------
    directory : Path, optional
        Where ``mnist/`` with the four files is, ``.gz`` or plain. Default: what ``data_directory()`` says.
    progress : callable, optional
        Gets a :class:`Progress` while a missing file is downloaded.
    mirrors : sequence of str, optional
        Addresses that end in a slash. Default: :data:`MIRRORS`.
    fetch : callable, optional
        The second source. Default: OpenML, see :func:`digitcore.datasets.idx_set.fetch_from_openml`.

    Raises
    ------
    DatasetError
        If a file that is there is damaged or not the published one. It is neither used nor deleted.
    DatasetUnavailable
        If files are missing and no source can be reached, or they cannot be written.

    References
    ----------
    Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
    """
    sources = Sources(
        folders=_folders(directory),
        mirrors=MIRRORS if mirrors is None else mirrors,
        fetch=fetch or partial(fetch_from_openml, MNIST.openml_name),
    )
    return load_idx_set(MNIST, sources, progress)


def has_mnist(directory: Path | None = None) -> bool:
    """Return True if :func:`load_mnist` has nothing to download."""
    return is_here(MNIST, _folders(directory))


def _folders(directory: Path | None) -> list[Path]:
    return [(directory if directory is not None else data_directory()) / MNIST.name]
