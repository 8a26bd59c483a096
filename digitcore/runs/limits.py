"""What a server allows its visitors: each refusal is a sentence, before anything begins."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from digitcore.errors import LimitReached
from digitcore.runs.computations import Computations
from digitcore.runs.progress import expected_time
from digitcore.server_settings import ServerSettings
from digitcore.specs.run_spec import RunSpec
from digitcore.wording import duration_text


def visitor_key(visitor: str) -> str:
    """Return what the store keeps of a visitor: 32 hexadecimal digits that do not reveal the visitor's name.

    The name is in a cookie of the browser. Calls from Python have an empty name and an empty key.
    """
    return hashlib.sha256(visitor.encode()).hexdigest()[:32] if visitor else ""


def may_stop(starter: str, visitor: str, settings: ServerSettings) -> bool:
    """Return True if a visitor may stop what ``starter`` started; either is empty for calls from Python."""
    return settings.stop == "anyone" or not visitor or not starter or visitor == starter


def check_training(spec: RunSpec, n_active: int, n_own: int, settings: ServerSettings) -> None:
    """Refuse a training that a limit of the server forbids.

    Parameters
    ----------
    spec : RunSpec
        What a visitor wants to train.
    n_active, n_own : int
        Trainings that are queued or running, of all visitors and of this one.
    settings : ServerSettings
        The limits.

    Raises
    ------
    LimitReached
        In one sentence.
    """
    check_minutes([spec], settings)
    if n_active >= settings.max_active_runs:
        raise LimitReached(
            f"This server has {n_active} trainings queued or running, which is as many as it takes: try again in a few "
            "minutes."
        )
    if n_own >= settings.max_active_runs_per_visitor:
        raise LimitReached(
            f"You have {n_own} trainings queued or running, which is as many as one visitor may have: wait until one "
            "has ended, or stop one."
        )


def check_computation(computations: Computations, key: str, visitor: str, settings: ServerSettings) -> None:
    """Refuse a computation if as many are under way as trainings are allowed to be.

    Parameters
    ----------
    computations : Computations
        Those of the engine.
    key, visitor : str
        Which one is requested, and by whom.
    settings : ServerSettings
        The limits.

    Raises
    ------
    LimitReached
        In one sentence.
    """
    if computations.knows(key):
        return
    under_way = computations.under_way()
    n_own = sum(visitor in each.visitors for each in under_way)
    if n_own >= settings.max_active_runs_per_visitor or len(under_way) >= settings.max_active_runs:
        raise LimitReached(
            f"{n_own} computations of yours and {len(under_way)} in all are queued or running, which is as many as "
            "this server takes: wait until one has ended, or stop one."
        )


def check_experiment(specs: Sequence[RunSpec], n_members: int, n_own: int, settings: ServerSettings) -> None:
    """Refuse an experiment that a limit of the server forbids.

    Parameters
    ----------
    specs : sequence of RunSpec
        All that it may come to train.
    n_members : int
        Trainings that it begins with.
    n_own : int
        Experiments of this visitor that run.
    settings : ServerSettings
        The limits.

    Raises
    ------
    LimitReached
        In one sentence.
    """
    if n_members > settings.max_experiment_runs:
        raise LimitReached(
            f"This experiment has {n_members:,} trainings, at most {settings.max_experiment_runs:,} are allowed here: "
            "try fewer values or fewer seeds."
        )
    check_minutes(specs, settings)
    if n_own >= settings.max_experiments_per_visitor:
        raise LimitReached(
            f"You have {n_own} experiments running, which is as many as one visitor may have: wait until one has "
            "ended, or stop one."
        )


def check_minutes(specs: Sequence[RunSpec], settings: ServerSettings) -> None:
    """Refuse trainings that would take too long, as estimated from multiply-adds, images and epochs.

    Raises
    ------
    LimitReached
        In one sentence.
    """
    most = 60 * settings.max_training_minutes
    longest = max((expected_time(spec).seconds for spec in specs), default=0.0)
    if longest > most:
        raise LimitReached(
            f"This training would take about {duration_text(longest)}, at most {duration_text(most)} are allowed here: "
            "try fewer epochs, fewer images, a smaller model, or fewer seeds that vote."
        )
