"""Pictures that visitors bring: decoded in a process of their own, one at a time, within limits."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from digitcore.errors import DatasetError, ServerBusy
from digitcore.images.picture_reader import NO_PICTURE, TOO_LARGE

# A photo is made this small at most before anything else: a stroke is still many pixels wide.
PICTURE_SIDE = 400
# The reader may compute for five seconds; a loaded machine takes its time to give it that.
READ_SECONDS, WAIT_SECONDS = 20.0, 20.0
_READER = Path(__file__).with_name("picture_reader.py")
_SIZE = re.compile(rb"(\d{1,3}) (\d{1,3})\n")

_turn = threading.BoundedSemaphore()


def read_picture(content: bytes, *, most_megapixels: float, wait_seconds: float = WAIT_SECONDS) -> np.ndarray:
    """Return a PNG, JPEG, WEBP, BMP or GIF file as grey values, upright; of several frames the first.

    Parameters
    ----------
    content : bytes
        The file. This process does not decode it.
    most_megapixels : float
        Pixels of a picture that is taken, in millions. Of a larger one only the header is read.
    wait_seconds : float
        How long to wait while other pictures are read, in seconds.

    Returns
    -------
    ndarray, uint8, (height, width)
        0 black to 255 white, at most 400 pixels a side. Where the picture is transparent, white paper shows.

    Raises
    ------
    DatasetError
        If this is no such file, it has too many pixels, or reading it takes too much memory or time.
    ServerBusy
        If other pictures keep the reader busy, or it cannot be started.
    """
    if not _turn.acquire(timeout=wait_seconds):
        raise ServerBusy("The server is busy with other people's pictures: try again in a moment.")
    try:
        answer = _ask_reader(content, most_megapixels)
    finally:
        _turn.release()
    if answer.returncode == NO_PICTURE:
        raise DatasetError("This file is not a picture that can be read: use a PNG, JPEG, WEBP, BMP or GIF file.")
    if answer.returncode == TOO_LARGE:
        raise DatasetError(f"The picture has more than {most_megapixels:g} million pixels: make it smaller.")
    gray = _gray_values(answer.stdout) if answer.returncode == 0 else None
    if gray is None:
        raise _too_costly()
    return gray


def _ask_reader(content: bytes, most_megapixels: float) -> subprocess.CompletedProcess:
    # Not multiprocessing, whose child processes run the main script again, and that is the dashboard.
    command = [sys.executable, "-P", str(_READER), str(round(most_megapixels * 1e6)), str(PICTURE_SIDE)]
    try:
        return subprocess.run(
            command, input=content, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=READ_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise _too_costly() from None
    except OSError as error:
        reason = error.strerror or error
        raise ServerBusy(f"The picture cannot be read just now ({reason}): try again later.") from error


def _gray_values(answer: bytes) -> np.ndarray | None:
    """Return the pixels in the reader's answer; None if it is not a whole one."""
    size = _SIZE.match(answer)
    if size is None:
        return None
    width, height = int(size[1]), int(size[2])
    values = np.frombuffer(answer, np.uint8, offset=size.end())
    return values.reshape(height, width) if values.size == width * height else None


def _too_costly() -> DatasetError:
    return DatasetError(
        "Reading the picture takes too much memory or time: open it in a picture editor and save it as a small PNG or "
        "JPEG file."
    )
