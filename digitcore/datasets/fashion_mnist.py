"""Fashion-MNIST: fashion items, in files like MNIST's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from digitcore.datasets.dataset import Dataset
from digitcore.datasets.download import Progress
from digitcore.datasets.idx_set import IdxSet, Sources, fetch_from_openml, is_here, load_idx_set
from digitcore.directories import data_directory

FASHION_MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
# Debian's package dataset-fashion-mnist installs the four files here.
SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
FASHION_MNIST = IdxSet(
    name="fashion-mnist",
    label="Fashion-MNIST",
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    sha256={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    openml_name="Fashion-MNIST",
)


def load_fashion_mnist(
    directory: Path | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
    *,
    system_folder: Path | None = None,
    mirrors: Sequence[str] | None = None,
    fetch: Callable[[Path], tuple[np.ndarray, np.ndarray]] | None = None,
) -> Dataset:
    """Return Fashion-MNIST: 70000 images of 28x28 pixels, values 0 to 255, the official training part (60000) first.

    Parameters
    ----------
    directory : Path, optional
        Where ``fashion-mnist/`` with the four files is, ``.gz`` or plain. Default: what ``data_directory()`` says.
    progress : callable, optional
        Gets a :class:`Progress` while a missing file is downloaded.
    system_folder : Path, optional
        Where files that are not in ``directory`` are looked for next. Default: :data:`SYSTEM_FOLDER`.
    mirrors : sequence of str, optional
        Addresses that end in a slash. Default: :data:`FASHION_MIRRORS`.
    fetch : callable, optional
        The last source. Default: OpenML, see :func:`digitcore.datasets.idx_set.fetch_from_openml`.

    Raises
    ------
    DatasetError
        If a file that is there is damaged or not the published one. It is neither used nor deleted.
    DatasetUnavailable
        If files are missing and no source can be reached, or they cannot be written.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", arXiv:1708.07747 (2017). Copyright 2017 Zalando SE, MIT licence.
    """
    sources = Sources(
        folders=_folders(directory, system_folder),
        mirrors=FASHION_MIRRORS if mirrors is None else mirrors,
        fetch=fetch or partial(fetch_from_openml, FASHION_MNIST.openml_name),
    )
    return load_idx_set(FASHION_MNIST, sources, progress)


def has_fashion_mnist(directory: Path | None = None, *, system_folder: Path | None = None) -> bool:
    """Return True if :func:`load_fashion_mnist` has nothing to download."""
    return is_here(FASHION_MNIST, _folders(directory, system_folder))


def _folders(directory: Path | None, system_folder: Path | None) -> list[Path]:
    own = (directory if directory is not None else data_directory()) / FASHION_MNIST.name
    return [own, SYSTEM_FOLDER if system_folder is None else system_folder]
