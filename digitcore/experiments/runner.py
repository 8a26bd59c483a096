"""ExperimentRunner: trains the members of experiments through an Engine, a few at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakKeyDictionary

from digitcore.errors import EngineError, InvalidSetting, NotAllowed, StoreError
from digitcore.experiments.experiment import Experiment, State, has_ended, members_of
from digitcore.experiments.halving import is_halving, possible_digests, possible_specs
from digitcore.experiments.plans import Member, Plan, plan_from_json
from digitcore.runs.engine import STARTED_BY_ANOTHER, Engine
from digitcore.runs.limits import check_experiment, may_stop, visitor_key
from digitcore.runs.run import Run
from digitcore.runs.store import SERVER_STOPPED, KeptExperiment

log = logging.getLogger(__name__)

TICK_SECONDS = 2.0
# A change of a run wakes the runner at once; this is for what nobody tells.
POLL_SECONDS = 0.5
# The experiments that a runner of this process has in hand, by the engine that trains them.
_RUNNING_HERE: WeakKeyDictionary[Engine, set[str]] = WeakKeyDictionary()
NO_WORKER = "The cluster has no worker at the moment: the experiment goes on as soon as one joins."


@dataclass
class _Running:
    """An experiment while it is in this process."""

    plan: Plan
    created_at: datetime
    seconds_before: float
    runs: dict[str, Run]
    # Whom the server's limits count it for; nobody where it was started from Python, or taken over from a server that
    # is no more.
    visitor: str = ""
    # Who started it, as the store keeps it, also where it was taken over.
    starter: str = ""
    since: float = field(default_factory=time.monotonic)
    # Each member is tried once: one that its user has stopped is not begun again.
    tried: set[str] = field(default_factory=set)
    at_work: frozenset[str] = frozenset()
    reason: str = ""
    ended: bool = False

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.monotonic() - self.since

    def waiting(self) -> Iterator[Member]:
        return (
            member
            for member in members_of(self.plan, self.runs)
            if not has_ended(member, self.runs) and member.digest not in self.tried
        )

    def snapshot(self, state: State = "running") -> Experiment:
        return Experiment(self.plan, state, self.reason, self.runs, self.seconds, self.created_at, starter=self.starter)


class ExperimentRunner:
    """Trains experiments and answers how they stand.

    No more members than there are places for the background are given to the engine at a time, in turn from all
    experiments that run: so a stop takes effect at once, a new worker is used at once, and a training of somebody else
    is never behind a long queue. Unfinished experiments of a dead server are resumed.

    Parameters
    ----------
    engine : Engine
        Who trains, and whose store keeps the experiments.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """

    def __init__(self, engine: Engine):
        self.engine = engine
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._cancelled: set[str] = set()
        self._next_tick = self._next_try = 0.0
        self._take_over()
        self._thread = threading.Thread(target=self._loop, name="experiments", daemon=True)
        self._thread.start()

    def __enter__(self) -> ExperimentRunner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, plan: Plan, visitor: str = "") -> Experiment:
        """Train the members of ``plan`` that are not trained yet, failed ones once more, and return how it stands.

        Of several servers on one store only one runs it; the others follow it through the store.

        Parameters
        ----------
        plan : Plan
            What to train.
        visitor : str
            Who asks: the server's limits hold for visitors. Empty for calls from Python, which have none.

        Raises
        ------
        LimitReached
            If a limit of the server forbids it.
        StoreError
            If the store cannot be read or written.
        """
        with self._lock:
            if plan.digest not in self._running and not self._claim(plan, visitor):
                return self.experiment(plan.digest)
            self._wake.set()
            return self._running[plan.digest].snapshot()

    def may_stop(self, experiment: Experiment, visitor: str) -> bool:
        """Return True if this visitor may stop an experiment: who started it may, and by the settings anyone.

        That holds on every server of the store, as long as a visitor's browser has one cookie for all of them.
        """
        return may_stop(experiment.starter, visitor_key(visitor), self.engine.settings)

    def stop(self, digest: str, visitor: str = "") -> None:
        """End an experiment; what its members have learned so far is kept, and it can be started again.

        A member that somebody else is waiting for goes on. An experiment that another server runs is stopped by that
        server, within seconds, or by the one that takes it over; one that has ended is left as it is.

        Parameters
        ----------
        digest : str
            Of its plan.
        visitor : str
            Who asks; empty for calls from Python.

        Raises
        ------
        NotAllowed
            If another visitor has started it, and only that one may stop it.
        StoreError
            If the store cannot be read or written.
        """
        running = self._running.get(digest)
        known = running if running is not None else self.engine.store.load_experiment(digest)
        if known is None:
            return
        if not may_stop(known.starter, visitor_key(visitor), self.engine.settings):
            raise NotAllowed(STARTED_BY_ANOTHER)
        if running is None:
            self.engine.store.request_experiment_stop(digest)
        else:
            self._stop(running)

    def experiment(self, digest: str) -> Experiment | None:
        """Return how the experiment of this digest stands, or None when there is none.

        Raises
        ------
        InvalidSetting
            If its plan is of a kind, or names a data set, that this version does not know.
        """
        running = self._running.get(digest)
        if running is not None:
            return running.snapshot()
        kept = self.engine.store.load_experiment(digest)
        if kept is None:
            return None
        plan = plan_from_json(kept.plan)
        runs = self.engine.runs(possible_digests(plan))
        stopping = kept.stop_requested and kept.state == "running"
        return Experiment(
            plan, kept.state, "", runs, kept.seconds, kept.created_at, starter=kept.starter, stopping=stopping
        )

    def active(self) -> list[Experiment]:
        """Return the experiments that run in this process, oldest first."""
        return [running.snapshot() for running in list(self._running.values())]

    def wait(self, digest: str, timeout: float | None = None) -> Experiment:
        """Block until the experiment has finished and return it.

        Raises
        ------
        InvalidSetting
            If there is no experiment of this digest.
        TimeoutError
            If it has not ended after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (experiment := self.experiment(digest)) is None or experiment.state == "running":
            if experiment is None:
                raise InvalidSetting(f"There is no experiment {digest!r}: start its plan first")
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Experiment {digest} has not ended after {timeout:g} seconds")
            self.engine.wait_for_change(0.1)
        return experiment

    def close(self) -> None:
        """Leave the experiments as they stand, for the next server on this store to take over."""
        self._closed = True
        self._wake.set()
        self._thread.join()
        _RUNNING_HERE.get(self.engine, set()).difference_update(self._running)

    def _claim(self, plan: Plan, visitor: str) -> bool:
        """Begin an experiment; False if another server runs it."""
        if visitor:
            n_own = sum(running.visitor == visitor for running in self._running.values())
            check_experiment(possible_specs(plan), len(plan.members), n_own, self.engine.settings)
        runs = self.engine.runs(possible_digests(plan))
        kept = {digest: run for digest, run in runs.items() if run.state != "failed"}
        store, engine = self.engine.store, self.engine
        row = (plan.digest, plan.KIND, plan.canonical_json, engine.owner)
        begun = store.begin_experiment(*row, starter=visitor_key(visitor), is_alive=engine.owner_is_alive)
        if begun:
            self._begin(plan, store.load_experiment(plan.digest), kept, visitor)
        return begun

    def _begin(self, plan: Plan, kept: KeptExperiment, runs: dict[str, Run], visitor: str = "") -> None:
        self._running[plan.digest] = _Running(plan, kept.created_at, kept.seconds, runs, visitor, kept.starter)
        _RUNNING_HERE.setdefault(self.engine, set()).add(plan.digest)

    def _take_over(self) -> None:
        store, engine = self.engine.store, self.engine
        here = _RUNNING_HERE.get(engine, set())
        taken = store.take_experiments(engine.owner, engine.owner_is_alive, here)
        if taken:
            # Else their members would still seem to be in training.
            store.close_orphans(engine.owner_is_alive)
        for digest in taken:
            kept = store.load_experiment(digest)
            try:
                plan = plan_from_json(kept.plan)
                self._begin(plan, kept, engine.runs(possible_digests(plan)))
            except InvalidSetting as problem:
                log.warning("The experiment %s cannot go on: %s", digest, problem)
                store.save_experiment(digest, state="stopped", seconds=kept.seconds)

    # The runner's own thread: the only one that changes what runs. Others see whole dictionaries and sets, replaced in
    # one step, so that no page waits for workers or for the disk.

    def _loop(self) -> None:
        while not self._closed:
            try:
                self._tick()
                self._turn()
            except Exception:  # the thread must outlive any surprise: without it every experiment would stand still
                log.exception("Unexpected error while running experiments")
                time.sleep(POLL_SECONDS)
            if self._running:
                self.engine.wait_for_change(POLL_SECONDS)
            else:
                self._wake.wait(TICK_SECONDS)
                self._wake.clear()

    def _tick(self) -> None:
        now = time.monotonic()
        if now < self._next_tick:
            return
        self._next_tick = now + TICK_SECONDS
        try:
            with self._lock:
                for digest, running in self._running.items():
                    self.engine.store.save_experiment(digest, state="running", seconds=running.seconds)
                self._take_over()
            self._stop_requested()
        except StoreError as problem:
            log.warning("%s", problem)

    def _stop_requested(self) -> None:
        """Stop what another server was asked to stop, also what was just taken over, before it goes on."""
        # From before the question: what is started meanwhile is not meant.
        running = dict(self._running)
        if running:
            for digest in self.engine.store.requested_experiment_stops(self.engine.owner):
                if digest in running:
                    self._stop(running[digest])

    def _turn(self) -> None:
        for running in list(self._running.values()):
            self._look_after(running)
            if not running.at_work and next(running.waiting(), None) is None:
                self._end(running, "done")
        if self._running and time.monotonic() >= self._next_try:
            self._fill_places()

    def _look_after(self, running: _Running) -> None:
        if running.at_work:
            looked_at = self.engine.runs(list(running.at_work))
            running.runs = running.runs | looked_at
            running.at_work = frozenset(digest for digest, run in looked_at.items() if run.active)
            # What this runner has cancelled itself, for a stop before this start, or what a dead server left half done.
            again = {d for d, run in looked_at.items() if run.state == "cancelled" and d in self._cancelled}
            again |= {digest for digest, run in looked_at.items() if run.reason == SERVER_STOPPED}
            running.tried -= again
            self._cancelled -= again

    def _stop(self, running: _Running) -> None:
        if self._end(running, "stopped"):
            self._cancel(running.at_work)

    def _end(self, running: _Running, state: State) -> bool:
        """End an experiment, unless it has ended meanwhile; whether it is ended here."""
        digest = running.plan.digest
        with self._lock:
            if self._running.get(digest) is not running:
                return False
            self.engine.store.save_experiment(digest, state=state, seconds=running.seconds)
            running.ended = True
            del self._running[digest]
            _RUNNING_HERE[self.engine].discard(digest)
        return True

    def _fill_places(self) -> None:
        try:
            places = self.engine.background_places()
            if places == 0:
                self._tell(NO_WORKER)
            free = places - len(self._at_work())
            while free > 0 and (chosen := self._next_member()) is not None:
                free -= self._submit(*chosen)
        except (EngineError, StoreError) as problem:
            self._next_try = time.monotonic() + TICK_SECONDS
            self._tell(str(problem))

    def _tell(self, reason: str) -> None:
        for running in list(self._running.values()):
            running.reason = reason

    def _next_member(self) -> tuple[_Running, Member] | None:
        """Return a waiting member of the experiment that has the fewest at work."""
        for running in sorted(self._running.values(), key=lambda running: len(running.at_work)):
            member = next(running.waiting(), None)
            if member is not None:
                return running, member
        return None

    def _submit(self, running: _Running, member: Member) -> int:
        """Give a member to the engine; return how many places it takes: none where it is trained already."""
        run = self.engine.submit(
            member.spec,
            background=True,
            continues=member.continues,
            keep_checkpoint=is_halving(running.plan),
            visitor=running.visitor,
        )
        running.reason = ""
        running.tried.add(member.digest)
        running.runs = running.runs | {member.digest: run}
        if not run.active:
            return 0
        with self._lock:
            if not running.ended:
                running.at_work = running.at_work | {member.digest}
                return 1
        self._cancel([member.digest])  # it was stopped meanwhile
        return 0

    def _at_work(self) -> frozenset[str]:
        return frozenset().union(*(running.at_work for running in list(self._running.values())))

    def _cancel(self, digests: Iterable[str]) -> None:
        """Cancel the runs that nobody else is waiting for."""
        wanted = self._at_work()
        for digest in digests:
            if digest not in wanted and self.engine.is_background(digest):
                self._cancelled.add(digest)
                self.engine.cancel(digest)
