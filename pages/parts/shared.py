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
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

import pages.parts
from digitcore.errors import DigitcoreError, EngineError
from digitcore.experiments import ExperimentRunner
from digitcore.experiments.covered_runner import CoveredRunner
from digitcore.runs import Engine
from digitcore.runs.covering import CoveredEngine
from digitcore.runs.prediction import RunModel
from pages.parts import upkeep
from pages.parts.charts import n_bytes
from pages.parts.interval_cache import IntervalCache
from pages.parts.sized_cache import SizedCache

log = logging.getLogger("digitcore.pages")

# What pages import on their way. Two threads that import scikit-learn at once can get half of it each.
_IMPORTED = ("altair", "sklearn.model_selection", "sklearn.decomposition", "digitcore.models.torch_backend.network")

# A run is read again from its file in milliseconds, so what is kept need not be more than a class looks at.
MAX_ARRAY_BYTES, MAX_MODEL_BYTES, MAX_CHART_BYTES = 60_000_000, 30_000_000, 20_000_000
# Curves take 20 to 50 KB a chart: two of them for each of some three hundred visitors.
MAX_CURVE_BYTES = 30_000_000
# What a model takes beside its weights: torch's layers, and the plan of the network.
MODEL_BYTES = 20_000


@dataclass
class _Shared:
    lock: threading.RLock = field(default_factory=threading.RLock)
    engine: Engine | None = None
    covered_engine: CoveredEngine | None = None
    experiments: CoveredRunner | None = None
    # Of the locks of test parts, when what is in the caches was drawn.
    lock_state: Hashable = None
    started: bool = False
    ending: bool = False


_shared = _Shared()
# Of runs that have ended, by digest and time: their arrays, their models ready to be asked, and their charts.
arrays: SizedCache[Mapping[str, np.ndarray]] = SizedCache(
    MAX_ARRAY_BYTES, lambda arrays: sum(array.nbytes for array in arrays.values())
)
models: SizedCache[RunModel] = SizedCache(
    MAX_MODEL_BYTES, lambda model: model.spec.members * MODEL_BYTES + model.n_bytes
)

charts: SizedCache[dict[str, Any]] = SizedCache(MAX_CHART_BYTES, n_bytes)
# Apart from the others: those of a training have another chart after each epoch.
curves: SizedCache[dict[str, Any]] = SizedCache(MAX_CURVE_BYTES, n_bytes)
intervals = IntervalCache()


def engine() -> CoveredEngine:
    """The one engine of this server; its runs have no covered test figures.

    Raises
    ------
    DigitcoreError
        If the store cannot be opened; the next call tries again.
    """
    with _shared.lock:
        if _shared.ending:
            raise EngineError("The dashboard is being stopped: reload the page when it is started again.")
        if _shared.engine is None:
            _shared.engine = Engine()
            _shared.covered_engine = CoveredEngine(_shared.engine)
            _shared.lock_state = _shared.engine.part_locks.state
        _forget_what_was_drawn(_shared.engine.part_locks.state)
        return _shared.covered_engine


def _forget_what_was_drawn(lock_state: Hashable) -> None:
    """Empty the caches after a test part was locked, or figures were opened: they show what was drawn before."""
    if lock_state == _shared.lock_state:
        return
    _shared.lock_state = lock_state
    arrays.clear()
    charts.clear()
    curves.clear()
    st.cache_data.clear()
    st.cache_resource.clear()


def experiments() -> CoveredRunner:
    """The one runner of experiments of this server; their runs have no covered test figures.

    Raises
    ------
    DigitcoreError
        If the store cannot be opened; the next call tries again.
    """
    with _shared.lock:
        if _shared.experiments is None:
            engine()
            _shared.experiments = CoveredRunner(ExperimentRunner(_shared.engine))
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
    upkeep.bound_fragmentation()
    start()
    # A fifth of the time for imports would go into looking for garbage that imports do not make.
    gc.disable()
    parts = (part.name for part in pkgutil.walk_packages(pages.parts.__path__, "pages.parts."))
    for name in (*_IMPORTED, *parts):
        importlib.import_module(name)
    upkeep.keep_tidy()


def close(*, for_good: bool = False) -> None:
    """End what runs for all visitors. Runs and experiments are kept as they stand.

    Parameters
    ----------
    for_good : bool
        Start nothing again, whoever asks: the server ends.
    """
    with _shared.lock:
        _shared.ending = for_good
        closing = (_shared.experiments, _shared.engine)
        _shared.experiments = _shared.engine = _shared.covered_engine = None
        _shared.started = False
        arrays.clear()
        models.clear()
        charts.clear()
        curves.clear()
    for each in closing:
        if each is not None:
            each.close()


def _start_workers() -> None:
    # The page that needs the engine says what is wrong with it.
    with contextlib.suppress(DigitcoreError):
        engine().start()
        # Takes over what a killed server left half done.
        experiments()
