"""What all visitors of a server share: the engine and the runner of experiments, one of each in this process.

They own processes and threads, so they are variables of this module, which Streamlit imports once: any visitor can have
Streamlit's caches emptied.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import pkgutil
import threading
from dataclasses import dataclass, field

import pages.parts
from digitcore.errors import DigitcoreError
from digitcore.experiments import ExperimentRunner
from digitcore.runs import Engine
from pages.parts import upkeep

log = logging.getLogger("digitcore.pages")

# What pages import on their way. Two threads that import scikit-learn at once can get half of it each.
_IMPORTED = ("altair", "sklearn.model_selection", "sklearn.decomposition", "digitcore.models.torch_network")


@dataclass
class _Shared:
    lock: threading.RLock = field(default_factory=threading.RLock)
    engine: Engine | None = None
    experiments: ExperimentRunner | None = None
    started: bool = False


_shared = _Shared()


def engine() -> Engine:
    """The one engine of this server.

    Raises
    ------
    DigitcoreError
        If the store cannot be opened; the next call tries again.
    """
    with _shared.lock:
        if _shared.engine is None:
            _shared.engine = Engine()
        return _shared.engine


def experiments() -> ExperimentRunner:
    """The one runner of experiments of this server.

    Raises
    ------
    DigitcoreError
        If the store cannot be opened; the next call tries again.
    """
    with _shared.lock:
        if _shared.experiments is None:
            _shared.experiments = ExperimentRunner(engine())
        return _shared.experiments


def start() -> None:
    """Start the workers, once, beside what else is going on: the first training need not wait for them."""
    with _shared.lock:
        if _shared.started:
            return
        _shared.started = True
    threading.Thread(target=_start_workers, name="start-engine", daemon=True).start()


def prepare() -> None:
    """Do before the first visitor comes what each one would wait for: start the workers, import what pages need."""
    start()
    # A fifth of the time for imports would go into looking for garbage that imports do not make.
    gc.disable()
    parts = (f"pages.parts.{part.name}" for part in pkgutil.iter_modules(pages.parts.__path__))
    for name in (*_IMPORTED, *parts):
        importlib.import_module(name)
    upkeep.keep_tidy()


def close() -> None:
    """End what runs for all visitors. Runs and experiments are kept as they stand."""
    with _shared.lock:
        closing = (_shared.experiments, _shared.engine)
        _shared.experiments = _shared.engine = None
        _shared.started = False
    for each in closing:
        if each is not None:
            each.close()


def _start_workers() -> None:
    # The page that needs the engine says what is wrong with it.
    with contextlib.suppress(DigitcoreError):
        engine().start()
        # Takes over what a killed server left half done.
        experiments()
