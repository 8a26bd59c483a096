"""A directory for the files of one embedded cluster that no other account can read, and that leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from filelock import lock_descriptor

_PREFIX = "digitcore-cluster-"
_LOCK = "lock"
# The path of a socket has 107 bytes at most, of which multiprocessing and the directory's own name take 59.
_LONGEST_PARENT = 48


class PrivateDirectory:
    """A new directory of mode 0700 under the system's temporary directory, locked for as long as it is in use.

    Directories of clusters that were killed are removed first: those of this account whose lock nobody holds. Where the
    system has no file locks, they stay.

    Attributes
    ----------
    path : Path
        The directory.
    lock : int
        Descriptor that holds the lock. A child process that inherits it keeps the directory from being removed.
    """

    def __init__(self):
        parent = _parent()
        _remove_leftovers(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self.lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            lock_descriptor(self.lock)
        except OSError:
            (self.path / _LOCK).unlink()  # with a lock that nobody holds, it would be a leftover

    def write(self, name: str, text: str) -> Path:
        """Write a new file of mode 0600 and return its path."""
        path = self.path / name
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)
        return path

    def remove(self) -> None:
        """Remove the directory with all files."""
        os.close(self.lock)  # Windows removes no open file
        shutil.rmtree(self.path, ignore_errors=True)


def _parent() -> Path:
    usual = tempfile.gettempdir()
    if os.name != "posix":
        return Path(usual)
    return Path(usual if len(os.fsencode(usual)) <= _LONGEST_PARENT else "/tmp")


def _remove_leftovers(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError):
            # Another account may have put a link there.
            if not _is_own(path.parent) or path.is_symlink():
                continue
            # A directory with nothing but its lock is about to be locked.
            if len(os.listdir(path.parent)) > 1 and _is_free(path):
                shutil.rmtree(path.parent, ignore_errors=True)


def _is_own(path: Path) -> bool:
    return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()


def _is_free(lock: Path) -> bool:
    handle = os.open(lock, os.O_RDWR)
    try:
        return lock_descriptor(handle, blocking=False)
    finally:
        os.close(handle)
