"""MNIST: four IDX files, from the disk, from public mirrors, or by way of OpenML."""

from __future__ import annotations

import gzip
import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from digitcore.datasets.dataset import Dataset
from digitcore.datasets.download import Content, Progress, download, sha256_of_content
from digitcore.datasets.idx import read_idx
from digitcore.directories import data_directory
from digitcore.errors import DatasetError, DatasetUnavailable

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
FILES = {
    "train-images-idx3-ubyte": Content(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 16 + 60_000 * 28 * 28
    ),
    "train-labels-idx1-ubyte": Content("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 8 + 60_000),
    "t10k-images-idx3-ubyte": Content(
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 16 + 10_000 * 28 * 28
    ),
    "t10k-labels-idx1-ubyte": Content("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 8 + 10_000),
}
N_TRAIN = 60_000


def fetch_from_openml(data_home: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return OpenML's mnist_784: images uint8 (70000, 28, 28) and labels uint8 (70000,), the training part first."""
    from sklearn.datasets import fetch_openml

    bunch = fetch_openml("mnist_784", version=1, as_frame=False, parser="liac-arff", data_home=str(data_home))
    return bunch.data.astype(np.uint8).reshape(-1, 28, 28), bunch.target.astype(np.uint8)


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
        The second source. Default: :func:`fetch_from_openml`.

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
    folder = (directory if directory is not None else data_directory()) / "mnist"
    missing = [name for name in FILES if _find(folder, name) is None]
    if missing:
        _obtain(missing, folder, progress, MIRRORS if mirrors is None else mirrors, fetch or fetch_from_openml)
    train_images, train_labels, test_images, test_labels = (_read_checked(folder, name) for name in FILES)
    return Dataset(
        "mnist",
        np.concatenate([train_images, test_images]),
        np.concatenate([train_labels, test_labels]).astype(np.int64),
        tuple(str(digit) for digit in range(10)),
        max_value=255,
        official_train_size=N_TRAIN,
    )


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def _read_checked(folder: Path, name: str) -> np.ndarray:
    path = _find(folder, name)
    if path is None:
        raise DatasetUnavailable(f"{folder / name}.gz has just disappeared: try again.")
    expected = FILES[name]
    try:
        right = sha256_of_content(path, expected.n_bytes) == expected.sha256
    except (OSError, EOFError, zlib.error):
        right = False
    if not right:
        # Says more exactly what is wrong, where the format itself is broken.
        read_idx(path, most_bytes=expected.n_bytes)
        raise DatasetError(f"{path} is not the published file (its SHA-256 differs): delete it and get it again.")
    return read_idx(path, most_bytes=expected.n_bytes)


def _obtain(missing: Sequence[str], folder: Path, progress, mirrors: Sequence[str], fetch) -> None:
    """Bring the missing files into ``folder``: from the mirrors, else from OpenML."""
    try:
        for name in missing:
            urls = [f"{mirror}{name}.gz" for mirror in mirrors]
            download(urls, folder / f"{name}.gz", expected=FILES[name], progress=progress)
    except DatasetUnavailable as error:
        if isinstance(error.__cause__, OSError):
            raise
        try:
            images, labels = fetch(folder.parent)
        except Exception as second:  # OpenML's client raises many kinds; each means that it could not be had
            raise DatasetUnavailable(_advice(folder, error, second)) from second
        _write_files(images, labels, folder)


def _advice(folder: Path, first: Exception, second: Exception) -> str:
    files = ", ".join(f"{name}.gz" for name in FILES)
    return (
        f"MNIST is not on this machine and could not be fetched. Put the four files {files} into {folder}. "
        f"Tried were the public mirrors ({first}) and OpenML's mnist_784 ({type(second).__name__}: {second})."
    )


def _write_files(images: np.ndarray, labels: np.ndarray, folder: Path) -> None:
    arrays = (images[:N_TRAIN], labels[:N_TRAIN], images[N_TRAIN:], labels[N_TRAIN:])
    for (name, expected), array in zip(FILES.items(), arrays, strict=True):
        if _find(folder, name) is not None:
            continue
        target = folder / f"{name}.gz"
        try:
            _write_idx(target, array, expected)
        except OSError as error:
            raise DatasetUnavailable(f"Cannot write {target} ({error.strerror or error}): make room for it.") from error


def _write_idx(target: Path, array: np.ndarray, expected: Content) -> None:
    """Write uint8 values as a gzipped IDX file, under its name only once its content is checked."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
    part = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6) as file:
            file.write(header + array.astype(np.uint8).tobytes())
        if sha256_of_content(part, expected.n_bytes) != expected.sha256:
            raise DatasetError(f"OpenML's images are not those of {target.name}: get the file from elsewhere.")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
