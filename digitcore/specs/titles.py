"""Names for trainings by what differs: "digits-mlp, rate 0.05"."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from digitcore.datasets import DATASETS
from digitcore.errors import InvalidSetting
from digitcore.models import MODELS
from digitcore.models.hyperparameters import TRAINING
from digitcore.parameters import Choice
from digitcore.specs.recipes import RECIPES
from digitcore.specs.run_spec import MEMBERS, RunSpec
from digitcore.specs.settings import setting_label, setting_value, settings_of, switch_model
from digitcore.wording import counted

# A spec with more differences from a recipe is not called after it.
MOST_RECIPE_DIFFERENCES = 4
# A spec is called after a recipe of another model only if that leaves out at least so many parts.
LEAST_PARTS_SAVED = 2
# Parts that a heading beside the form has: with more it takes two lines of a laptop.
HEADING_PARTS = 5
_TRAINING_NAMES = tuple(record.name for record in TRAINING)
_ROOTS = ("dataset", "model")
# Not in parentheses, which tell of what a training goes on from.
_BETWEEN_PARTS = re.compile(r", (?![^(]*\))")


@dataclass(frozen=True)
class _Base:
    """What a title starts from: its words, and by name the values of the settings that they stand for.

    ``recipe`` is the one that it names, maybe on another data set or with another model; None where it is data set,
    model and epochs.
    """

    words: str
    values: dict[str, Any]
    recipe: str | None = None


def spec_title(spec: RunSpec, *, varied: Collection[str] = (), most: int | None = None) -> str:
    """Return a spec in a few words: a recipe, or data set, model and epochs, and what differs from it.

    A recipe names the spec if little differs from it; if no recipe does, one of another data set, or else of another
    model, may: "digits-mlp on MNIST", "CNN trained like digits-mlp".

    Parameters
    ----------
    spec : RunSpec
        What is named.
    varied : collection of str
        Flat names of settings that the title does not mention, because an experiment varies them.
    most : int, optional
        Number of parts; further differences are counted. By default, all are named, so that two specs that differ in a
        setting that is not varied have different titles.
    """
    base = _base_of(spec, frozenset(varied))
    differences = [*_differences(spec, base, varied).values(), *_history(spec).values()]
    n_named = len(differences) if most is None else max(most - len(base.words.split(", ")), 0)
    if len(differences) > n_named:
        differences = [*differences[:n_named], f"{len(differences) - n_named} more"]
    return ", ".join(part for part in (base.words, *differences) if part)


def spec_titles(specs: Sequence[RunSpec]) -> list[str]:
    """Return a title for each spec of a list, without the settings that say nothing within the list.

    Of specs that are called after their data set and model, settings that all of them share are left out. Different
    specs have different titles.
    """
    bases, differences = zip(*map(_base_and_differences, specs), strict=True) if specs else ((), ())
    kinds = [None if base.recipe else (spec.dataset, spec.model) for spec, base in zip(specs, bases, strict=True)]
    shared = {
        kind: _shared([each for each, own in zip(differences, kinds, strict=True) if own == kind])
        for kind in set(kinds) - {None}
    }
    return [
        ", ".join([base.words, *(words for name, words in each.items() if (name, words) not in shared.get(kind, ()))])
        for base, each, kind in zip(bases, differences, kinds, strict=True)
    ]


def nearest_recipe(spec: RunSpec, default: str) -> str:
    """Return the recipe that a spec's title names, else the one of its data set and model with the fewest differences.

    Without one, it is ``default``. See :func:`spec_title`.
    """
    if named := _base_of(spec, frozenset()).recipe:
        return named
    distances = {
        name: len(_differences(spec, base))
        for name, base in _recipe_bases(spec.model).items()
        if base.values["dataset"] == spec.dataset
    }
    return min(distances, key=lambda name: (distances[name], name != default), default=default)


def recipe_name(spec: RunSpec) -> str | None:
    """Return the recipe of the same data set and model that a spec is called after, whatever its seed, or None.

    A spec that differs too much from every recipe is called after none.
    """
    base = _base_of(spec, frozenset({"seed"}))
    return base.recipe if base.words == base.recipe and not _history(spec) else None


def model_titles(specs: Sequence[RunSpec]) -> list[str]:
    """Return what each spec is called beside the others, without the data set if it is the same for all."""
    titles, datasets = spec_titles(specs), {spec.dataset for spec in specs}
    if len(datasets) != 1:
        return titles
    return [title.removeprefix(f"{DATASETS[specs[0].dataset].label}, ") for title in titles]


def short_titles(titles: Sequence[str]) -> list[str]:
    """Return titles without the parts that all of them have, for sentences about how they differ.

    A title that has no other parts stays whole. Different titles stay different.
    """
    parts = [_BETWEEN_PARTS.split(title) for title in titles]
    shared = set.intersection(*map(set, parts)) if len(parts) > 1 else set()
    short = [
        ", ".join(part for part in each if part not in shared) or title
        for title, each in zip(titles, parts, strict=True)
    ]
    return short if len(set(short)) == len(set(titles)) else list(titles)


def differences_from(spec: RunSpec, recipe: str) -> list[str]:
    """Return in words what ``spec`` has otherwise than a recipe, whatever its seed: ``["rate 0.05", "50 epochs"]``."""
    published = RECIPES[recipe].spec
    roots = [
        registry[getattr(spec, name)].label
        for name, registry in (("dataset", DATASETS), ("model", MODELS))
        if getattr(spec, name) != getattr(published, name)
    ]
    return [
        *roots,
        *_differences(spec, _Base("", _values(published)), ("seed",)).values(),
        *_history(spec).values(),
    ]


def _history(spec: RunSpec) -> dict[str, str]:
    """Return in words what no setting says: what a training goes on from, and what was done to its weights after it.

    ``{"parent": "from epoch 20 (rate 0.05)", "surgery": "40 % pruned"}``, without what there is not.
    """
    history = {}
    if spec.parent is not None:
        others = _differences(spec.parent, _Base("", _values(spec)), ("epochs",))
        dataset = [DATASETS[spec.parent.dataset].label] if spec.parent.dataset != spec.dataset else []
        words = ", ".join([*dataset, *others.values(), *_history(spec.parent).values()])
        history["parent"] = f"from epoch {spec.n_inherited:,} ({words})"
    if spec.surgery is not None:
        history["surgery"] = spec.surgery.words
    return history


# Lists of runs are shown again and again, and grow by one.
@lru_cache(maxsize=1024)
def _base_and_differences(spec: RunSpec) -> tuple[_Base, Mapping[str, str]]:
    base = _base_of(spec, frozenset())
    return base, MappingProxyType(_differences(spec, base) | _history(spec))


def _shared(differences: list[Mapping[str, str]]) -> set[tuple[str, str]]:
    """Return the differences that all of several specs have; none of a single one."""
    if len(differences) < 2:
        return set()
    return set.intersection(*(set(each.items()) for each in differences))


@lru_cache(maxsize=1024)
def _base_of(spec: RunSpec, varied: frozenset[str]) -> _Base:
    """Return the recipe that differs least, if that is little, or the spec's data set, model and epochs."""
    plain = _plain_base(spec, varied)
    if varied & set(_ROOTS):
        return plain
    n_plain, recipes = len(_differences(spec, plain, varied)), _recipe_bases(spec.model).values()
    own = [base for base in recipes if base.values["dataset"] == spec.dataset]
    # What the form comes to when another data set is chosen in a recipe, and when another model is.
    label = DATASETS[spec.dataset].label
    moved = [
        replace(base, words=f"{base.words} on {label}") for base in recipes if base.values["dataset"] != spec.dataset
    ]
    switched = [base for base in _switched_bases(spec.model) if base.values["dataset"] == spec.dataset]
    for bases, most in ((own, n_plain + 1), (moved, n_plain), (switched, n_plain - LEAST_PARTS_SAVED)):
        nearest = min(bases, key=lambda base: len(_differences(spec, base, varied)), default=plain)
        if nearest.recipe and len(_differences(spec, nearest, varied)) <= min(MOST_RECIPE_DIFFERENCES, most):
            return nearest
    return plain


def _root_label(name: str, value: str) -> str:
    """Return what a title calls a data set or a model."""
    return DATASETS[value].label if name == "dataset" else MODELS[value].title_label


def _plain_base(spec: RunSpec, varied: frozenset[str]) -> _Base:
    parts = {
        **{name: _root_label(name, getattr(spec, name)) for name in _ROOTS},
        "epochs": counted(spec.parameters["epochs"], "epoch"),
    }
    words = ", ".join(part for name, part in parts.items() if name not in varied)
    values = {**_defaults(spec.dataset, spec.model), "epochs": spec.parameters["epochs"]}
    return _Base(words, values)


@lru_cache(maxsize=256)
def _defaults(dataset: str, model: str) -> dict[str, Any]:
    try:
        return _values(RunSpec(dataset=dataset, model=model))
    except InvalidSetting:  # the model's defaults do not fit such images: every setting is named
        return {}


@lru_cache(maxsize=64)
def _recipe_bases(model: str) -> dict[str, _Base]:
    return {
        name: _Base(name, _values(recipe.spec), name) for name, recipe in RECIPES.items() if recipe.spec.model == model
    }


@lru_cache(maxsize=64)
def _switched_bases(model: str) -> list[_Base]:
    """Return the recipes of other models with this one instead, those that it can be trained with."""
    bases = []
    for name, recipe in RECIPES.items():
        with suppress(InvalidSetting):
            if recipe.spec.model != model:
                values = _values(switch_model(recipe.spec, model))
                bases.append(_Base(f"{_root_label('model', model)} trained like {name}", values, name))
    return bases


def _values(spec: RunSpec) -> dict[str, Any]:
    return {name: setting_value(spec, name) for name in settings_of(spec.model)}


def _differences(spec: RunSpec, base: _Base, varied: Collection[str] = ()) -> dict[str, str]:
    """Return in words the settings that are not the base's, by name: those of the training first, the split's last."""
    settings = settings_of(spec.model)
    names = [name for name in (*_TRAINING_NAMES, *settings) if name in settings and name not in (*varied, *_ROOTS)]
    if "model" in varied:  # of another model they are other settings
        names = [name for name in names if settings[name].group != "parameters" or name in _TRAINING_NAMES]
    names.sort(key=lambda name: settings[name].group != "parameters")
    values = {name: setting_value(spec, name) for name in dict.fromkeys(names)}
    return {
        name: _phrase(spec.model, name, value)
        for name, value in values.items()
        if name not in base.values or base.values[name] != value
    }


def _phrase(model: str, name: str, value: Any) -> str:
    """Return a value of a setting in words, such as "rate 0.05" or "full batch"."""
    record = settings_of(model)[name].record
    if name == "epochs":
        return counted(value, "epoch")
    if name == MEMBERS.name and value == 1:
        return "no vote"
    if value is None:
        return (
            f"no {record.label.lower()}" if record.none_label == "off" else record.none_label or f"{record.label}: none"
        )
    text = record.options[value] if isinstance(record, Choice) else setting_label(name, value)
    lower = f"{text[:1].lower()}{text[1:]}"
    return record.phrase.format(text, lower=lower) if record.phrase else f"{record.label} {text}"
