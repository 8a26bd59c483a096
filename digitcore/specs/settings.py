"""Every setting of a RunSpec under one flat name: what links carry, sweeps vary and tables show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from digitcore.datasets import DATASETS
from digitcore.datasets.split_parameters import SCALING, SPLIT, STRATIFY_HELP, STRATIFY_LABEL
from digitcore.errors import InvalidSetting
from digitcore.glossary import explain
from digitcore.models import MODELS
from digitcore.models.hyperparameters import TRAINING
from digitcore.parameters import NONE_TEXT, Choice, Integer, Number, Parameter, unknown_name
from digitcore.specs.run_spec import MEMBERS, SEED, RunSpec
from digitcore.wording import MINUS


class Labels(Mapping[str, str]):
    """The labels of a registry's entries by name, those that are registered later among them."""

    def __init__(self, entries: Mapping[str, Any]):
        self._entries = entries

    def __getitem__(self, name: str) -> str:
        return self._entries[name].label

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


DATASET = Choice(
    name="dataset",
    label="Data set",
    help=explain("data set"),
    default="digits",
    options=Labels(DATASETS),
)
MODEL = Choice(
    name="model",
    label="Model",
    help=explain("model"),
    default="mlp",
    options=Labels(MODELS),
)
# Two settings of a spec are called random_state, and "kind" says little by itself.
_SPLIT_NAMES = {"kind": "split", "random_state": "split_seed"}
_STRATIFY = Choice(
    name="stratify",
    label=STRATIFY_LABEL,
    phrase="stratify: {}",
    help=STRATIFY_HELP,
    default="false",
    options={"false": "no", "true": "yes"},
)


@dataclass(frozen=True)
class Setting:
    """A setting of a spec.

    Attributes
    ----------
    record : Parameter
        Its label, help and valid values.
    group : {"", "split", "parameters"}
        Where it stands in the spec; empty for a field of the spec itself.
    """

    record: Parameter
    group: str = ""


@cache
def settings_of(model: str) -> dict[str, Setting]:
    """Return every setting of a spec of this model by its flat name, in the form's order."""
    split = {_SPLIT_NAMES.get(record.name, record.name): Setting(record, "split") for record in (*SPLIT, _STRATIFY)}
    own = {record.name: Setting(record, "parameters") for record in MODELS[model].parameters}
    return {
        "dataset": Setting(DATASET),
        "scaling": Setting(SCALING),
        **split,
        "model": Setting(MODEL),
        **own,
        "seed": Setting(SEED),
        "members": Setting(MEMBERS),
    }


def all_settings() -> dict[str, Setting]:
    """Return every setting that any model has, by its flat name; of several models' the first one's."""
    return _settings_of_all(tuple(MODELS))


@cache
def _settings_of_all(models: tuple[str, ...]) -> dict[str, Setting]:
    return {name: setting for model in reversed(models) for name, setting in settings_of(model).items()}


def setting_value(spec: RunSpec, name: str) -> Any:
    """Return the value of a setting by its flat name, as its record takes it."""
    setting = settings_of(spec.model)[name]
    if setting.record is _STRATIFY:
        return "true" if spec.split.stratify else "false"
    if setting.group == "parameters":
        return spec.parameters[setting.record.name]
    return getattr(spec.split if setting.group == "split" else spec, setting.record.name)


def setting_text(name: str, value: Any) -> str:
    """Return a value of a setting as text: ``"0.01"``, ``"32-16"``, ``"none"``."""
    return all_settings()[name].record.text(value)


def setting_label(name: str, value: Any) -> str:
    """Return a value of a setting as a reader calls it: ``"Adam with AMSGrad"``, ``"full batch"``, ``"0.01"``.

    What is no setting, such as the number of a fold, is shown as it is.
    """
    setting = all_settings().get(name)
    if setting is None:
        return str(value)
    if isinstance(setting.record, Choice):
        return setting.record.options[value]
    text = setting.record.text(value)
    if text == NONE_TEXT:
        return setting.record.none_label or text
    if isinstance(setting.record, Integer | Number):
        # A seed is a name, not a quantity.
        grouped = isinstance(value, int) and "seed" not in setting.record.label.lower()
        return (f"{value:,}" if grouped else text).replace("-", MINUS)
    return text


def with_settings(spec: RunSpec, values: Mapping[str, Any]) -> RunSpec:
    """Return ``spec`` with settings replaced, given by their flat names.

    Another model keeps the settings of the training; what is a model's own starts from its default.

    Raises
    ------
    InvalidSetting
        If a name or a value is not valid.
    """
    model = MODEL.clean(values.get("model", spec.model))
    known, problems = settings_of(model), []
    changes: dict[str, Any] = {"split": {}, "parameters": {}}
    for name, value in values.items():
        if name not in known:
            problems.append(str(unknown_name("setting", name, known)))
            continue
        setting = known[name]
        if setting.record is _STRATIFY:
            value = _STRATIFY.clean(str(value).lower()) == "true"
        (changes[setting.group] if setting.group else changes)[setting.record.name] = value
    if problems:
        raise InvalidSetting("; ".join(problems))
    return switch_model(spec, changes.pop("model", spec.model)).with_changes(**changes)


def switch_model(spec: RunSpec, model: str) -> RunSpec:
    """Return ``spec`` with another model: settings of the training are kept, those of the model are its defaults.

    It goes on from no other training.
    """
    if model == spec.model:
        return spec
    kept = [record.name for record in TRAINING if record in MODELS[model].parameters]
    shared = {name: spec.parameters[name] for name in kept if name in spec.parameters}
    return RunSpec(**{**spec.model_dump(), "model": model, "parameters": shared, "parent": None})
