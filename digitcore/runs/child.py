"""A function in a process of its own, which can be ended at any moment."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from digitcore.errors import EngineError
from digitcore.models.pauses import pause

_POLL_SECONDS, _WATCH_SECONDS = 0.05, 0.5
# Trainings come first, and one thread disturbs them least.
_NICENESS = 19
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def run_in_child(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Return ``function(*arguments)`` as a new process of one thread and lowest priority computes it.

    Parameters
    ----------
    function, arguments
        What to compute; importable and serialisable.

    Raises
    ------
    EngineError
        If the process was killed from elsewhere. What the function raises is raised here; so is what a pause
        (:mod:`digitcore.models.pauses`) raises, and the process is killed then.
    """
    with tempfile.TemporaryFile() as question, tempfile.TemporaryFile() as answer:
        pickle.dump((function, arguments), question)
        question.seek(0)
        command = [sys.executable, "-c", f"from {__name__} import answer; answer({os.getpid()})"]
        environment = os.environ | _ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with subprocess.Popen(command, stdin=question, stdout=answer, env=environment) as process:
            try:
                _wait(process)
            finally:
                process.kill()
        if process.returncode:
            raise EngineError(
                f"The computation's process ended too early (exit status {process.returncode}), most likely for lack "
                "of memory: try it again with fewer images."
            )
        answer.seek(0)
        succeeded, result = pickle.load(answer)
    if not succeeded:
        raise result
    return result


def _wait(process: subprocess.Popen[bytes]) -> None:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
            return
        pause()


def answer(parent: int) -> None:
    """Compute what stands on standard input and write the result to standard output, for the process ``parent``."""
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    if hasattr(os, "nice"):  # not on Windows
        os.nice(_NICENESS)
    output = os.dup(1)
    # What a library prints is no part of the answer.
    os.dup2(2, 1)
    function, arguments = pickle.load(sys.stdin.buffer)
    try:
        outcome = True, function(*arguments)
    except Exception as error:
        outcome = False, error
    with open(output, "wb") as file:
        pickle.dump(outcome, file)


def end_with(parent: int) -> None:
    """End this process when its parent, whose process id is given, has ended: a killed process ends no children."""
    while _is_alive(parent):
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _is_alive(parent: int) -> bool:
    if os.name == "posix":
        return os.getppid() == parent
    # On Windows a process keeps the id of a dead parent, and a virtual environment's launcher stands between the two.
    return psutil.pid_exists(parent)
