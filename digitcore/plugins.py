"""Data sets and models of your own, in every process of a server.

``DIGITCORE_PLUGINS`` names the modules that register them, separated by commas: they are imported by the server, by
each process that trains, and by whatever else uses specs. A module is one that Python finds: in the working directory,
in ``PYTHONPATH``, or installed. It may import :mod:`digitcore.datasets` and :mod:`digitcore.models`, which come before
specs.
"""

from __future__ import annotations

import importlib
import logging
import os

from digitcore.errors import InvalidSetting

log = logging.getLogger(__name__)

VARIABLE = "DIGITCORE_PLUGINS"
_loaded: set[str] = set()


def load_plugins() -> None:
    """Import the modules that ``DIGITCORE_PLUGINS`` names, each once.

    Raises
    ------
    InvalidSetting
        If one cannot be imported; its own error is the cause.
    """
    for name in filter(None, (part.strip() for part in os.environ.get(VARIABLE, "").split(","))):
        if name in _loaded:
            continue
        # Before its import: what it imports itself may ask for the plugins again.
        _loaded.add(name)
        try:
            importlib.import_module(name)
        except Exception as error:
            raise InvalidSetting(
                f"{VARIABLE} names the module {name!r}, which cannot be imported ({type(error).__name__}: {error}): "
                "correct it, or take it out of the variable"
            ) from error
