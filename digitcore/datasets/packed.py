"""The content of a file that may be gzipped, read in blocks and never without end."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO

BLOCK = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"


def most_packed_bytes(most_bytes: int) -> int:
    """Return the size that no gzip file of ``most_bytes`` of content needs to exceed, in bytes.

    Deflate stores what does not shrink with five bytes per block of at most 64 KiB; the rest is room for a header.
    """
    return most_bytes + most_bytes // 1000 + BLOCK


def content_blocks(file: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    """Yield the content of ``file`` in blocks of at most 64 KiB, unpacked if the file is gzipped.

    Parameters
    ----------
    file : binary file
        Read from where it stands; gzip is recognised by its first two bytes.
    most_bytes : int
        Expected size of the content. Reading ends with the first block that exceeds it, so that the caller sees that
        there is too much, however much there is.

    Raises
    ------
    OSError, EOFError, zlib.error
        If the file cannot be read, or is a damaged gzip file: truncated, with a wrong check sum, with anything after
        its end, or larger than ``most_bytes`` of content can be.
    """
    first = file.read(BLOCK)
    blocks = _unpacked(file, first, most_packed_bytes(most_bytes)) if first[:2] == _GZIP_MAGIC else _plain(file, first)
    n_bytes = 0
    for block in blocks:
        yield block
        n_bytes += len(block)
        if n_bytes > most_bytes:
            return


def _plain(file: BinaryIO, block: bytes) -> Iterator[bytes]:
    while block:
        yield block
        block = file.read(BLOCK)


# zlib itself reads the gzip header: Python's GzipFile would take a file name of many megabytes byte by byte.
def _unpacked(file: BinaryIO, packed: bytes, most_packed: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    n_packed = len(packed)
    while not unpacker.eof:
        block = unpacker.decompress(packed, BLOCK)
        packed = unpacker.unconsumed_tail
        if not packed and not unpacker.eof:
            packed = file.read(BLOCK)
            n_packed += len(packed)
        if n_packed > most_packed:
            raise gzip.BadGzipFile(f"it has more than {most_packed} bytes")
        if block:
            yield block
        elif not packed and not unpacker.eof:
            raise EOFError("it ends before its content does")
    if unpacker.unused_data or file.read(1):
        raise gzip.BadGzipFile("something follows its end")
