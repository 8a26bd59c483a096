"""Run: a spec with what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from digitcore.models.epoch import Epoch
from digitcore.specs.run_spec import RunSpec

State = Literal["queued", "running", "done", "cancelled", "failed"]
ACTIVE: frozenset[str] = frozenset({"queued", "running"})


@dataclass(frozen=True)
class Run:
    """A training, as it stood when it was asked for; it never changes.

    Attributes
    ----------
    spec : RunSpec
        What is trained.
    state : {"queued", "running", "done", "cancelled", "failed"}
        Where it stands.
    reason : str
        Why it failed or what the user should know, in one or two sentences; empty when there is nothing to say.
    epochs : tuple of Epoch
        The epochs so far, in order.
    evaluation : mapping
        After the training: ``parts`` maps each part's name to its figures, ``best_epoch`` names the epoch of the
        highest watched accuracy (its weights are kept with early stopping, else the last epoch's), ``n_epochs`` counts
        the epochs, ``missing_classes`` maps a part to the classes it lacks. Empty before.
    created_at : datetime
        When it was asked for, UTC.
    seconds : float
        Wall time of the training, in seconds; 0 before its end.
    """

    spec: RunSpec
    state: State
    reason: str = ""
    epochs: tuple[Epoch, ...] = ()
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    seconds: float = 0.0

    @property
    def digest(self) -> str:
        """The spec's digest."""
        return self.spec.digest

    @property
    def active(self) -> bool:
        """Whether it waits or trains."""
        return self.state in ACTIVE

    @property
    def evaluated(self) -> bool:
        """Whether its predictions are there to be looked at."""
        return bool(self.evaluation)
