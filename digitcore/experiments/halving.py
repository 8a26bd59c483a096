"""Asynchronous successive halving: who has earned more epochs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from digitcore.experiments.plans import MOST_MEMBERS, Member, Plan, Sweep
from digitcore.runs.run import Run
from digitcore.runs.summary import score_of
from digitcore.specs.run_spec import RunSpec


def is_halving(plan: Plan) -> bool:
    """Whether a plan's members are promoted by successive halving."""
    return isinstance(plan, Sweep) and plan.factor is not None


def possible_digests(plan: Plan) -> list[str]:
    """Return the digests of all runs that the plan may come to have."""
    return [spec.digest for spec in possible_specs(plan)]


def possible_specs(plan: Plan) -> list[RunSpec]:
    """Return the specs of all runs that the plan may come to have, those of higher rungs among them."""
    specs = [member.spec for member in plan.members if member.spec is not None]
    if is_halving(plan):
        specs = [_with_epochs(spec, epochs) for spec in specs for epochs in plan.rungs]
    return list(dict.fromkeys(specs))


def promoted(sweep: Sweep, runs: Mapping[str, Run]) -> list[Member]:
    """Return the members of higher rungs that the finished ones have earned so far.

    At each rung the best ``1 / factor`` of those that have reached it go on, whatever the others are doing: nobody
    waits. Points that are alike in score keep their order.

    Parameters
    ----------
    sweep : Sweep
        One with halving.
    runs : mapping of str to Run
        The runs by digest, as far as there are any.

    Returns
    -------
    list of Member
        Highest rung first; those that are trained already are among them.

    References
    ----------
    Li et al. (2020), "A system for massively parallel hyperparameter tuning", algorithm 2.
    """
    earned: list[list[Member]] = []
    reached = list(sweep.members)
    for epochs in sweep.rungs[1:]:
        reached = [_continued(member, epochs) for member in _best(reached, runs, sweep.factor)]
        # Who was once promoted stays, though a better one may have come since.
        reached += [member for member in _all_continued(sweep, epochs) if member.digest in runs]
        reached = list({member.digest: member for member in reached}.values())
        earned.append(reached)
    return [member for rung in reversed(earned) for member in rung]


def _best(members: list[Member], runs: Mapping[str, Run], factor: int) -> list[Member]:
    ended = [member for member in members if (run := runs.get(member.digest)) is not None and run.state == "done"]
    ranked = sorted(ended, key=lambda member: score_of(runs[member.digest]), reverse=True)
    return ranked[: len(ended) // factor]


def _all_continued(sweep: Sweep, epochs: int) -> list[Member]:
    return [_continued(member, epochs) for member in sweep.members if member.spec is not None]


def _continued(member: Member, epochs: int) -> Member:
    return Member(_with_epochs(member.spec, epochs), member.values, continues=member.spec)


@lru_cache(maxsize=4 * MOST_MEMBERS)
def _with_epochs(spec: RunSpec, epochs: int) -> RunSpec:
    return spec.with_changes(parameters={"epochs": epochs})
