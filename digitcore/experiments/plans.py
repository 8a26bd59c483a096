"""Plans: rules that make a list of trainings. Each of them is a normal run."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from functools import cached_property
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.experiments.axes import Axis
from digitcore.experiments.plan_parameters import FACTOR, N_RANDOM, N_REPEATS, N_SEEDS, K
from digitcore.parameters import shortened, unknown_name
from digitcore.runs.progress import part_sizes
from digitcore.specs.recipes import load_recipe
from digitcore.specs.run_spec import DIGEST_LENGTH, RunSpec
from digitcore.specs.settings import with_settings

MOST_MEMBERS = 1000
# Share of the other folds that early stopping watches where the spec has no validation part of its own.
STOPPING_SIZE = 0.2
# In the column ``table`` of a recipe's members: no published table, but its own headline.
RECIPE_ITSELF = "The recipe itself"


@dataclass(frozen=True)
class Member:
    """One training of an experiment.

    Attributes
    ----------
    spec : RunSpec or None
        What is trained; None where the rule asks for what cannot be.
    values : mapping of str to Any
        What the rule varied, such as ``{"fold": 1}`` or ``{"learning_rate": 0.1, "seed": 0}``.
    problem : str
        Why there is no spec.
    continues : RunSpec or None
        A run of the same settings and fewer epochs, from whose end this training may go on.
    """

    spec: RunSpec | None
    values: Mapping[str, Any]
    problem: str = ""
    continues: RunSpec | None = None

    @property
    def digest(self) -> str | None:
        """Digest of the run; None without a spec."""
        return None if self.spec is None else self.spec.digest


class Plan(ABC):
    """A rule that makes members; its JSON describes it completely, and its digest is the experiment's key.

    Attributes
    ----------
    KIND : str
        Name in :data:`PLANS`.
    LABEL : str
        What the pages call it.
    """

    KIND: ClassVar[str]
    LABEL: ClassVar[str]

    @property
    @abstractmethod
    def members(self) -> tuple[Member, ...]:
        """The trainings, in order; with halving those of the first rung."""

    @cached_property
    def canonical_json(self) -> str:
        """The plan as JSON with sorted keys and no spaces: equal plans have equal text."""
        values = {each.name: _plain(getattr(self, each.name)) for each in fields(self) if not self._left_out(each)}
        return json.dumps({"kind": self.KIND, **values}, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @cached_property
    def digest(self) -> str:
        """First 20 hexadecimal digits of the SHA-256 of :attr:`canonical_json`."""
        return hashlib.sha256(self.canonical_json.encode()).hexdigest()[:DIGEST_LENGTH]

    def _left_out(self, own: Field) -> bool:
        """Whether a field was added later and stands at its default: plans from before keep their digests."""
        return bool(own.metadata.get("since")) and getattr(self, own.name) == own.default

    def _clean(self, **records) -> None:
        """Replace fields by what their records make of them."""
        for name, record in records.items():
            object.__setattr__(self, name, record.clean(getattr(self, name)))


@dataclass(frozen=True)
class CrossValidation(Plan):
    """k-fold cross-validation: every image of the training part is held out once.

    A test part stays out of it.

    Parameters
    ----------
    spec : RunSpec
        What is trained on the other folds; its own validation part is left out.
    k : int
        Number of folds, 2 to 1000.
    stratify : bool
        Whether every fold has nearly the same share of every class.
    nested : bool
        With early stopping, whether it watches images out of the other folds, as many as the spec's own validation part
        would have, and not the fold, whose accuracy would then be too favourable.

    Raises
    ------
    InvalidSetting
        If ``spec`` is no RunSpec, or ``k`` is not valid.
    """

    KIND = "cross-validation"
    LABEL = "Cross-validation"

    spec: RunSpec
    k: int = 5
    stratify: bool = False
    nested: bool = field(default=False, metadata={"since": 1})

    def __post_init__(self) -> None:
        _check_spec(self.spec)
        self._clean(k=K)
        for name in ("stratify", "nested"):
            value = getattr(self, name)
            if not isinstance(value, bool | np.bool_):
                raise InvalidSetting(f"{name} must be True or False, got {value!r}")
            object.__setattr__(self, name, bool(value))
        # Without effect it is as if it had not been asked for.
        object.__setattr__(self, "nested", self.nested and self.spec.parameters["patience"] is not None)
        _check_any(self.members)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """A member for each fold, its value ``fold``, from 1."""
        shared = {"validation": "fold", "n_folds": self.k, "stratify": self.stratify}
        if self.nested:
            own = self.spec.split
            shared["stopping_size"] = own.validation_size if own.validation == "cut" else STOPPING_SIZE
        return tuple(
            Member(self.spec.with_changes(split={**shared, "fold": fold}), {"fold": fold})
            for fold in range(1, self.k + 1)
        )


@dataclass(frozen=True)
class Sweep(Plan):
    """Settings varied one by one, together in a grid, or at random.

    Parameters
    ----------
    spec : RunSpec
        What is varied.
    axes : sequence of Axis
        The settings, each by a list or a range.
    n_seeds : int
        Trainings of each point with seeds of their own, counted up from the spec's.
    n_random : int or None
        Points to draw at random, by the spec's seed; None for the whole grid.
    factor : int or None
        For successive halving: of so many that have reached a number of epochs one goes on to ``factor`` times as
        many. None trains every point to the end.

    Raises
    ------
    InvalidSetting
        If a number is not valid, an axis is unknown or comes twice, there are too many members, or none that can be
        trained.

    References
    ----------
    Bergstra and Bengio (2012), "Random search for hyper-parameter optimization"; Li et al. (2020), "A system for
    massively parallel hyperparameter tuning" (asynchronous successive halving).
    """

    KIND = "sweep"
    LABEL = "Sweep"

    spec: RunSpec
    axes: tuple[Axis, ...]
    n_seeds: int = 1
    n_random: int | None = None
    factor: int | None = None

    def __post_init__(self) -> None:
        _check_spec(self.spec)
        self._clean(n_seeds=N_SEEDS, n_random=N_RANDOM, factor=FACTOR)
        object.__setattr__(self, "axes", tuple(self.axes))
        names = [axis.name for axis in self.axes]
        if not names:
            raise InvalidSetting("A sweep needs at least one setting to vary")
        if len(set(names)) < len(names):
            raise InvalidSetting(f"Each setting may be varied once, got {', '.join(names)}")
        if "seed" in names and self.n_seeds > 1:
            raise InvalidSetting("Vary the seed itself, or take several seeds per point, not both")
        if "epochs" in names and self.factor is not None:
            raise InvalidSetting("Successive halving chooses the epochs itself: do not vary them")
        _check_number(self.n_points * self.n_seeds)
        _check_any(self.members)

    @property
    def n_points(self) -> int:
        """Points of the grid, or to be drawn."""
        return self.n_random or math.prod(len(axis.values) for axis in self.axes)

    @cached_property
    def points(self) -> tuple[dict[str, Any], ...]:
        """The points, each a value for every axis, without repetition."""
        if self.n_random is None:
            drawn: Iterator = itertools.product(*(axis.values for axis in self.axes))
        else:
            generator = np.random.default_rng(self.spec.random_state)
            drawn = (tuple(axis.draw(generator) for axis in self.axes) for _ in range(self.n_random))
        names = [axis.name for axis in self.axes]
        return tuple(dict(zip(names, point, strict=True)) for point in dict.fromkeys(drawn))

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """A member for each point and seed, its values the point's and ``seed``."""
        epochs = self.rungs[0] if self.factor else None
        return tuple(self._member(point, n, epochs) for point in self.points for n in range(self.n_seeds))

    @cached_property
    def rungs(self) -> tuple[int, ...]:
        """Numbers of epochs at which successive halving compares, the last one the spec's; one without halving."""
        epochs = self.spec.parameters["epochs"]
        if self.factor is None:
            return (epochs,)
        n_rungs = 1 + int(math.log(max(1, len(self.points) * self.n_seeds)) / math.log(self.factor) + 1e-9)
        rungs = {-(-epochs // self.factor**power) for power in range(n_rungs)}
        return tuple(sorted(rungs))

    def _member(self, point: Mapping[str, Any], n: int, epochs: int | None) -> Member:
        # No model votes twice.
        n_seeds = point.get("members", self.spec.members)
        seed = point.get("seed", self.spec.random_state) + n * n_seeds
        values = {**point, "seed": seed}
        try:
            spec = with_settings(self.spec, values)
            if epochs is not None:
                spec = spec.with_changes(parameters={"epochs": epochs})
        except InvalidSetting as problem:
            return Member(None, values, problem=str(problem))
        return Member(spec, values)


@dataclass(frozen=True)
class LearningCurve(Plan):
    """The same training on more and more images.

    Parameters
    ----------
    spec : RunSpec
        What is trained.
    sizes : sequence of int
        Numbers of training images; larger ones than there are mean all.
    n_repeats : int
        Trainings of each size, each with other images drawn and another seed.

    Raises
    ------
    InvalidSetting
        If a number is not valid, or the spec holds no images out.
    """

    KIND = "learning-curve"
    LABEL = "Learning curve"

    spec: RunSpec
    sizes: tuple[int, ...] = (700, 7000, 70000)
    n_repeats: int = 3

    def __post_init__(self) -> None:
        _check_spec(self.spec)
        self._clean(n_repeats=N_REPEATS)
        sizes = tuple(self.sizes)
        if not sizes or not all(isinstance(size, Integral) and size >= 1 for size in sizes):
            words = ", ".join(str(size) for size in sizes) or "none"
            raise InvalidSetting(f"Give at least one number of training images, each from 1, such as 700; got {words}")
        split = self.spec.split
        if split.validation == "none" and split.kind == "random" and split.test_size == 0:
            raise InvalidSetting("A learning curve needs images held out: choose a validation or a test part")
        object.__setattr__(self, "sizes", tuple(sorted({min(int(size), self.n_available) for size in sizes})))
        _check_number(len(self.sizes) * self.n_repeats)
        _check_any(self.members)

    @cached_property
    def n_available(self) -> int:
        """Training images there are."""
        n_train, _ = part_sizes(self.spec.with_changes(split={"max_train": None}))
        return n_train

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """A member for each size and repeat, its values ``n_train`` and ``repeat``, from 1."""
        return tuple(self._member(size, n) for size in self.sizes for n in range(self.n_repeats))

    def _member(self, size: int, n: int) -> Member:
        drawn = {"max_train": size if size < self.n_available else None}
        split = {**drawn, "random_state": self.spec.split.random_state + n}
        values = {"n_train": size, "repeat": n + 1}
        try:
            spec = self.spec.with_changes(split=split, random_state=self.spec.seed_of_repeat(n))
        except InvalidSetting as problem:
            return Member(None, values, problem=str(problem))
        return Member(spec, values)


@dataclass(frozen=True)
class RecipeTables(Plan):
    """Everything that a recipe's source published, trained again.

    Parameters
    ----------
    recipe : str
        Name in :data:`digitcore.specs.recipes.RECIPES`.
    n_seeds : int
        Trainings of each published figure.

    Raises
    ------
    InvalidSetting
        If there is no such recipe, or the number is not valid.
    """

    KIND = "recipe"
    LABEL = "Recipe"

    recipe: str
    n_seeds: int = 1

    def __post_init__(self) -> None:
        self._clean(n_seeds=N_SEEDS)
        load_recipe(self.recipe)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Members with the values ``table``, ``column``, ``seed``; folds also have ``fold``.

        The recipe itself has the table :data:`RECIPE_ITSELF`. Equal trainings of several tables are one run.
        """
        recipe = load_recipe(self.recipe)
        cells = [(RECIPE_ITSELF, "", {})] + [
            (table.title, label, changes)
            for table in recipe.variations
            for label, changes in zip(table.labels, table.changes, strict=True)
        ]
        seeds = range(self.n_seeds)
        varied = [self._member(table, column, changes, n) for table, column, changes in cells for n in seeds]
        return (*varied, *self._folds())

    def _member(self, table: str, column: str, changes: Mapping[str, Any], n: int) -> Member:
        spec = load_recipe(self.recipe).spec.with_changes(**changes)
        spec = spec.with_changes(random_state=spec.seed_of_repeat(n))
        return Member(spec, {"table": table, "column": column, "seed": spec.random_state})

    def _folds(self) -> Iterator[Member]:
        recipe = load_recipe(self.recipe)
        for published in recipe.cross_validations:
            spec = recipe.spec.with_changes(**published.changes)
            for member in CrossValidation(spec, k=published.k).members:
                values = {"table": published.title, "column": published.label, "seed": spec.random_state}
                yield Member(member.spec, {**values, **member.values})


PLANS: Mapping[str, type[Plan]] = {plan.KIND: plan for plan in (CrossValidation, Sweep, LearningCurve, RecipeTables)}


def plan_from_json(text: str) -> Plan:
    """Return the plan whose :attr:`Plan.canonical_json` is ``text``.

    Raises
    ------
    InvalidSetting
        If it is none.
    """
    try:
        values = json.loads(text)
        kind = values.pop("kind")
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InvalidSetting(f"An experiment's plan must be a JSON object with a kind: {error!r}") from None
    if kind not in PLANS:
        raise unknown_name("kind of experiment", kind, PLANS)
    read = {"spec": lambda given: RunSpec(**given), "axes": lambda given: tuple(Axis(**axis) for axis in given)}
    try:
        return PLANS[kind](**{name: read.get(name, _tuples)(value) for name, value in values.items()})
    except TypeError as error:
        raise InvalidSetting(f"The plan of a {kind} cannot be read: {error}") from None


def _plain(value: Any) -> Any:
    """Return a field's value as JSON takes it."""
    if isinstance(value, RunSpec):
        return json.loads(value.canonical_json)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.as_dict() if isinstance(value, Axis) else value


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check_spec(spec: Any) -> None:
    if not isinstance(spec, RunSpec):
        model = getattr(spec, "MODEL_NAME", "softmax")
        raise InvalidSetting(
            f"spec must be a RunSpec, such as RunSpec(dataset='digits', model={model!r}), got {shortened(spec)}; "
            "estimators are for cross_validate, GridSearchCV and learning_curve of sklearn.model_selection"
        )


def _check_number(n_members: int) -> None:
    if n_members > MOST_MEMBERS:
        raise InvalidSetting(f"An experiment has at most {MOST_MEMBERS} trainings, this one would have {n_members}")


def _check_any(members: Sequence[Member]) -> None:
    """Refuse an experiment of which nothing can be trained; single impossible members fail alone."""
    if all(member.spec is None for member in members):
        raise InvalidSetting(members[0].problem)
