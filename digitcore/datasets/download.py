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

from digitcore.errors import DatasetUnavailable

TIMEOUT_SECONDS = 20.0
_BLOCK = 1 << 16


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


def sha256_of_content(path: Path) -> str:
    """Return the SHA-256 of a file's content, gunzipped where it is gzipped, as 64 hexadecimal digits.

    Raises
    ------
    OSError, EOFError, zlib.error
        If it cannot be read or is a damaged gzip file.
    """
    digest = hashlib.sha256()
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        with gzip.GzipFile(fileobj=raw) if packed else contextlib.nullcontext(raw) as content:
            while block := content.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def download(
    urls: Sequence[str],
    target: Path,
    *,
    sha256: str,
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
    sha256 : str
        SHA-256 of the content, gunzipped where it is gzipped.
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
                problem = _try_mirror(url, part, target.name, sha256, progress, timeout)
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
    with lock.open("w") as handle:
        try:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (ImportError, BlockingIOError):
            part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            yield part
        finally:
            if target.exists():
                lock.unlink(missing_ok=True)


def _try_mirror(url: str, part: Path, name: str, sha256: str, progress, timeout: float) -> str | None:
    """Fetch from one mirror; return what is wrong, or None when the part file is whole and right."""
    if not url.startswith(("http://", "https://")):
        return "only http and https are allowed"
    try:
        _transfer(url, part, name, progress, timeout)
    except urllib.error.HTTPError as error:
        return f"the server answered {error.code}"
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        return f"the transfer broke off ({getattr(error, 'reason', None) or error or type(error).__name__})"
    try:
        came = sha256_of_content(part)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        came = f"a damaged file ({error})"
    if came != sha256:
        part.unlink(missing_ok=True)
        return f"the file is not the published one (SHA-256 {came[:12]}..., expected {sha256[:12]}...)"
    return None


def _transfer(url: str, part: Path, name: str, progress, timeout: float) -> None:
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
        _write_blocks(response, part, start, total, name, progress)


def _write_blocks(response, part: Path, start: int, total: int | None, name: str, progress) -> None:
    received = start
    with part.open("ab" if start else "wb") as file:
        while block := response.read1(_BLOCK):
            file.write(block)
            received += len(block)
            progress(Progress(name, received, total))
        file.flush()
        os.fsync(file.fileno())
    if total is not None and received < total:
        raise http.client.HTTPException(f"{received} of {total} bytes arrived")


def _starts_at(content_range: str, position: int) -> bool:
    return content_range.replace("bytes", "").strip().startswith(f"{position}-")
