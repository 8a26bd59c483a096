import gzip
import struct
import tracemalloc
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitcore.datasets.idx import MOST_BYTES, parse_idx, read_idx
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
        (b"\0\0\x08\0", "x must state 1 to 4 dimensions, it states 0"),
        (idx(PIXELS)[:9], "x ends within its header of 3 dimensions"),
        (idx(PIXELS)[:-1], "x must have 24 bytes after its header, it has 23"),
        (idx(PIXELS) + b"\0", "x must have 24 bytes after its header, it has more"),
        (gzip.compress(idx(PIXELS), mtime=0)[:-9], "x is a damaged gzip file"),
        (gzip.compress(idx(PIXELS), mtime=0)[:20] + b"junk" * 5, "x is a damaged gzip file"),
    ],
)
def test_every_fault_is_named_with_what_to_do(content, message):
    with pytest.raises(DatasetError, match=message) as caught:
        parse_idx(content, "x")
    assert "delete the file and get it again" in str(caught.value)


def header(type_byte, *shape, n_dimensions=None, order=">"):
    """The header of an IDX file, true or not."""
    return struct.pack(
        f"{order}HBB{len(shape)}I", 0, type_byte, len(shape) if n_dimensions is None else n_dimensions, *shape
    )


HUGE = 2**32 - 1
WHOLE = gzip.compress(idx(PIXELS), mtime=0)
BAD_FILES = {
    "two huge dimensions": header(0x08, HUGE, HUGE),
    "four huge dimensions of eight bytes": header(0x0E, HUGE, HUGE, HUGE, HUGE),
    "a huge number of images": header(0x08, HUGE, 28, 28) + bytes(1000),
    "little-endian": header(0x08, 60_000, 28, 28, order="<") + bytes(1000),
    "65 dimensions of 1": header(0x08, *[1] * 65) + b"\7",
    "255 dimensions of 1": header(0x08, *[1] * 255) + b"\7",
    "255 huge dimensions": header(0x0E, *[HUGE] * 255),
    "five dimensions": header(0x08, *[1] * 5) + b"\7",
    "zero times huge": header(0x08, 0, HUGE, HUGE),
    "huge times zero": header(0x0E, HUGE, HUGE, HUGE, 0),
    "no image": header(0x08, 0, 28, 28),
    "one terabyte": header(0x08, 1 << 20, 1 << 10, 1 << 10) + bytes(1000),
    "just above the limit": header(0x08, MOST_BYTES) + bytes(1000),
    "more dimensions than sides": header(0x08, 2, 3, n_dimensions=3),
    "garbage after gzip": WHOLE + b"garbage",
    "zeros after gzip": WHOLE + bytes(512),
    "a second gzip file after the first": WHOLE + WHOLE,
    "gzip with a wrong check sum": WHOLE[:-8] + bytes([WHOLE[-8] ^ 1]) + WHOLE[-7:],
    "gzip with a wrong length": WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]),
    "gzip without its check sum": WHOLE[:-8],
    "gzip that ends in its header": WHOLE[:9],
    "gzip of another method": WHOLE[:2] + b"\7" + WHOLE[3:],
    "gzip with a file name that never ends": b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 1_000_000,
    "gzip of gzip": gzip.compress(WHOLE, mtime=0),
}
PACKED_BAD_FILES = {f"gzip of {name}": gzip.compress(content, mtime=0) for name, content in BAD_FILES.items()}


@pytest.mark.parametrize(
    "content", [*BAD_FILES.values(), *PACKED_BAD_FILES.values()], ids=[*BAD_FILES, *PACKED_BAD_FILES]
)
def test_a_bad_file_ends_in_one_sentence_and_takes_no_memory(tmp_path, content):
    path = tmp_path / "bad"
    path.write_bytes(content)
    with (
        peak_of_memory() as peak,
        pytest.raises(DatasetError, match=r"^\S*bad [^\n]*: delete the file and get it again$"),
    ):
        read_idx(path)
    assert peak() < 3_000_000


@contextmanager
def peak_of_memory():
    """Yield a function that tells the largest memory that Python has allocated since, in bytes."""
    tracemalloc.start()
    try:
        yield lambda: peak
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(shape, n_bytes):
    """A gzip file of zeros, about a thousandth of ``n_bytes``."""
    packer = zlib.compressobj(wbits=31)
    parts = [packer.compress(header(0x08, *shape))]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(n_bytes >> 20)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize("shape", [(4,), (200 << 20,), (300 << 20,)], ids=["more than stated", "as stated", "too much"])
def test_a_bomb_is_not_unpacked(shape):
    content = bomb(shape, 300 << 20)
    with peak_of_memory() as peak, pytest.raises(DatasetError, match="it has more|at most 1000000 are read"):
        parse_idx(content, "x", most_bytes=1_000_000)
    assert peak() < 3_000_000


def test_a_gzip_file_that_never_yields_anything_is_left_off():
    nothing = zlib.compressobj(wbits=31)
    empty = b"\0\0\0\xff\xff"  # a stored block of no bytes
    content = nothing.compress(b"") + empty * 200_000
    with pytest.raises(DatasetError, match="x is a damaged gzip file .it has more than"):
        parse_idx(content, "x", most_bytes=100_000)


@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress], ids=["plain", "gzip"])
def test_an_array_of_the_largest_size_is_read(pack):
    content = idx(PIXELS)
    np.testing.assert_array_equal(parse_idx(pack(content), "x", most_bytes=len(content)), PIXELS)
    with pytest.raises(DatasetError, match="x states 2 × 3 × 4 values, 24 bytes, but at most 39 are read"):
        parse_idx(pack(content), "x", most_bytes=len(content) - 1)


@pytest.mark.parametrize("level", [0, 1, 9])
def test_random_bytes_survive_gzip_at_every_level(rng, level):
    values = rng.integers(0, 256, 200_000).astype(np.uint8)
    np.testing.assert_array_equal(parse_idx(gzip.compress(idx(values), level), "x", most_bytes=200_008), values)


def test_long_runs_survive_gzip():
    # Their unpacked blocks end in the middle of what a single code stands for.
    values = np.zeros(3_000_001, np.uint8)
    np.testing.assert_array_equal(parse_idx(gzip.compress(idx(values)), "x"), values)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DatasetError, match=f"{path} cannot be read .*: check that it is a file"):
            read_idx(path)


def read_or_refuse(content):
    """Read hostile bytes: either they are an array or DatasetError is raised, and little memory is taken."""
    try:
        array = parse_idx(content, "x", most_bytes=100_000)
    except DatasetError as error:
        assert "\n" not in str(error)
        return None
    assert array.nbytes <= 100_000
    return array


FUZZED = settings(max_examples=1500, deadline=None, derandomize=True)
SIDES = st.one_of(st.integers(0, 5), st.sampled_from([HUGE, 2**31, 2**16, 2**16 - 1, 1 << 24]), st.integers(0, HUGE))
HEADERS = st.builds(
    lambda kind, shape, order, stated: header(kind, *shape, n_dimensions=stated, order=order),
    st.one_of(st.sampled_from([0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E]), st.integers(0, 255)),
    st.lists(SIDES, max_size=80),
    st.sampled_from("><"),
    st.one_of(st.none(), st.integers(0, 255)),
)
FILES = st.builds(lambda head, body: head + body, HEADERS, st.binary(max_size=400))


@FUZZED
@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda tail: b"\x1f\x8b\x08" + tail)))
def test_random_bytes_are_read_or_refused(content):
    read_or_refuse(content)


@FUZZED
@given(FILES)
def test_any_header_is_read_or_refused(content):
    read_or_refuse(content)


@FUZZED
@given(FILES, st.integers(0, 9))
def test_any_header_in_gzip_is_treated_as_without(content, level):
    plain, packed = read_or_refuse(content), read_or_refuse(gzip.compress(content, level))
    np.testing.assert_array_equal(plain, packed)


VALID = st.builds(
    lambda kind, shape, values: idx(np.resize(np.frombuffer(values, np.uint8), shape), kind[0], kind[1]),
    st.sampled_from([(0x08, ">u1"), (0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]),
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.binary(min_size=1, max_size=50),
)


@FUZZED
@given(VALID, st.booleans(), st.data())
def test_a_changed_file_is_read_or_refused(content, packed, data):
    content = bytearray(gzip.compress(content) if packed else content)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(content)))
    read_or_refuse(bytes(content[:end]) + data.draw(st.binary(max_size=20)))
    read_or_refuse(bytes(content))
