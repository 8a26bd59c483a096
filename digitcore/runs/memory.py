"""A limit on the memory of what runs in an embedded worker, which ends in one sentence instead of a dead machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from distributed import get_worker

from digitcore.errors import OutOfMemory

try:
    import resource
except ImportError:  # not on Windows, where dask's nanny is the only limit
    resource = None


def within_memory(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what ``function`` returns, called with the worker's memory limit in force.

    The limit of dask's nanny alone is no protection: it looks a few times a second, and a training asks for gigabytes
    in less. Memory that the system refuses is told at once, by the very step that asks for it.

    Raises
    ------
    OutOfMemory
        If it needs more. A new process takes the worker's place then: in this one, what is left between the pieces
        that were freed would count against the next training.
    """
    worker = get_worker()
    limit = getattr(worker, "data_limit", None)
    try:
        with _limited(limit):
            return function(*arguments)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # Out here nothing refers to the function's memory any more; dask would keep it with the error's traceback.
    if limit is not None:
        worker.replace_soon()
    raise OutOfMemory(limit)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the system refused memory; an accelerator's memory is another matter."""
    return isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error)


@contextlib.contextmanager
def _limited(limit: int | None) -> Iterator[None]:
    """Limit what this process may allocate; not after the block, so that the worker can always answer."""
    if limit is None or resource is None:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
