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
import sys

from digitcore.datasets.registry import datasets_kept_on_failure
from digitcore.errors import InvalidSetting
from digitcore.models.registry import models_kept_on_failure

log = logging.getLogger(__name__)

VARIABLE = "DIGITCORE_PLUGINS"
_loaded: set[str] = set()


def load_plugins() -> None:
    """Import the modules that ``DIGITCORE_PLUGINS`` names, each once.

    Raises
    ------
    InvalidSetting
        If one cannot be imported; its own error is the cause, and what it had registered is taken back.
    """
    for name in filter(None, (part.strip() for part in os.environ.get(VARIABLE, "").split(","))):
        if name in _loaded:
            continue
        # Before its import: what it imports itself may ask for the plugins again.
        _loaded.add(name)
        try:
            with datasets_kept_on_failure(), models_kept_on_failure():
                importlib.import_module(name)
        except Exception as error:
            # Asked for again, it is imported again, as a whole.
            _loaded.discard(name)
            for part in [part for part in sys.modules if part == name or part.startswith(f"{name}.")]:
                del sys.modules[part]
            raise InvalidSetting(
                f"{VARIABLE} names the module {name!r}, which cannot be imported ({type(error).__name__}: {error}): "
                "correct it, or take it out of the variable"
            ) from error
