"""WeightsFiles: one safetensors file per run, in a directory whose size can be limited."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load as load_tensors

from digitcore.errors import InvalidSetting, StoreError

log = logging.getLogger(__name__)

# A file that was read so lately is not marked as read again.
OPENED_SECONDS = 60.0
# A file that is still being written after so long was left by a killed server.
_ABANDONED_SECONDS = 3600.0
_WRITING = ".writing-"


class WeightsFiles:
    """The weights files of runs.

    A file's modification time is when it was last opened, read or written; so no read waits for the database.

    Parameters
    ----------
    directory : Path
        Where the files are; it exists.
    """

    def __init__(self, directory: Path):
        self.directory = directory

    def path(self, digest: str) -> Path:
        """Return the path of a run's file, which need not exist."""
        if not isinstance(digest, str) or not digest.isalnum():
            raise InvalidSetting(f"A run's digest is a text of letters and digits only, got {digest!r}")
        return self.directory / f"{digest}.safetensors"

    def write(self, digest: str, tensors: bytes) -> None:
        """Write a run's arrays, given in safetensors format."""
        _write_atomically(self.path(digest), tensors)

    def load(self, digest: str) -> dict[str, np.ndarray]:
        """Return a run's arrays by name.

        Raises
        ------
        StoreError
            If there are none, or the file is damaged.
        """
        path = self.path(digest)
        try:
            tensors = load_tensors(path.read_bytes())
        except FileNotFoundError:
            raise StoreError(f"The weights of run {digest} are gone from {path.parent}: train it again.") from None
        except (SafetensorError, OSError, ValueError) as error:
            raise StoreError(f"The weights file {path} cannot be read ({error}): train the run again.") from None
        _mark_as_opened(path)
        return tensors

    def is_whole(self, digest: str) -> bool:
        """Return True if a run's file is there and was not cut short."""
        try:
            with safe_open(self.path(digest), "numpy"):
                return True
        except (SafetensorError, OSError, ValueError):
            return False

    def has_group(self, digest: str, group: str) -> bool:
        """Return True if a run's file is there and has arrays whose names begin with a group's; only these are read."""
        try:
            with safe_open(self.path(digest), "numpy") as file:
                return any(name.startswith(f"{group}.") for name in file.keys())  # noqa: SIM118 (it is no mapping)
        except (SafetensorError, OSError, ValueError):
            return False

    def trim(self, max_bytes: float, keep: Collection[str] = ()) -> list[str]:
        """Remove the files unopened for longest until the others take ``max_bytes`` at most; return their digests.

        Parameters
        ----------
        max_bytes : float
            How many bytes all files together may take.
        keep : collection of str
            Digests of runs whose files stay in any case.
        """
        self._remove_abandoned()
        files = [(path, path.stat()) for path in self.directory.glob("*.safetensors")]
        n_bytes = sum(status.st_size for _, status in files)
        removed, n_removed_bytes = [], 0
        for path, status in sorted(files, key=lambda file: file[1].st_mtime):
            if n_bytes - n_removed_bytes <= max_bytes:
                break
            if path.stem not in keep:
                path.unlink(missing_ok=True)
                removed.append(path.stem)
                n_removed_bytes += status.st_size
        if removed:
            log.warning(
                "Removed the weights of %d runs, those unopened for longest: %d bytes, so that all take at most %d: %s",
                len(removed),
                n_removed_bytes,
                max_bytes,
                ", ".join(removed),
            )
        return removed

    def remove(self, digest: str, unused_since: float) -> None:
        """Remove a run's file, if there is one, unless it was opened or written after a time in seconds since 1970."""
        path = self.path(digest)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime <= unused_since:
                path.unlink()

    def _remove_abandoned(self) -> None:
        for path in self.directory.glob(f"{_WRITING}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()


def _mark_as_opened(path: Path) -> None:
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > OPENED_SECONDS:
            os.utime(path)


def _write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside ``path`` and rename, so that no reader ever sees half a file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_WRITING, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
