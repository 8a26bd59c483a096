"""A data set of four IDX files, as MNIST is published: from the disk, from public mirrors, or by way of OpenML."""

from __future__ import annotations

import gzip
import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digitcore.datasets.dataset import Dataset
from digitcore.datasets.download import Content, Progress, download, sha256_of_content
from digitcore.datasets.idx import read_idx
from digitcore.errors import DatasetError, DatasetUnavailable

# Of every set of this layout.
N_TRAIN, N_TEST = 60_000, 10_000
_HEADER_BYTES = {3: 16, 1: 8}


@dataclass(frozen=True, kw_only=True)
class IdxSet:
    """A data set of four IDX files with MNIST's layout: 60000 training and 10000 test images of 28x28 pixels.

    Attributes
    ----------
    name : str
        Key in the registry, and the directory under the data directory in which the files are.
    label : str
        Name in messages.
    class_names : tuple of str
        Name of each class.
    sha256 : mapping of str to str
        SHA-256 of each decompressed file by its name without ``.gz``: training images and labels, test images and
        labels, in this order.
    openml_name : str
        Name of version 1 of the same images at OpenML.
    """

    name: str
    label: str
    class_names: tuple[str, ...]
    sha256: Mapping[str, str]
    openml_name: str

    @property
    def files(self) -> dict[str, Content]:
        """What each of the four files contains, by its name without ``.gz``."""
        sizes = (*_file_sizes(N_TRAIN), *_file_sizes(N_TEST))
        return {
            name: Content(digest, n_bytes) for (name, digest), n_bytes in zip(self.sha256.items(), sizes, strict=True)
        }


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the files of an :class:`IdxSet` are looked for, in this order.

    Attributes
    ----------
    folders : sequence of Path
        Directories of this machine, each file ``.gz`` or plain. What is downloaded goes into the first one.
    mirrors : sequence of str
        Addresses that end in a slash.
    fetch : callable
        Gets a directory for its own files; returns images uint8 (70000, 28, 28) and labels uint8 (70000,), the training
        part first. Used if the mirrors fail.
    """

    folders: Sequence[Path]
    mirrors: Sequence[str]
    fetch: Callable[[Path], tuple[np.ndarray, np.ndarray]]


def fetch_from_openml(name: str, data_home: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return OpenML's version 1 of ``name``: images uint8 (70000, 28, 28) and labels uint8 (70000,)."""
    from sklearn.datasets import fetch_openml

    bunch = fetch_openml(name, version=1, as_frame=False, parser="liac-arff", data_home=str(data_home))
    return bunch.data.astype(np.uint8).reshape(-1, 28, 28), bunch.target.astype(np.uint8)


def is_here(published: IdxSet, folders: Sequence[Path]) -> bool:
    """Return True if all files of a data set are in these folders; whether they are right is not looked at."""
    return all(_find(folders, name) is not None for name in published.files)


def load_idx_set(
    published: IdxSet, sources: Sources, progress: Callable[[Progress], None] = lambda progress: None
) -> Dataset:
    """Return a data set of four IDX files: 70000 images, values 0 to 255, the official training part (60000) first.

    Parameters
    ----------
    published : IdxSet
        What the files contain.
    sources : Sources
        Where they are looked for.
    progress : callable, optional
        Gets a :class:`Progress` while a missing file is downloaded.

    Raises
    ------
    DatasetError
        If a file that is there is damaged or not the published one. It is neither used nor deleted.
    DatasetUnavailable
        If files are missing and no source can be reached, or they cannot be written.
    """
    missing = [name for name in published.files if _find(sources.folders, name) is None]
    if missing:
        _obtain(missing, published, sources, progress)
    train_images, train_labels, test_images, test_labels = (
        _read_checked(sources.folders, name, expected) for name, expected in published.files.items()
    )
    return Dataset(
        published.name,
        np.concatenate([train_images, test_images]),
        np.concatenate([train_labels, test_labels]).astype(np.int64),
        published.class_names,
        max_value=255,
        official_train_size=N_TRAIN,
    )


def _file_sizes(n_images: int) -> tuple[int, int]:
    """Bytes of the images' file and of the labels' file."""
    return _HEADER_BYTES[3] + n_images * 28 * 28, _HEADER_BYTES[1] + n_images


def _find(folders: Sequence[Path], name: str) -> Path | None:
    paths = (path for folder in folders for path in (folder / f"{name}.gz", folder / name))
    return next((path for path in paths if path.is_file()), None)


def _read_checked(folders: Sequence[Path], name: str, expected: Content) -> np.ndarray:
    path = _find(folders, name)
    if path is None:
        raise DatasetUnavailable(f"{folders[0] / name}.gz has just disappeared: try again.")
    try:
        right = sha256_of_content(path, expected.n_bytes) == expected.sha256
    except (OSError, EOFError, zlib.error):
        right = False
    if not right:
        # Says more exactly what is wrong, where the format itself is broken.
        read_idx(path, most_bytes=expected.n_bytes)
        raise DatasetError(f"{path} is not the published file (its SHA-256 differs): delete it and get it again.")
    return read_idx(path, most_bytes=expected.n_bytes)


def _obtain(missing: Sequence[str], published: IdxSet, sources: Sources, progress) -> None:
    """Bring the missing files into the first folder: from the mirrors, else from OpenML."""
    folder = sources.folders[0]
    try:
        for name in missing:
            urls = [f"{mirror}{name}.gz" for mirror in sources.mirrors]
            download(urls, folder / f"{name}.gz", expected=published.files[name], progress=progress)
    except DatasetUnavailable as error:
        if isinstance(error.__cause__, OSError):
            raise
        try:
            images, labels = sources.fetch(folder.parent)
        except Exception as second:  # OpenML's client raises many kinds; each means that it could not be had
            raise DatasetUnavailable(_advice(published, folder, error, second)) from second
        _write_files(images, labels, published, sources)


def _advice(published: IdxSet, folder: Path, first: Exception, second: Exception) -> str:
    files = ", ".join(f"{name}.gz" for name in published.files)
    return (
        f"{published.label} is not on this machine and could not be fetched. Put the four files {files} into {folder}. "
        f"Tried were the public mirrors ({first}) and OpenML's {published.openml_name} "
        f"({type(second).__name__}: {second})."
    )


def _write_files(images: np.ndarray, labels: np.ndarray, published: IdxSet, sources: Sources) -> None:
    arrays = (images[:N_TRAIN], labels[:N_TRAIN], images[N_TRAIN:], labels[N_TRAIN:])
    for (name, expected), array in zip(published.files.items(), arrays, strict=True):
        if _find(sources.folders, name) is not None:
            continue
        target = sources.folders[0] / f"{name}.gz"
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
