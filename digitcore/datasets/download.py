"""Fetch a file from its mirrors: resumed after a broken transfer, checked before it gets its name."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import lock_descriptor

from digitcore.datasets.packed import BLOCK, content_blocks, most_packed_bytes
from digitcore.errors import DatasetUnavailable

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Progress:
    """How far a download is.

    Attributes
    ----------
    file : str
        Name of the file.
    received_bytes : int
        Bytes on the disk.
    total_bytes : int or None
        Bytes in all, where the server says so.
    """

    file: str
    received_bytes: int
    total_bytes: int | None


@dataclass(frozen=True)
class Content:
    """What a file contains, gunzipped where it is gzipped.

    Attributes
    ----------
    sha256 : str
        SHA-256, 64 hexadecimal digits.
    n_bytes : int
        Size.
    """

    sha256: str
    n_bytes: int


class _TooLarge(Exception):
    """A server sent more than a file of the expected content can have."""


def sha256_of_content(path: Path, n_bytes: int) -> str:
    """Return the SHA-256 of a file's content, gunzipped where it is gzipped, as 64 hexadecimal digits.

    Parameters
    ----------
    path : Path
        The file.
    n_bytes : int
        Expected size of the content. Of longer content only the beginning is read, so that the sum is a wrong one.

    Raises
    ------
    OSError, EOFError, zlib.error
        If it cannot be read or is a damaged gzip file.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in content_blocks(file, n_bytes):
            digest.update(block)
    return digest.hexdigest()


def download(
    urls: Sequence[str],
    target: Path,
    *,
    expected: Content,
    progress: Callable[[Progress], None] = lambda progress: None,
    timeout: float = TIMEOUT_SECONDS,
) -> None:
    """Fetch ``target`` from the first of ``urls`` that serves it whole and right.

    What arrives goes into a ``.part`` file beside it. After a broken transfer that file is continued where the server
    allows it, else begun anew; only a checked file gets its final name.

    Parameters
    ----------
    urls : sequence of str
        Mirrors, http or https, in the order to try.
    target : Path
        Where the file goes; its directory is made.
    expected : Content
        What the file contains. A server that sends more than such a file can have is not listened to.
    progress : callable, optional
        Gets a :class:`Progress` after every block. What it raises ends the download and leaves the part file.
    timeout : float
        Seconds that a server may be silent.

    Raises
    ------
    DatasetUnavailable
        If no mirror serves the right file, or it cannot be written; the message says why.
    """
    problems = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _part_file(target) as part:
            for url in urls:
                problem = _try_mirror(url, part, target.name, expected, progress, timeout)
                if problem is None:
                    os.replace(part, target)
                    return
                problems.append(f"{url}: {problem}")
    except OSError as error:
        raise DatasetUnavailable(
            f"Cannot write {target} ({error.strerror or error}): make room or choose another directory with "
            "DIGITCORE_DATA."
        ) from error
    raise DatasetUnavailable(f"{target.name} could not be downloaded ({'; '.join(problems) or 'no mirror is known'}).")


@contextlib.contextmanager
def _part_file(target: Path) -> Iterator[Path]:
    """Yield the part file for this process alone; a second process meanwhile gets one of its own."""
    part, lock = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.lock")
    try:
        with lock.open("w") as handle:
            if not _is_first(handle.fileno()):
                part = target.with_name(f"{target.name}.{os.getpid()}.part")
            yield part
    finally:
        # Windows removes no open file, so another process that fetches the same file may leave its lock behind.
        if target.exists():
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)


def _is_first(lock: int) -> bool:
    try:
        return lock_descriptor(lock, blocking=False)
    except OSError:  # not every file system knows locks
        return False


def _try_mirror(url: str, part: Path, name: str, expected: Content, progress, timeout: float) -> str | None:
    """Fetch from one mirror; return what is wrong, or None when the part file is whole and right."""
    if not url.startswith(("http://", "https://")):
        return "only http and https are allowed"
    try:
        _transfer(url, part, _bounded(progress, name, most_packed_bytes(expected.n_bytes)), timeout)
    except _TooLarge as error:
        part.unlink(missing_ok=True)
        return str(error)
    except urllib.error.HTTPError as error:
        return f"the server answered {error.code}"
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        return f"the transfer broke off ({getattr(error, 'reason', None) or error or type(error).__name__})"
    try:
        came = sha256_of_content(part, expected.n_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        came = f"a damaged file ({error})"
    if came != expected.sha256:
        part.unlink(missing_ok=True)
        return f"the file is not the published one (SHA-256 {came[:12]}..., expected {expected.sha256[:12]}...)"
    return None


def _bounded(progress: Callable[[Progress], None], name: str, most_bytes: int) -> Callable[[int, int | None], None]:
    """Return a callback for received and total bytes that ends the transfer of a file with more than ``most_bytes``."""

    def check(received: int, total: int | None) -> None:
        if max(received, total or 0) > most_bytes:
            raise _TooLarge(f"the server sends more than the {most_bytes} bytes that the file can have")
        progress(Progress(name, received, total))

    return check


def _transfer(url: str, part: Path, progress: Callable[[int, int | None], None], timeout: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            return  # nothing is left to fetch: the check tells whether what is there is right
        raise
    with response:
        resumed = response.status == 206 and _starts_at(response.headers.get("Content-Range", ""), have)
        if have and response.status == 206 and not resumed:
            raise http.client.HTTPException("the server continued at the wrong place")
        start = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        _write_blocks(response, part, start, total, progress)


def _write_blocks(response, part: Path, start: int, total: int | None, progress) -> None:
    received = start
    with part.open("ab" if start else "wb") as file:
        while block := response.read1(BLOCK):
            file.write(block)
            received += len(block)
            progress(received, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and received < total:
        raise http.client.HTTPException(f"{received} of {total} bytes arrived")


def _starts_at(content_range: str, position: int) -> bool:
    return content_range.replace("bytes", "").strip().startswith(f"{position}-")
