"""The IDX format, in which MNIST is published: plain or gzipped.

References
----------
Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import gzip
import io
import zlib
from math import prod
from pathlib import Path

import numpy as np

from digitcore.errors import DatasetError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_ADVICE = "delete the file and get it again"


def read_idx(path: Path) -> np.ndarray:
    """Return the array in an IDX file; gzip is recognised by the content, not by the name.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray
        Of the dimensions and type that the file states, in the machine's byte order.

    Raises
    ------
    DatasetError
        If the file is not a whole and sound IDX file; the message names it and says what is wrong.
    """
    return parse_idx(Path(path).read_bytes(), str(path))


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """Return the array in the bytes of an IDX file, plain or gzipped; ``name`` stands in messages.

    Raises
    ------
    DatasetError
        If the bytes are not a whole and sound IDX file.
    """
    packed = content[:2] == _GZIP_MAGIC
    stream = gzip.GzipFile(fileobj=io.BytesIO(content)) if packed else io.BytesIO(content)
    try:
        dtype, shape = _read_header(stream, name)
        wanted = prod(shape) * dtype.itemsize
        # One byte more than the header announces is enough to see that there is too much, however much there is.
        body = stream.read(wanted + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise DatasetError(f"{name} is a damaged gzip file ({error}): {_ADVICE}") from None
    if len(body) != wanted:
        came = "more" if len(body) > wanted else f"{len(body)}"
        raise DatasetError(f"{name} must have {wanted} bytes after its header, it has {came}: {_ADVICE}")
    array = np.frombuffer(body, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream, name: str) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DatasetError(
            f"{name} must begin with two zero bytes, as IDX files do, it begins with {magic!r}: {_ADVICE}"
        )
    type_byte, n_dimensions = magic[2], magic[3]
    if type_byte not in _TYPES:
        known = ", ".join(f"0x{known:02X}" for known in _TYPES)
        raise DatasetError(f"{name} has the unknown type byte 0x{type_byte:02X}, known are {known}: {_ADVICE}")
    if n_dimensions == 0:
        raise DatasetError(f"{name} states no dimension, it must state at least one: {_ADVICE}")
    sizes = stream.read(4 * n_dimensions)
    if len(sizes) < 4 * n_dimensions:
        raise DatasetError(f"{name} ends within its header of {n_dimensions} dimensions: {_ADVICE}")
    return np.dtype(_TYPES[type_byte]), tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
