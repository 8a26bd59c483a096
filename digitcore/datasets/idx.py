"""The IDX format, in which MNIST is published: plain or gzipped.

References
----------
Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from digitcore.datasets.packed import content_blocks
from digitcore.errors import DatasetError

# Images with channels have four.
MOST_DIMENSIONS = 4
# Five times MNIST's training images.
MOST_BYTES = 1 << 28
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_ADVICE = "delete the file and get it again"


def read_idx(path: Path, *, most_bytes: int = MOST_BYTES) -> np.ndarray:
    """Return the array in an IDX file; gzip is recognised by the content, not by the name.

    Parameters
    ----------
    path : Path
        The file.
    most_bytes : int
        Size of the largest array to read, in bytes. No file makes the reader take much more memory than that.

    Returns
    -------
    ndarray
        Of the dimensions and type that the file states, in the machine's byte order.

    Raises
    ------
    DatasetError
        If the file cannot be read, or is not a whole and sound IDX file of 1 to 4 dimensions, each at least 1; the
        message names it and says what is wrong.
    """
    try:
        with Path(path).open("rb") as file:
            return _parse(file, str(path), most_bytes)
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read ({error.strerror or error}): check that it is a file and may be read"
        ) from None


def parse_idx(content: bytes, name: str, *, most_bytes: int = MOST_BYTES) -> np.ndarray:
    """Return the array in the bytes of an IDX file, plain or gzipped; ``name`` stands in messages.

    Raises
    ------
    DatasetError
        As for :func:`read_idx`.
    """
    return _parse(io.BytesIO(content), name, most_bytes)


class _Reader:
    """The content of a file, as far as it has been read: ``bytes``."""

    def __init__(self, blocks: Iterator[bytes], name: str):
        self.bytes = bytearray()
        self._blocks, self._name = blocks, name

    def read_up_to(self, n_bytes: int) -> bool:
        """Read until there are ``n_bytes`` at least; False if the content has fewer."""
        try:
            while len(self.bytes) < n_bytes and (block := next(self._blocks, None)):
                # Memory grows with what is there, not with what a header promises.
                self.bytes += block
        except (EOFError, OSError, zlib.error) as error:
            raise DatasetError(f"{self._name} is a damaged gzip file ({error}): {_ADVICE}") from None
        return len(self.bytes) >= n_bytes


def _parse(file: BinaryIO, name: str, most_bytes: int) -> np.ndarray:
    reader = _Reader(content_blocks(file, most_bytes), name)
    dtype, n_dimensions = _read_type(reader, name)
    start = 4 + 4 * n_dimensions
    shape = _read_shape(reader, n_dimensions, name)
    n_values = prod(shape)
    wanted = n_values * dtype.itemsize
    if start + wanted > most_bytes:
        sides = " × ".join(str(side) for side in shape)
        raise DatasetError(
            f"{name} states {sides} values, {wanted} bytes, but at most {most_bytes} are read: {_ADVICE}"
        )
    # One byte more than the header announces is enough to see that there is too much, however much there is.
    is_longer = reader.read_up_to(start + wanted + 1)
    came = "more" if is_longer else len(reader.bytes) - start
    if came != wanted:
        raise DatasetError(f"{name} must have {wanted} bytes after its header, it has {came}: {_ADVICE}")
    array = np.frombuffer(reader.bytes, dtype=dtype, count=n_values, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_type(reader: _Reader, name: str) -> tuple[np.dtype, int]:
    is_whole = reader.read_up_to(4)
    magic = bytes(reader.bytes[:4])
    if not is_whole or magic[:2] != b"\0\0":
        raise DatasetError(
            f"{name} must begin with two zero bytes, as IDX files do, it begins with {magic!r}: {_ADVICE}"
        )
    type_byte, n_dimensions = magic[2], magic[3]
    if type_byte not in _TYPES:
        known = ", ".join(f"0x{known:02X}" for known in _TYPES)
        raise DatasetError(f"{name} has the unknown type byte 0x{type_byte:02X}, known are {known}: {_ADVICE}")
    if not 1 <= n_dimensions <= MOST_DIMENSIONS:
        raise DatasetError(f"{name} must state 1 to {MOST_DIMENSIONS} dimensions, it states {n_dimensions}: {_ADVICE}")
    return np.dtype(_TYPES[type_byte]), n_dimensions


def _read_shape(reader: _Reader, n_dimensions: int, name: str) -> tuple[int, ...]:
    if not reader.read_up_to(4 + 4 * n_dimensions):
        raise DatasetError(f"{name} ends within its header of {n_dimensions} dimensions: {_ADVICE}")
    shape = tuple(int(side) for side in np.frombuffer(reader.bytes[4:], ">u4", n_dimensions))
    if 0 in shape:
        raise DatasetError(f"{name} states a dimension of 0, each must be at least 1: {_ADVICE}")
    return shape
