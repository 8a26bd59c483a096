"""Data sets and models of your own, in every process of a server.

``DIGITCORE_PLUGINS`` names the modules that register them, separated by commas: they are imported by the server, by
each process that trains, and by whatever else uses specs. A module is one that Python finds: in the working directory,
in ``PYTHONPATH``, or installed.
"""

from __future__ import annotations

import importlib
import logging
import os

from digitcore.errors import InvalidSetting

log = logging.getLogger(__name__)

VARIABLE = "DIGITCORE_PLUGINS"


def load_plugins() -> None:
    """Import the modules that ``DIGITCORE_PLUGINS`` names, each once.

    Raises
    ------
    InvalidSetting
        If one cannot be imported; its own error is the cause.
    """
    for name in filter(None, (part.strip() for part in os.environ.get(VARIABLE, "").split(","))):
        try:
            importlib.import_module(name)
        except Exception as error:
            raise InvalidSetting(
                f"{VARIABLE} names the module {name!r}, which cannot be imported ({type(error).__name__}: {error}): "
                "mend it, or take it out of the variable"
            ) from error
