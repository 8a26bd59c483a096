"""Pictures as strangers bring them, read by the real process."""

import ast
import io
import re
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitcore.errors import DatasetError, ServerBusy
from digitcore.images import pictures
from digitcore.images.pictures import PICTURE_SIDE, read_picture

ROOT = Path(__file__).parents[2]


def read(content, most_megapixels=10):
    return read_picture(content, most_megapixels=most_megapixels)


def file_of(picture, kind="PNG", **settings):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


def sheet(height=200, width=100):
    """A sheet of paper, 220, with a stroke, 40."""
    gray = np.full((height, width), 220, np.uint8)
    gray[height // 4 : 3 * height // 4, 45:55] = 40
    return gray


KINDS = {
    "PNG": ["L", "RGB", "P", "1", "RGBA", "LA"],
    "JPEG": ["L", "RGB", "CMYK"],
    "WEBP": ["L", "RGB", "RGBA"],
    "BMP": ["L", "RGB", "P", "1", "RGBA"],
    "GIF": ["L", "RGB", "P", "1", "RGBA"],
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind in KINDS for mode in KINDS[kind]])
def test_every_kind_of_picture_gives_its_grey_values(kind, mode):
    content = file_of(Image.fromarray(sheet()).convert(mode, dither=Image.Dither.NONE), kind, quality=95)
    gray = read(content)
    expected = np.where(sheet() > 127, 255, 0) if mode == "1" else sheet()
    assert gray.dtype == np.uint8
    assert np.abs(gray.astype(int) - expected).mean() < 3


def test_a_large_picture_is_made_small():
    gray = read(file_of(Image.new("RGB", (1600, 800), "white"), "JPEG"))
    assert gray.shape == (PICTURE_SIDE // 2, PICTURE_SIDE)
    assert gray.min() >= 254


@pytest.mark.parametrize("mode", ["1", "P", "L", "RGBA"])
def test_thin_strokes_survive_being_made_small(mode):
    # Two of sixteen columns are black: their mean is 7/8 of white.
    lines = np.full((1600, 1600), 255, np.uint8)
    lines[:, ::16] = lines[:, 1::16] = 0
    gray = read(file_of(Image.fromarray(lines).convert(mode)))
    assert gray.min() > 0
    assert gray.mean() == pytest.approx(255 * 7 / 8, abs=4)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_transparent_paper_is_white(kind):
    picture = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    picture.putpixel((10, 10), (0, 0, 0, 255))
    gray = read(file_of(picture, kind, lossless=True))
    assert (gray[0, 0], gray[10, 10]) == (255, 0)


def test_a_transparent_grey_value_is_white():
    gray = read(file_of(Image.fromarray(sheet()), transparency=220))
    assert set(np.unique(gray)) == {40, 255}


def test_a_scan_of_16_bits_keeps_its_grey_values():
    gray = read(file_of(Image.fromarray(sheet().astype(np.uint16) * 257)))
    assert abs(gray.astype(int) - sheet() * (255 / 220)).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_upright(kind):
    picture = Image.new("L", (40, 20), 255)
    turned = picture.getexif()
    turned[0x0112] = 6  # to be turned by 90 degrees
    assert read(file_of(picture, kind, exif=turned)).shape == (40, 20)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    frames = [Image.fromarray(np.full((20, 30), value, np.uint8)) for value in (200, 10, 100)]
    gray = read(file_of(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert np.abs(gray.astype(int) - 200).max() <= 2


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width, height):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def empty_png(width, height):
    """A PNG file of zeros, about a thousandth of its pixels."""
    packer = zlib.compressobj()
    rows = b"".join(packer.compress(bytes(1 + width * 3)) for _ in range(height)) + packer.flush()
    return png_header(width, height) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def huge_webp(width, height):
    content = file_of(Image.new("RGB", (1, 1)), "WEBP", lossless=True)
    bits = (width - 1) | (height - 1) << 14
    return content[:21] + struct.pack("<I", bits) + content[25:]


HUGE = {
    "PNG of 50 megapixels": empty_png(7071, 7071),
    "PNG just above": empty_png(4000, 2501),
    "PNG that states 4 gigapixels": png_header(65535, 65535) + chunk(b"IDAT", bytes(9)),
    "GIF of 50 megapixels": file_of(Image.new("1", (7071, 7071)), "GIF"),
    "GIF that states 4 gigapixels": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"\x2c" + bytes(4)
    + struct.pack("<HHB", 65535, 65535, 0) + b"\x08\x01\x00\x00\x3b",
    "WEBP of 268 megapixels": huge_webp(16384, 16384),
    "BMP of 50 megapixels": b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 7071, 7071, 1, 24, *[0] * 6),
    "JPEG of 50 megapixels": file_of(Image.new("L", (7071, 7071)), "JPEG"),
}  # fmt: skip


@pytest.mark.parametrize("content", HUGE.values(), ids=HUGE)
def test_a_picture_of_too_many_pixels_is_refused_and_takes_this_process_no_memory(content):
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak_of_this_process()
    with pytest.raises(DatasetError, match="^The picture has more than 10 million pixels: make it smaller.$"):
        read(content)
    assert peak_of_this_process() - before < 20_000_000


def peak_of_this_process():
    """The largest memory that this process has held, in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1000 * int(re.search(r"VmHWM:\s*(\d+)", status).group(1))


SHEET = Image.fromarray(sheet())
NO_PICTURES = {
    "nothing": b"",
    "text": b"not a picture",
    "text with the name of a picture": b"\x89PNG\r\n\x1a\n" + b"not a picture" * 100,
    "truncated PNG": file_of(SHEET)[:100],
    "truncated JPEG header": file_of(SHEET, "JPEG")[:100],
    "truncated GIF": file_of(SHEET, "GIF")[:30],
    "truncated WEBP": file_of(SHEET, "WEBP")[:60],
    "damaged PNG": file_of(SHEET)[:60] + b"garbage" + file_of(SHEET)[67:],
    "TIFF": file_of(SHEET, "TIFF"),
    "EPS": file_of(SHEET, "EPS"),
    "ICO": file_of(SHEET, "ICO"),
    "PPM": file_of(SHEET, "PPM"),
    "PDF": b"%PDF-1.4\n",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="/etc/passwd"/></svg>',
}


@pytest.mark.parametrize("content", NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_picture_is_told_with_what_is(content):
    with pytest.raises(DatasetError, match="^This file is not a picture .*: use a PNG, JPEG, WEBP, BMP or GIF file.$"):
        read(content)


def test_the_limit_of_pixels_is_the_servers():
    assert read(empty_png(100, 100), most_megapixels=0.01).shape == (100, 100)
    with pytest.raises(DatasetError, match="more than 0.01 million pixels"):
        read(empty_png(100, 101), most_megapixels=0.01)


TOO_COSTLY = "^Reading the picture takes too much memory or time: .*save it as a small PNG"


@pytest.fixture
def reader_that(monkeypatch, tmp_path):
    """Return a function that puts a program in the reader's place."""

    def put(program):
        path = tmp_path / "reader.py"
        path.write_text(program)
        monkeypatch.setattr(pictures, "_READER", path)

    return put


REAL = f"import runpy; runpy.run_path({str(pictures._READER)!r}, run_name='__main__')"


@pytest.mark.parametrize(
    "program",
    [
        f"import PIL.Image\nPIL.Image.open = lambda *a, **k: bytearray(1 << 40)\n{REAL}",
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass",
        "import os; os.kill(os.getpid(), 9)",
        "raise SystemExit(1)",
        "print('999 999')",
        "print('2 2'); print('xxxx')",
        "print('20 20' * 100)",
        "pass",
    ],
    ids=["memory", "CPU", "killed", "failed", "too short", "too long", "nonsense", "silent"],
)
def test_a_reader_that_fails_ends_in_one_sentence(reader_that, program):
    reader_that(program)
    with pytest.raises(DatasetError, match=TOO_COSTLY):
        read(b"anything")


def test_a_reader_that_hangs_is_ended(reader_that, monkeypatch, tmp_path):
    reader_that(f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    monkeypatch.setattr(pictures, "READ_SECONDS", 1.0)
    with pytest.raises(DatasetError, match=TOO_COSTLY):
        read(b"anything")
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()


def test_the_reader_lives_within_limits(tmp_path, reader_that):
    kinds = ("AS", "CPU", "CORE", "FSIZE")
    show = f"sys.stderr.write(str([resource.getrlimit(getattr(resource, 'RLIMIT_' + kind))[0] for kind in {kinds}]))"
    program = f"import atexit, resource, sys; atexit.register(lambda: {show}); {REAL}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "10000000", "400"], input=file_of(SHEET), capture_output=True
    )
    memory, *others = ast.literal_eval(done.stderr.decode())
    assert memory < 500_000_000
    assert others == [5, 0, 0]


def test_one_picture_is_read_at_a_time_and_the_others_wait(reader_that, tmp_path):
    lock = str(tmp_path / "lock")
    reader_that(
        f"import os, time; os.close(os.open({lock!r}, os.O_CREAT | os.O_EXCL)); time.sleep(0.2); os.unlink({lock!r}); "
        "print('1 1\\nx', end='')"
    )
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(read(b"").tolist())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[[ord("x")]]] * 4


def test_who_waits_too_long_is_told():
    with pictures._turn, pytest.raises(ServerBusy, match="busy with other people's pictures: try again"):
        read_picture(file_of(SHEET), most_megapixels=10, wait_seconds=0.05)
    assert read(file_of(SHEET)).shape == (200, 100)


def test_a_server_that_can_start_no_process_says_so(monkeypatch):
    monkeypatch.setattr(pictures.sys, "executable", "/no/python")
    with pytest.raises(ServerBusy, match="cannot be read just now .No such file"):
        read(b"")


def test_the_reader_imports_nothing_but_pillow():
    code = f"import runpy, sys; runpy.run_path({str(pictures._READER)!r}); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "scipy", "torch", "sklearn", "streamlit", "digitcore"} & set(modules.split())


@pytest.mark.parametrize("folder", ["digitcore", "pages"])
def test_no_other_code_decodes_a_picture(folder):
    opening = [path.name for path in sorted((ROOT / folder).rglob("*.py")) if "Image.open" in path.read_text()]
    assert opening == (["picture_reader.py"] if folder == "digitcore" else [])
