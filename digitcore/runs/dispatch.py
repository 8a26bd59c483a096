"""Which of the waiting tasks begins next, so that no visitor's work keeps another visitor waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# A training that somebody watches, on one thread or on several; a computation beside the trainings (a range test, a
# map, a search of labels); a member of an experiment.
Kind = Literal["quick", "large", "computation", "background"]
FOREGROUND: frozenset[str] = frozenset({"quick", "large"})
BACKGROUND: frozenset[str] = frozenset({"computation", "background"})


@dataclass(frozen=True)
class Task:
    """What waits or runs.

    Attributes
    ----------
    key : str
        Names it.
    kind : {"quick", "large", "computation", "background"}
        What it is.
    visitors : frozenset of str
        Who has asked for it; empty for calls from Python and for members of experiments.
    """

    key: str
    kind: Kind
    visitors: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Places:
    """How many tasks may run at a time.

    Attributes
    ----------
    total : int
        Of all kinds.
    not_quick : int
        All but quick trainings: less than ``total`` where there are enough places, so that a quick one begins at once.
    background : int
        Computations and members of experiments: less again, so that a large training begins at once, too.
    """

    total: int
    not_quick: int
    background: int

    def within(self, n_workers: int) -> Places:
        """Return these places with no more than so many workers: all but the last are for what is not quick."""
        most = min(n_workers, max(1, n_workers - 1))
        return Places(min(self.total, n_workers), min(self.not_quick, most), min(self.background, most))


def places_of_machine(n_workers: int) -> Places:
    """Return the places of worker processes on this machine: two more than are kept busy by an experiment.

    Parameters
    ----------
    n_workers : int
        Processes that an experiment keeps busy, at least 1.
    """
    return Places(n_workers + 2, n_workers + 1, n_workers)


def places_of_cluster(n_threads: int) -> Places:
    """Return the places of a cluster with so many threads: one or two are kept free where there are enough."""
    if n_threads < 3:
        return Places(n_threads, n_threads, n_threads)
    n_free = 1 if n_threads < 6 else 2
    return Places(n_threads, n_threads - 1, n_threads - n_free)


class Queue:
    """Decides in which order tasks begin.

    Trainings that somebody watches go first. Among them, and among the others, goes first what was asked for by the
    visitor who has the fewest at work, then by the one who was served longest ago, then what came first.

    Parameters
    ----------
    max_running_per_visitor : int
        Watched trainings of one visitor that run at a time.
    """

    def __init__(self, max_running_per_visitor: int):
        self._most = max_running_per_visitor
        self._served: dict[str, int] = {}
        self._n_served = 0

    def next(self, waiting: Sequence[Task], running: Sequence[Task], places: Places) -> Task | None:
        """Return the task that begins now, or None if there is no place for any.

        Parameters
        ----------
        waiting : sequence of Task
            In the order in which they came.
        running : sequence of Task
            At work now.
        places : Places
            Limits.
        """
        if len(running) >= places.total:
            return None
        kinds = Counter(task.kind for task in running)
        at_work = _at_work(running)
        fitting = [task for task in waiting if self._fits(task, kinds, at_work, places)]
        # Where places are kept free, the last one is for somebody who has nothing running.
        if places.total > places.not_quick and len(running) == places.total - 1:
            busy = {visitor for task in running for visitor in task.visitors}
            fitting = [task for task in fitting if not task.visitors or task.visitors - busy]
        if not fitting:
            return None
        # min takes the first of equals: what came first.
        chosen = min(fitting, key=lambda task: self._rank(task, at_work))
        self._n_served += 1
        self._served.update(dict.fromkeys(chosen.visitors or {""}, self._n_served))
        return chosen

    def _fits(
        self, task: Task, kinds: Mapping[str, int], at_work: Mapping[tuple[bool, str], int], places: Places
    ) -> bool:
        n_background = sum(kinds[kind] for kind in BACKGROUND)
        if task.kind in BACKGROUND:
            return n_background < places.background and n_background + kinds["large"] < places.not_quick
        if task.kind == "large" and n_background + kinds["large"] >= places.not_quick:
            return False
        return not task.visitors or self._load(task, at_work) < self._most

    def _rank(self, task: Task, at_work: Mapping[tuple[bool, str], int]) -> tuple[bool, int, int]:
        served = min(self._served.get(visitor, 0) for visitor in task.visitors or {""})
        return task.kind not in FOREGROUND, self._load(task, at_work), served

    @staticmethod
    def _load(task: Task, at_work: Mapping[tuple[bool, str], int]) -> int:
        """Return how many tasks of the same group the task's least busy visitor has running."""
        group = task.kind in FOREGROUND
        return min(at_work.get((group, visitor), 0) for visitor in task.visitors or {""})


def _at_work(running: Iterable[Task]) -> Counter[tuple[bool, str]]:
    """Count the running tasks by group (foreground or not) and visitor."""
    return Counter((task.kind in FOREGROUND, visitor) for task in running for visitor in task.visitors or {""})
