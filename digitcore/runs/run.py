"""Run: a spec with what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from digitcore.evaluation import PartEvaluation
from digitcore.models.epoch import Epoch
from digitcore.specs.run_spec import RunSpec

State = Literal["queued", "running", "done", "cancelled", "failed"]
ACTIVE: frozenset[str] = frozenset({"queued", "running"})


# The parts of a data set, in the order in which a run measures them.
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Evaluation:
    """What a training came to, measured at its end.

    Attributes
    ----------
    parts : mapping of str to PartEvaluation
        Figures of each part that has images, in the order train, validation, test.
    best_epoch : int
        The epoch of the highest validation accuracy: its weights are kept with early stopping, else the last epoch's.
    n_epochs : int
        Number of epochs trained.
    missing_classes : mapping of str to tuple of str
        For each part the names of the classes of which it has no image.
    """

    parts: Mapping[str, PartEvaluation] = field(default_factory=dict)
    best_epoch: int = 0
    n_epochs: int = 0
    missing_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def as_json(self) -> dict[str, Any]:
        """The record as the store keeps it."""
        return {**asdict(self), "missing_classes": {part: list(names) for part, names in self.missing_classes.items()}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Evaluation | None:
        """Return the record that :attr:`as_json` gave; None for an empty one, of a run without predictions."""
        if not values:
            return None
        parts = {name: PartEvaluation(**figures) for name, figures in values.get("parts", {}).items()}
        missing = {part: tuple(names) for part, names in values.get("missing_classes", {}).items()}
        return cls(parts, values.get("best_epoch", 0), values.get("n_epochs", 0), missing)


@dataclass(frozen=True)
class Run:
    """A training as it stood when it was queried; it never changes.

    Attributes
    ----------
    spec : RunSpec
        What is trained.
    state : {"queued", "running", "done", "cancelled", "failed"}
        Where it stands.
    reason : str
        Why it failed or what the user should know, in one or two sentences; empty when there is nothing to say.
    epochs : sequence of Epoch
        The epochs so far, in order.
    evaluation : Evaluation or None
        After the training; None before, and where there are no predictions to evaluate.
    created_at : datetime
        When it was submitted, UTC.
    seconds : float
        Wall time of the training, in seconds; 0 before its end.
    covered : bool
        Whether its test figures are left out, because its test part is locked; see :mod:`digitcore.runs.part_locks`.
    stopping : bool
        Whether it is queued or running and somebody has asked for its end.
    """

    spec: RunSpec
    state: State
    reason: str = ""
    epochs: Sequence[Epoch] = ()
    evaluation: Evaluation | None = None
    created_at: datetime | None = None
    seconds: float = 0.0
    covered: bool = False
    stopping: bool = False

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
        return self.evaluation is not None

    @property
    def figures(self) -> Mapping[str, PartEvaluation]:
        """The evaluation's figures of each part; empty before there are any."""
        return self.evaluation.parts if self.evaluation is not None else {}

    @property
    def n_trained(self) -> int:
        """Number of epochs trained, also where the epochs themselves were left out."""
        return self.evaluation.n_epochs if self.evaluation is not None else len(self.epochs)
