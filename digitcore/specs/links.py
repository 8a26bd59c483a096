"""A RunSpec as the query of a link, and back: a recipe's name and what differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from digitcore.datasets import DATASETS
from digitcore.errors import InvalidSetting
from digitcore.models import MODELS
from digitcore.parameters import did_you_mean, link_problem, short_text, shortened, unknown_name
from digitcore.specs.recipes import RECIPES
from digitcore.specs.run_spec import RunSpec
from digitcore.specs.settings import setting_text, setting_value, settings_of, switch_model, with_settings

DEFAULT_RECIPE = "digits-mlp"
# A link that sets everything has about fifty.
MOST_PARAMETERS = 100
# What a training goes on from, as a link of its own.
PARENT = "goes_on_from"


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
    if spec.parent is not None:
        changes[PARENT] = urlencode(spec_to_query(spec.parent, recipe))
    return changes if recipe == DEFAULT_RECIPE else {"recipe": recipe, **changes}


def readable_query(query: Mapping[str, str], max_length: int) -> tuple[dict[str, str], list[str]]:
    """Return the parameters of a link that are short enough to be read, and a sentence for what is not.

    Parameters
    ----------
    query : mapping of str to str
        The link's parameters.
    max_length : int
        Characters of a name or a value at most.
    """
    if len(query) > MOST_PARAMETERS:
        return {}, [f"The link has {len(query)} parameters, at most {MOST_PARAMETERS} are read: all were left out."]
    readable, problems = {}, []
    for name, text in query.items():
        try:
            label = "the name of a parameter" if len(name) > max_length else name
            readable[short_text(name, label, max_length)] = short_text(text, label, max_length)
        except InvalidSetting as problem:
            problems.append(link_problem(problem, "it was left out"))
    return readable, problems


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
    query = dict(query)
    parent = _parent_of(query.pop(PARENT, None), problems)
    given = {name: text for name, text in query.items() if name not in set(ignored)}
    recipe = _known(given.pop("recipe", DEFAULT_RECIPE), DEFAULT_RECIPE, "recipe", RECIPES, problems)
    start = RECIPES[recipe].spec
    model = _known(given.pop("model", start.model), start.model, "model", MODELS, problems)
    base = switch_model(start, model)
    dataset = _known(given.pop("dataset", base.dataset), base.dataset, "data set", DATASETS, problems)
    changes = _read(given, model, problems)
    try:
        return recipe, with_settings(base, {"dataset": dataset, **changes}).with_changes(parent=parent), problems
    except InvalidSetting as problem:
        return recipe, start, [*problems, f"The link's settings do not fit together: {problem}"]


def _parent_of(text: str | None, problems: list[str]) -> RunSpec | None:
    if text is None:
        return None
    _, parent, unread = query_to_spec(dict(parse_qsl(text, max_num_fields=MOST_PARAMETERS)))
    problems += [f"In what the link goes on from: {problem}" for problem in unread]
    return parent


def _known(name: str, default: str, kind: str, known: Mapping[str, Any], problems: list[str]) -> str:
    if name in known:
        return name
    problems.append(f"{unknown_name(kind, name, known)} The link was opened with {default!r}.")
    return default


def _texts(spec: RunSpec) -> dict[str, str]:
    names = [name for name in settings_of(spec.model) if name != "model"]
    return {name: setting_text(name, setting_value(spec, name)) for name in names}


def _read(given: Mapping[str, str], model: str, problems: list[str]) -> dict[str, Any]:
    """Return the valid values among the texts of a link."""
    known = settings_of(model)
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in known:
            # There are too many to list them all.
            hint = did_you_mean(name, known)
            problems.append(f"Unknown setting {shortened(name)} in the link: it was left out.{hint}")
            continue
        try:
            values[name] = known[name].record.parse(text)
        except InvalidSetting as problem:
            problems.append(link_problem(problem, "the default was taken"))
    return values
