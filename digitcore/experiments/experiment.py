"""Experiment: a plan with what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

from digitcore.experiments.halving import is_halving, promoted
from digitcore.experiments.plans import Member, Plan
from digitcore.runs.progress import expected_seconds, is_measured, progress_of
from digitcore.runs.run import Run
from digitcore.runs.store import SERVER_STOPPED
from digitcore.runs.training import n_threads

State = Literal["running", "done", "stopped"]


@dataclass(frozen=True)
class Experiment:
    """A plan, as it stood when it was asked for; it never changes.

    Attributes
    ----------
    plan : Plan
        What is trained.
    state : {"running", "done", "stopped"}
        Where it stands.
    reason : str
        What keeps it from going on, in a sentence; empty when there is nothing to say.
    runs : mapping of str to Run
        The members' runs by digest, as far as they have begun.
    seconds : float
        Wall time it has been running, in seconds.
    created_at : datetime
        When it was first asked for, UTC.
    known_members : tuple of Member or None
        Its members, where the runs do not tell whom successive halving has added, as their scores are covered.
    starter : str
        Who started it, see :func:`digitcore.runs.limits.visitor_key`; empty for calls from Python.
    stopping : bool
        Whether the server that runs it was asked by another one to stop it, and has not done so yet.
    """

    plan: Plan
    state: State = "running"
    reason: str = ""
    runs: Mapping[str, Run] = field(default_factory=dict)
    seconds: float = 0.0
    created_at: datetime | None = None
    known_members: tuple[Member, ...] | None = None
    starter: str = ""
    stopping: bool = False

    @property
    def digest(self) -> str:
        """The plan's digest."""
        return self.plan.digest

    @property
    def settled(self) -> bool:
        """Whether it has ended and none of its trainings is under way any more."""
        return self.state != "running" and not any(run.active for run in self.runs.values())

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Every member known so far; successive halving adds some on the way."""
        return members_of(self.plan, self.runs) if self.known_members is None else self.known_members

    @property
    def n_trainings(self) -> int:
        """Different trainings among the members."""
        return len({_key(member) for member in self.members})

    @property
    def n_ended(self) -> int:
        """Trainings that need no more."""
        return len({_key(member) for member in self.members if has_ended(member, self.runs)})


@dataclass(frozen=True)
class ExperimentProgress:
    """How far an experiment is.

    Attributes
    ----------
    n_ended, n_trainings : int
        Trainings that have ended, and all known so far.
    fraction : float
        Share of the expected work that is done, 0 to 1; trainings under way count by their epochs.
    seconds_left : float
        Time to its end at the present pace.
    """

    n_ended: int
    n_trainings: int
    fraction: float
    seconds_left: float


def members_of(plan: Plan, runs: Mapping[str, Run]) -> tuple[Member, ...]:
    """Return the plan's members and those that successive halving has added by what ``runs`` have reached."""
    return (*promoted(plan, runs), *plan.members) if is_halving(plan) else plan.members


def has_ended(member: Member, runs: Mapping[str, Run]) -> bool:
    """Whether a member needs no more training: it is done, failed for a reason of its own, or cannot be."""
    if member.spec is None:
        return True
    run = runs.get(member.digest)
    return run is not None and (run.state == "done" or (run.state == "failed" and run.reason != SERVER_STOPPED))


def progress_of_experiment(experiment: Experiment, n_workers: int = 1) -> ExperimentProgress:
    """Return how far an experiment is; its own finished runs correct the expected times.

    Parameters
    ----------
    experiment : Experiment
        One under way.
    n_workers : int
        How many members train at a time.
    """
    members = experiment.members
    work = _expected_work(members, list(experiment.runs.values()))
    shares = {member.digest: _share(member, experiment.runs) for member in members if member.spec is not None}
    left = {digest: work[digest] * (1 - share) for digest, share in shares.items()}
    total = sum(work.values())
    return ExperimentProgress(
        n_ended=experiment.n_ended,
        n_trainings=experiment.n_trainings,
        fraction=max(0.0, 1 - sum(left.values()) / total) if total else 1.0,
        seconds_left=_wall_seconds(members, left, n_workers),
    )


def expected_experiment_seconds(plan: Plan, n_workers: int = 1, past: Sequence[Run] = ()) -> float:
    """Return how long a plan will take; with successive halving its first rung and about as much for each other."""
    rungs = len(plan.rungs) if is_halving(plan) else 1
    return rungs * _wall_seconds(plan.members, _expected_work(plan.members, past), n_workers)


def is_time_known(plan: Plan, past: Sequence[Run]) -> bool:
    """Return True if enough runs of this machine are known to tell how long the plan's trainings take."""
    return is_measured([member.spec for member in plan.members if member.spec is not None], past)


def may_end_early(plan: Plan) -> bool:
    """Whether early stopping may make the experiment shorter than expected."""
    return any(member.spec.parameters["patience"] is not None for member in plan.members if member.spec is not None)


def _expected_work(members: Sequence[Member], past: Sequence[Run]) -> dict[str, float]:
    """Return the expected seconds of every training, by digest."""
    specs = list(dict.fromkeys(member.spec for member in members if member.spec is not None))
    return dict(zip((spec.digest for spec in specs), expected_seconds(specs, past), strict=True))


def _wall_seconds(members: Sequence[Member], work: Mapping[str, float], n_workers: int) -> float:
    """Return the seconds that trainings take beside each other; no two workers share one."""
    specs = {member.digest: member.spec for member in members if member.spec is not None}
    n_workers = max(1, n_workers)
    # A training with two threads leaves no core to another one.
    taken = sum(seconds * min(n_threads(specs[digest]), n_workers) for digest, seconds in work.items())
    return max(taken / n_workers, max(work.values(), default=0.0))


def _key(member: Member) -> object:
    """Return what equal trainings share; members that cannot be trained are each their own."""
    return member.digest or id(member)


def _share(member: Member, runs: Mapping[str, Run]) -> float:
    """Return how much of a member's training is done, 0 to 1."""
    if has_ended(member, runs):
        return 1.0
    run = runs.get(member.digest)
    return progress_of(run).fraction if run is not None and run.active else 0.0
