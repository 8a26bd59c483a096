import gzip
import struct

import numpy as np
import pytest

from digitcore.datasets.idx import parse_idx, read_idx
from digitcore.errors import DatasetError


def idx(array, type_byte=0x08, code=">u1"):
    header = struct.pack(f">HBB{array.ndim}I", 0, type_byte, array.ndim, *array.shape)
    return header + array.astype(code).tobytes()


PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress], ids=["plain", "gzip"])
def test_what_was_written_is_read(tmp_path, pack):
    path = tmp_path / "file.whatever"
    path.write_bytes(pack(idx(PIXELS)))
    np.testing.assert_array_equal(read_idx(path), PIXELS)


@pytest.mark.parametrize(
    ("type_byte", "code"),
    [(0x08, ">u1"), (0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
def test_every_type_is_read_in_the_machines_byte_order(type_byte, code):
    values = np.array([1, 2, 100])
    array = parse_idx(idx(values, type_byte, code), "x")
    np.testing.assert_array_equal(array, values)
    assert array.dtype == np.dtype(code).newbyteorder("=")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x must begin with two zero bytes"),
        (b"\0\0", "x must begin with two zero bytes"),
        (b"\1" + idx(PIXELS)[1:], "x must begin with two zero bytes"),
        (idx(PIXELS, type_byte=0x0A), "x has the unknown type byte 0x0A"),
        (b"\0\0\x08\0", "x states no dimension"),
        (idx(PIXELS)[:9], "x ends within its header of 3 dimensions"),
        (idx(PIXELS)[:-1], "x must have 24 bytes after its header, it has 23"),
        (idx(PIXELS) + b"\0", "x must have 24 bytes after its header, it has more"),
        (gzip.compress(idx(PIXELS))[:-9], "x is a damaged gzip file"),
        (gzip.compress(idx(PIXELS))[:20] + b"junk" * 5, "x is a damaged gzip file"),
    ],
)
def test_every_fault_is_named_with_what_to_do(content, message):
    with pytest.raises(DatasetError, match=message) as caught:
        parse_idx(content, "x")
    assert "delete the file and get it again" in str(caught.value)


def test_a_bomb_is_not_unpacked():
    small = idx(np.zeros(4, np.uint8))
    with pytest.raises(DatasetError, match="it has more"):
        parse_idx(gzip.compress(small + bytes(50_000_000)), "x")
