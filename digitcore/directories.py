"""Where the product writes, and where it looks for data sets."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home_directory() -> Path:
    """Return the directory for all that is written: ``DIGITCORE_HOME``, else the user's data directory."""
    given = os.environ.get("DIGITCORE_HOME")
    return Path(given).expanduser() if given else Path(platformdirs.user_data_dir("digitcore"))


def data_directory() -> Path:
    """Return the directory of the data sets: ``DIGITCORE_DATA``, else ``datasets/`` in the home directory."""
    given = os.environ.get("DIGITCORE_DATA")
    return Path(given).expanduser() if given else home_directory() / "datasets"
