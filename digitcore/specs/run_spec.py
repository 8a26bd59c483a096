"""RunSpec: everything that decides the result of a training, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_serializer, model_validator

from digitcore.datasets import DATASETS
from digitcore.datasets.split_parameters import SCALING, SPLIT
from digitcore.errors import InvalidSetting
from digitcore.glossary import explain
from digitcore.insight.surgery import Surgery
from digitcore.models import MODELS
from digitcore.models.architecture import MOST_PARAMETERS, plan
from digitcore.models.layer_plans import Layer, weight_shapes
from digitcore.models.schedules import WITH_AN_END
from digitcore.parameters import Integer, Parameter, clean_parameters, shortened, unknown_name

SEED = Integer(
    name="random_state",
    label="Seed",
    phrase="seed {}",
    help=explain("seed"),
    default=0,
    minimum=0,
    maximum=2**32 - 1,
    slider=(0, 100),
)
MEMBERS = Integer(
    name="members",
    label="Seeds that vote",
    phrase="vote of {} seeds",
    help=explain("vote"),
    default=1,
    minimum=1,
    maximum=20,
    slider=(1, 10),
)
DIGEST_LENGTH = 20
# Trainings that each go on from the one before.
MOST_PARENTS = 5


class _Checked(BaseModel):
    """A frozen pydantic model whose problems come as one InvalidSetting."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def __init__(self, **values: Any):
        unknown = [name for name in values if name not in type(self).model_fields]
        problems = [self._unknown(name) for name in unknown]
        try:
            super().__init__(**{name: value for name, value in values.items() if name not in unknown})
        except ValidationError as error:
            problems += [_sentence(detail) for detail in error.errors()]
        if problems:
            raise InvalidSetting("; ".join(problems))

    @classmethod
    def _unknown(cls, name: str) -> str:
        """Return the message for an unknown field."""
        return str(unknown_name("setting", name, cls.model_fields))


class SplitSpec(_Checked):
    """How the images are divided; the fields are those of :func:`digitcore.datasets.split`."""

    kind: str = "random"
    test_size: float = 0.25
    stratify: bool = False
    validation: str = "none"
    validation_size: float = 0.1
    n_folds: int = 5
    fold: int = 1
    stopping_size: float = 0.0
    max_train: int | None = None
    max_images: int | None = None
    random_state: int = 0

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, values: Any) -> Any:
        others = {name: value for name, value in values.items() if name != "stratify"}
        cleaned = clean_parameters(SPLIT, others)
        if cleaned["kind"] == "official":
            cleaned["test_size"] = cls.model_fields["test_size"].default
        elif cleaned["test_size"] == 0 and cleaned["validation"] == "test":
            raise InvalidSetting("validation cannot be 'test' without a test part: make test_size larger than 0")
        if cleaned["fold"] > cleaned["n_folds"]:
            raise InvalidSetting(f"fold must be from 1 to n_folds ({cleaned['n_folds']}), got {cleaned['fold']}")
        return {**cleaned, "stratify": values.get("stratify", False)}


class RunSpec(_Checked):
    """A training, described completely: data set, split, scaling, model, hyperparameters and seed.

    Two specs that mean the same training are equal and share their ``digest``: defaults are filled in, and a setting
    without effect (a momentum with Adam) is set to its default.

    Parameters
    ----------
    dataset : str
        Name in :data:`digitcore.datasets.DATASETS`.
    model : str
        Name in :data:`digitcore.models.MODELS`.
    parameters : mapping, optional
        Hyperparameters of the model by name, without ``random_state``.
    split : SplitSpec or mapping, optional
        How the images are divided.
    scaling : {"unit", "raw"}, optional
        Whether pixel values are divided by the data set's largest value.
    random_state : int, optional
        Seed of the model, 0 to 2**32 - 1.
    parent : RunSpec or mapping, optional
        The training that this one goes on from, with other settings or images: its epochs are this one's first. On the
        same data set the two have the same split but for ``max_train``, so that no image is tested that was trained on.
    surgery : Surgery or mapping, optional
        What is done to the weights after the training and before the evaluation. One that changes nothing is none.
    members : int, optional
        How many models vote, 1 to 20. They are trained with consecutive seeds, the first of which is ``random_state``,
        and their probabilities are averaged. A vote of several has neither ``parent`` nor ``surgery``.

    Raises
    ------
    InvalidSetting
        With every problem in one message.
    """

    version: Literal[1] = 1
    dataset: str
    split: SplitSpec = SplitSpec()
    scaling: str = SCALING.default
    model: str
    parameters: Annotated[Mapping[str, Any], AfterValidator(MappingProxyType)] = MappingProxyType({})
    random_state: int = SEED.default
    parent: RunSpec | None = Field(default=None, json_schema_extra={"since": 1})
    surgery: Surgery | None = Field(default=None, json_schema_extra={"since": 4})
    members: int = Field(default=MEMBERS.default, json_schema_extra={"since": 5})

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, values: Any) -> Any:
        checked: dict[str, Any] = dict(values)
        problems: list[str] = []
        checks = {
            "split": _clean_split,
            "scaling": SCALING.clean,
            "random_state": SEED.clean,
            "members": MEMBERS.clean,
        }
        for name, clean in checks.items():
            if name in checked:
                _collect(problems, checked, name, clean)
        known = _check_name("data set", checked.get("dataset"), DATASETS, problems)
        if _check_name("model", checked.get("model"), MODELS, problems):
            records = MODELS[checked["model"]].parameters
            _collect(problems, checked, "parameters", lambda given: clean_parameters(records, given or {}))
        if not problems and known:
            _collect(problems, checked, "parameters", lambda given: _check_fit(checked, given))
        if not problems and checked.get("parent") is not None:
            _collect(problems, checked, "parent", _clean_parent)
        if not problems and checked.get("surgery") is not None:
            _collect(problems, checked, "surgery", lambda given: _clean_surgery(checked, given))
        if not problems and checked.get("members", 1) > 1:
            problems += _problems_of_vote(checked)
        if problems:
            raise InvalidSetting("; ".join(problems))
        return checked

    @model_validator(mode="after")
    def _fits_parent(self) -> RunSpec:
        if self.parent is not None:
            earlier = {"epochs": self.n_inherited}
            same = self.with_changes(parent=self.parent.parent, parameters=earlier, surgery=None)
            if self.parent == same and not self.ends_its_schedule:
                # It is the same training for longer.
                object.__setattr__(self, "parent", self.parent.parent)
            else:
                _check_parent(self, self.parent)
        return self

    @classmethod
    def _unknown(cls, name: str) -> str:
        groups = {
            "parameters": {record.name for entry in MODELS.values() for record in entry.parameters},
            "split": set(SplitSpec.model_fields),
        }
        for group, names in groups.items():
            if name in names:
                return f"{name!r} belongs in {group}: RunSpec(..., {group}={{{name!r}: ...}})"
        return super()._unknown(name)

    @field_serializer("parameters")
    def _plain(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return dict(parameters)

    @property
    def n_inherited(self) -> int:
        """Number of epochs at the beginning that are those of the parent."""
        return self.parent.parameters["epochs"] if self.parent is not None else 0

    @property
    def as_trained(self) -> RunSpec:
        """The training alone, without what is done to the weights after it."""
        return self if self.surgery is None else self.with_changes(surgery=None)

    @property
    def seeds(self) -> range:
        """The seeds of the models that vote; of a single model its seed."""
        return range(self.random_state, self.random_state + self.members)

    def seed_of_repeat(self, n: int) -> int:
        """Return the seed of the nth repeat, 0 for this spec itself: no two repeats share a model that votes."""
        return self.random_state + n * self.members

    @property
    def ends_its_schedule(self) -> bool:
        """Whether the learning rates of all epochs depend on how many there are: with more, it is another training."""
        return self.parameters.get("schedule") in WITH_AN_END

    @property
    def forks(self) -> tuple[int, ...]:
        """The epochs after which the training goes on with other settings, in order."""
        return () if self.parent is None else (*self.parent.forks, self.n_inherited)

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def canonical_json(self) -> str:
        """The spec as JSON with sorted keys and no spaces: equal specs have equal text."""
        values = _first_fields(self)
        values["split"] = _first_fields(self.split, SPLIT)
        values["parameters"] = _first_values(values["parameters"], self.parameters, MODELS[self.model].parameters)
        if self.parent is not None:
            values["parent"] = json.loads(self.parent.canonical_json)
        return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @cached_property
    def digest(self) -> str:
        """First 20 hexadecimal digits of the SHA-256 of :attr:`canonical_json`: the key of every cache."""
        return hashlib.sha256(self.canonical_json.encode()).hexdigest()[:DIGEST_LENGTH]

    @classmethod
    def from_json(cls, text: str | bytes) -> RunSpec:
        """Return the spec that ``text`` describes.

        Raises
        ------
        InvalidSetting
            If the text is not a JSON object or the spec is not valid.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise InvalidSetting(f"A run's description must be JSON: {error}") from None
        if not isinstance(values, dict):
            raise InvalidSetting(f"A run's description must be a JSON object, got {type(values).__name__}")
        return cls(**values)

    def with_changes(self, **changes: Any) -> RunSpec:
        """Return a copy with fields replaced; ``parameters`` and ``split`` are merged into the present ones."""
        values = self.model_dump()
        for group in ("parameters", "split"):
            values[group] = {**values[group], **changes.pop(group, {})}
        return type(self)(**{**values, **changes})


def goes_on_from(spec: RunSpec, earlier: RunSpec, n_epochs: int) -> bool:
    """Return True if the first epochs of one training are, bit by bit, those of another.

    Parameters
    ----------
    spec, earlier : RunSpec
        The training that is to go on, and the other one.
    n_epochs : int
        How many epochs of the other one there are; fewer than planned if it was stopped.
    """
    if not 0 < n_epochs <= spec.parameters["epochs"]:
        return False
    # What is done to the weights after the training changes nothing of the training.
    spec, earlier = spec.as_trained, earlier.as_trained
    if spec == earlier.with_changes(parameters={"epochs": spec.parameters["epochs"]}):
        return spec == earlier or not spec.ends_its_schedule
    if earlier.ends_its_schedule and n_epochs != earlier.parameters["epochs"]:
        return False
    return spec.parent == earlier.with_changes(parameters={"epochs": n_epochs, "patience": None})


def _first_fields(spec: _Checked, records: Sequence[Parameter] = ()) -> dict[str, Any]:
    """Return a spec's fields for JSON, without those that were added later and stand at their defaults.

    A field that no record describes says itself when it was added: ``Field(json_schema_extra={"since": 1})``.
    """
    fields = type(spec).model_fields
    values = _first_values(spec.model_dump(mode="json"), dict(spec), records)
    extras = {name: field.json_schema_extra for name, field in fields.items()}
    added = {name for name, extra in extras.items() if isinstance(extra, dict) and extra.get("since")}
    return {
        name: value
        for name, value in values.items()
        if name not in added or getattr(spec, name) != fields[name].default
    }


def _first_values(
    as_json: Mapping[str, Any], values: Mapping[str, Any], records: Sequence[Parameter]
) -> dict[str, Any]:
    """Return JSON values without those of records that were added later and stand at their defaults."""
    left_out = {record.name for record in records if record.since and values[record.name] == record.default}
    return {name: value for name, value in as_json.items() if name not in left_out}


def _clean_split(given: Any) -> SplitSpec:
    if isinstance(given, SplitSpec):
        return given
    if not isinstance(given, Mapping):
        raise InvalidSetting(f"split must be a mapping of settings, got {shortened(given)}")
    return SplitSpec(**given)


def _clean_parent(given: Any) -> RunSpec:
    """Return a parent without what has no effect on the weights after its last epoch."""
    if not isinstance(given, RunSpec | Mapping):
        raise InvalidSetting(f"parent must be a RunSpec or a mapping of its settings, got {shortened(given)}")
    _check_ancestors(given)
    try:
        parent = given if isinstance(given, RunSpec) else RunSpec(**given)
    except InvalidSetting as problem:
        raise InvalidSetting(f"parent: {problem}") from None
    if parent.members > 1:
        raise InvalidSetting("A training cannot go on from a vote of several seeds: let it go on from one of them")
    if parent.surgery is not None:
        raise InvalidSetting(
            f"A training cannot go on from weights that were changed after their training ({parent.surgery.words})"
        )
    return parent.with_changes(parameters={"patience": None}) if parent.parameters["patience"] is not None else parent


def _clean_surgery(values: Mapping[str, Any], given: Any) -> Surgery | None:
    """Return what is done to the weights of such a model; None if that changes nothing."""
    if not isinstance(given, Surgery | Mapping):
        raise InvalidSetting(f"surgery must be a Surgery or a mapping of its attributes, got {shortened(given)}")
    try:
        surgery = given if isinstance(given, Surgery) else Surgery(**given)
    except (TypeError, ValueError) as problem:
        raise InvalidSetting(f"surgery: {problem}") from None
    layers = _layers(values["dataset"], values["model"], values["parameters"])
    n_units = next(layer.weight_shape[0] for layer in layers if layer.weight_shape)
    if surgery.units and surgery.units[-1] >= n_units:
        raise InvalidSetting(f"surgery: units must be numbers from 0 to {n_units - 1}, got {surgery.units!r}")
    if surgery.changes_nothing:
        return None
    # What has no effect is at its default.
    without: dict[str, Any] = {} if surgery.units and surgery.scale != 1 else {"units": (), "scale": 1.0}
    return replace(surgery, **without, seed=surgery.seed if surgery.noise else 0)


def _problems_of_vote(values: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each setting that a vote of several seeds cannot have."""
    problems, members = [], values["members"]
    if values.get("parent") is not None:
        problems.append("A vote of several seeds cannot go on from another training: let a single seed vote")
    if values.get("surgery") is not None:
        problems.append("The weights of a vote of several seeds cannot be changed: let a single seed vote")
    if values.get("random_state", SEED.default) + members - 1 > SEED.maximum:
        problems.append(f"The last of {members} seeds would be above {SEED.maximum}: take a smaller first one")
    layers = _layers(values["dataset"], values["model"], values["parameters"])
    n_parameters = members * sum(layer.n_parameters for layer in layers)
    if n_parameters > MOST_PARAMETERS:
        problems.append(
            f"The {members} models that vote would have {n_parameters:,} parameters, at most {MOST_PARAMETERS:,} are "
            "allowed: use fewer seeds or smaller layers"
        )
    return problems


def _check_parent(spec: RunSpec, parent: RunSpec) -> None:
    """Refuse a parent that a training cannot honestly go on from."""
    if parent.model != spec.model or _shapes(parent) != _shapes(spec):
        raise InvalidSetting(
            "A training goes on from one of the same model and layers, on images of the same size and as many classes: "
            "set these back, or start from scratch"
        )
    n_before, n_epochs = parent.parameters["epochs"], spec.parameters["epochs"]
    if n_epochs <= n_before:
        raise InvalidSetting(f"epochs must be more than the {n_before} that the training goes on from, got {n_epochs}")
    if parent.dataset == spec.dataset and _held_out(parent.split) != _held_out(spec.split):
        raise InvalidSetting(
            "A training that goes on must keep the split, except for the number of training images: with another one, "
            "it would be tested on images that it was trained on"
        )


def _check_ancestors(parent: Any) -> None:
    """Refuse too long a line of parents, before any of them is read."""
    n_parents = 0
    while parent is not None:
        n_parents += 1
        if n_parents > MOST_PARENTS:
            raise InvalidSetting(f"A training can go on from at most {MOST_PARENTS} others, each from the one before")
        parent = parent.get("parent") if isinstance(parent, Mapping) else getattr(parent, "parent", None)


def _shapes(spec: RunSpec) -> dict[str, tuple[int, ...]]:
    return weight_shapes(_layers(spec.dataset, spec.model, spec.parameters))


def _layers(dataset: str, model: str, parameters: Mapping[str, Any]) -> list[Layer]:
    """Return the planned layers of a model for the images of a data set; refuses one that does not fit them."""
    entry = DATASETS[dataset]
    return plan(model, parameters, entry.image_shape, entry.n_classes)


def _held_out(split: SplitSpec) -> dict[str, Any]:
    return split.model_dump(exclude={"max_train"})


def _check_name(kind: str, name: Any, known: Mapping[str, Any], problems: list[str]) -> bool:
    if isinstance(name, str) and name in known:
        return True
    problems.append(str(unknown_name(kind, name, known)))
    return False


def _collect(problems: list[str], values: dict[str, Any], name: str, clean: Callable[[Any], Any]) -> None:
    """Replace ``values[name]`` by its clean form, or note the problem."""
    try:
        values[name] = clean(values.get(name))
    except InvalidSetting as problem:
        problems.append(str(problem))


def _check_fit(values: Mapping[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Check what depends on both data set and model: an official split, a network for this image size."""
    dataset = DATASETS[values["dataset"]]
    split = values.get("split", SplitSpec())
    if split.kind == "official" and not dataset.has_official_split:
        raise InvalidSetting(f"{dataset.label} has no official split: choose a random one")
    _layers(values["dataset"], values["model"], parameters)
    return parameters


def _sentence(detail: Mapping[str, Any]) -> str:
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, InvalidSetting):
        return str(cause)
    name = ".".join(str(part) for part in detail["loc"])
    return f"{name}: {detail['msg'][0].lower()}{detail['msg'][1:]}, got {shortened(detail['input'])}"
