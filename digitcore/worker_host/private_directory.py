"""A directory for the files of one embedded cluster that no other account can read, and that leaves nothing behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "digitcore-cluster-"
_LOCK = "lock"
# The path of a socket has 107 bytes at most, of which multiprocessing and the directory's own name take 59.
_LONGEST_PARENT = 48


class PrivateDirectory:
    """A new directory of mode 0700 under the system's temporary directory, locked for as long as it is in use.

    Directories of clusters that were killed are removed first: those of this account whose lock nobody holds.

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
        # Locked before it has its name: a directory with a free lock is always a leftover.
        unlocked = self.path / "unlocked"
        self.lock = os.open(unlocked, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        unlocked.rename(self.path / _LOCK)

    def write(self, name: str, text: str) -> Path:
        """Write a new file of mode 0600 and return its path."""
        path = self.path / name
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)
        return path

    def remove(self) -> None:
        """Remove the directory with all files."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def _parent() -> Path:
    usual = tempfile.gettempdir()
    return Path(usual if len(os.fsencode(usual)) <= _LONGEST_PARENT else "/tmp")


def _remove_leftovers(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError):
            # Another account may have put a link there.
            if path.parent.lstat().st_uid != os.getuid() or path.is_symlink():
                continue
            handle = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent, ignore_errors=True)
            finally:
                os.close(handle)
