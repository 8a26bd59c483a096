"""A RunSpec as the query of a link, and back: a recipe's name and what differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from digitcore.datasets import DATASETS
from digitcore.datasets.parameters import SCALING, SPLIT
from digitcore.errors import InvalidSetting
from digitcore.models import MODELS
from digitcore.models.hyperparameters import TRAINING
from digitcore.parameters import Choice, Parameter, unknown_name
from digitcore.recipes import RECIPES
from digitcore.runs.spec import SEED, RunSpec

DEFAULT_RECIPE = "digits-mlp"
_SPLIT_NAMES = {"kind": "split", "random_state": "split_seed"}
_STRATIFY = Choice(name="stratify", label="", help="", default="false", options={"false": "no", "true": "yes"})


def switch_model(spec: RunSpec, model: str) -> RunSpec:
    """Return ``spec`` with another model: settings of the training are kept, those of the model are its defaults."""
    if model == spec.model:
        return spec
    shared = {record.name: spec.parameters[record.name] for record in TRAINING}
    return RunSpec(**{**spec.model_dump(), "model": model, "parameters": shared})


def spec_to_query(spec: RunSpec, recipe: str = DEFAULT_RECIPE) -> dict[str, str]:
    """Return the link parameters that stand for ``spec``, as changes to ``recipe``.

    Returns
    -------
    dict of str to str
        Empty when ``spec`` is the default recipe.
    """
    base = switch_model(RECIPES[recipe].spec, spec.model)
    own, others = _texts(spec), _texts(base)
    changes = {name: text for name, text in own.items() if others.get(name) != text}
    if spec.model != RECIPES[recipe].spec.model:
        changes["model"] = spec.model
    return changes if recipe == DEFAULT_RECIPE else {"recipe": recipe, **changes}


def query_to_spec(query: Mapping[str, str], ignored: Iterable[str] = ()) -> tuple[str, RunSpec, list[str]]:
    """Return the recipe's name, the spec that a link stands for, and a sentence for each parameter that it does not.

    A link may come from anywhere: whatever is wrong in it is named and left out, never raised.

    Parameters
    ----------
    query : mapping of str to str
        The link's parameters.
    ignored : iterable of str, optional
        Parameters that belong to somebody else.
    """
    problems: list[str] = []
    given = {name: text for name, text in query.items() if name not in set(ignored)}
    recipe = _known(given.pop("recipe", DEFAULT_RECIPE), DEFAULT_RECIPE, "recipe", RECIPES, problems)
    start = RECIPES[recipe].spec
    model = _known(given.pop("model", start.model), start.model, "model", MODELS, problems)
    base = switch_model(start, model)
    dataset = _known(given.pop("dataset", base.dataset), base.dataset, "data set", DATASETS, problems)
    changes = _read(given, model, problems)
    try:
        return recipe, base.with_changes(dataset=dataset, **changes), problems
    except InvalidSetting as problem:
        return recipe, start, [*problems, f"The link's settings do not fit together: {problem}"]


def _known(name: str, default: str, kind: str, known: Mapping, problems: list[str]) -> str:
    if name in known:
        return name
    problems.append(f"{unknown_name(kind, name, known)} The link was opened with {default!r}.")
    return default


def _records(model: str) -> dict[str, tuple[str, Parameter]]:
    """Return for each name in a link the group of the spec it belongs to, and its record."""
    split = {_SPLIT_NAMES.get(record.name, record.name): ("split", record) for record in (*SPLIT, _STRATIFY)}
    own = {record.name: ("parameters", record) for record in MODELS[model].parameters}
    return {"scaling": ("", SCALING), **split, **own, "seed": ("", SEED)}


def _texts(spec: RunSpec) -> dict[str, str]:
    texts = {"dataset": spec.dataset}
    for name, (group, record) in _records(spec.model).items():
        texts[name] = record.text(_value(spec, group, record))
    return texts


def _value(spec: RunSpec, group: str, record: Parameter) -> Any:
    if record is _STRATIFY:
        return "true" if spec.split.stratify else "false"
    if group == "parameters":
        return spec.parameters[record.name]
    return getattr(spec.split if group == "split" else spec, record.name)


def _read(given: Mapping[str, str], model: str, problems: list[str]) -> dict[str, Any]:
    """Return the changes that ``given`` asks for, in the form :meth:`RunSpec.with_changes` takes."""
    records = _records(model)
    changes: dict[str, Any] = {"split": {}, "parameters": {}}
    for name, text in given.items():
        if name not in records:
            problems.append(f"{unknown_name('setting', name, records)} It was left out of the link.")
            continue
        group, record = records[name]
        try:
            value = record.parse(text)
        except InvalidSetting as problem:
            problems.append(f"In the link, {problem}; the default was taken.")
            continue
        target = changes[group] if group else changes
        target[record.name] = value == "true" if record is _STRATIFY else value
    return changes
