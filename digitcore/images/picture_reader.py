"""A short-lived process that turns a picture on its standard input into grey pixels on its standard output.

What a stranger's file does to the decoders of Pillow happens here, within limits of memory and time, and not in the
server. This file is run by its path and imports nothing but Pillow, so that it is up in a tenth of a second.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from typing import cast

from PIL import Image, ImageOps, WebPImagePlugin  # noqa: F401  (Pillow imports its WebP plugin late, with all others)

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
NO_PICTURE, TOO_LARGE = 3, 4
# Decoding takes up to 19 bytes a pixel, as measured over all formats and kinds of pixels.
MEMORY_BYTES, MEMORY_BYTES_PER_PIXEL = 128 << 20, 30
CPU_SECONDS = 5


def main(most_pixels: int, side: int) -> int:
    """Read a picture; write its width and height on a line and its grey pixels after it, and return the exit status."""
    _limit_this_process(MEMORY_BYTES + MEMORY_BYTES_PER_PIXEL * most_pixels)
    Image.MAX_IMAGE_PIXELS = most_pixels
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=FORMATS) as picture:
            gray = gray_picture(picture, side)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return TOO_LARGE
    except MemoryError:
        raise
    except Exception:  # a damaged file makes Pillow raise nearly anything
        return NO_PICTURE
    sys.stdout.buffer.write(b"%d %d\n" % gray.size + gray.tobytes())
    return 0


def gray_picture(picture: Image.Image, side: int) -> Image.Image:
    """Return the first frame in grey, upright, on white paper where it is transparent, at most ``side`` pixels a side.

    Parameters
    ----------
    picture : Image
        Opened and not decoded yet; it is changed.
    side : int
        Longest side of the result, in pixels.
    """
    picture.draft("L", (2 * side, 2 * side))  # a JPEG is decoded at a fraction of its size
    picture = _resizable(picture)
    picture.thumbnail((side, side))
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("L")


def _resizable(picture: Image.Image) -> Image.Image:
    """Return the picture in a mode whose pixels can be averaged."""
    if picture.mode.startswith(("I", "F")):
        # Scanners write 16 bits a pixel, of which Pillow would keep the darkest 256 grey values only.
        values = picture.convert("F")
        most = max(cast(tuple[float, float], values.getextrema())[1], 1)
        return values.point(lambda value: value * (255 / most)).convert("L")
    if picture.mode in ("1", "P", "PA") or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture


def _limit_this_process(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows, where the server's clock is the only limit
        return
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    for kind, amount in limits.items():
        with contextlib.suppress(ValueError, OSError):  # some systems know a limit and do not let it be set
            resource.setrlimit(kind, (amount, amount))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
