"""The form that describes a training: one function per group of settings, each widget drawn from its record.

The widgets of a folded group are not drawn; their values stay those of the spec.

Each widget gets its value through the session state, where it can be set from outside, and as its default as well: what
is set there reaches the browser with one drawing only, and where a click interrupts that, the browser would send back a
default of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from digitcore.datasets import DATASETS
from digitcore.datasets.split_parameters import SCALING, SPLIT, STRATIFY_HELP, STRATIFY_LABEL
from digitcore.errors import InvalidSetting
from digitcore.glossary import explain
from digitcore.models import MODELS
from digitcore.models.hyperparameters import AUGMENTATION, TRAINING
from digitcore.parameters import NONE_TEXT, Choice, Integer, Number, Parameter, Sizes, short_text, slider_stops
from digitcore.runs import RunSpec
from digitcore.specs.changes import changes_between
from digitcore.specs.recipes import RECIPES, recipe_values
from digitcore.specs.run_spec import MEMBERS, SEED
from digitcore.specs.settings import DATASET, MODEL, settings_of
from digitcore.specs.titles import differences_from, spec_title
from digitcore.specs.views import OPEN_FORM
from digitcore.wording import counted
from pages.parts import look, session, view
from pages.parts.augmentation_preview import show_variants
from pages.parts.messages import plain

# A choice whose labels have no more letters than this in all is shown as buttons side by side.
BUTTON_LETTERS = 26
# In the box of recipes: the settings are those of the recipe no more. What differs is named below it, so many at most.
CHANGED, MOST_DIFFERENCES = "changed", 3


def ask_spec(
    spec: RunSpec,
    show_changes: Callable[[RunSpec], Collection[str]] | None = None,
    *,
    only: Collection[str] | None = None,
    locked: bool = False,
) -> tuple[RunSpec, str]:
    """Draw the form, filled with ``spec``; return what it describes and a sentence if that is not valid.

    Parameters
    ----------
    show_changes : callable, optional
        Says, below the recipe, what the settings are set beside, and returns the flat names of those that differ: their
        widgets are marked.
    only : collection of str, optional
        Names of the settings that are shown, each in the open; the others stay as they are. Those of the split are not
        among them.
    locked : bool
        Leave out the recipes.
    """
    recipe = st.container()
    try:
        data = _ask_data(spec, only)
        values = {**data, **_ask_model(spec, data["dataset"], only)}
        _check_texts(values["parameters"])
        asked, problem = RunSpec(**values, parent=_parent(values["model"])), ""
    except InvalidSetting as error:
        asked, problem = spec, str(error)
    with recipe:
        if not locked:
            _ask_recipe(asked)
        _show_parent(asked.model)
        if show_changes is not None:
            _mark(show_changes(asked), asked.model)
    session.keep_spec(asked)
    session.note_drawn(OPEN_FORM, keep=bool(problem))
    return asked, problem


def _mark(names: Collection[str], model: str) -> None:
    """Mark the widgets of these settings with a dot behind their labels; what they differ in is said in words above."""
    if not names:
        return
    labels = ", ".join(f".st-key-{_widget_key(name, model)} [data-testid=stWidgetLabel] p::after" for name in names)
    st.html(f"<style>{labels} {{ content: ' ●' / ''; font-size: 0.7em; color: {look.PRIMARY_TEXT}; }}</style>")


def _widget_key(name: str, model: str) -> str:
    setting = settings_of(model)[name]
    own = setting.group == "parameters" and setting.record not in TRAINING
    prefix = "model_" if setting.record is SEED else f"{model}_" if own else ""
    return session.form_key(prefix + setting.record.name)


def _parent(model: str) -> RunSpec | None:
    """Return what the training goes on from; another model starts from scratch."""
    parent = session.parent_in_form()
    return parent if parent is not None and parent.model == model else None


def _check_texts(values: Mapping[str, Any]) -> None:
    """Refuse texts that are too long to be read."""
    # Not where each is asked for: the rest of the form would not be drawn.
    for name, value in values.items():
        if isinstance(value, str):
            short_text(value, name, session.max_text_length())


def _ask_recipe(asked: RunSpec) -> None:
    """Draw the box of recipes, which says whether the form still has the settings of the one it started from."""
    recipe = session.recipe_name()
    differences = differences_from(asked, recipe)
    # The browser knows a choice by its label: with other labels it has to be another box.
    name, other = ("recipe_changed", "recipe") if differences else ("recipe", "recipe_changed")
    session.forget_form_value(other)
    start = CHANGED if differences else recipe
    options = {**({CHANGED: "Changed"} if differences else {}), **{name: each.label for name, each in RECIPES.items()}}
    key, chosen = session.form_value(name, start, options)
    st.selectbox(
        "Recipe",
        list(options),
        index=list(options).index(chosen),
        format_func=options.__getitem__,
        key=key,
        help=explain("recipe"),
        on_change=_fill_from_recipe,
        args=(key,),
    )
    if differences:
        more = " and more" if len(differences) > MOST_DIFFERENCES else ""
        shown = plain(", ".join(differences[:MOST_DIFFERENCES]))
        st.caption(f"**{plain(recipe)}** with {shown}{more}. Choose it again to undo.")


def _show_parent(model: str) -> None:
    """Say what the training goes on from, with a way back."""
    parent = _parent(model)
    if parent is None:
        return
    with st.container(border=True, gap="xsmall"):
        n_epochs = counted(parent.parameters["epochs"], "epoch")
        title = plain(spec_title(parent, varied=("epochs",)))
        st.caption(f"Goes on after {n_epochs} of **{title}**: what you change below holds from there on.")
        st.button("Start from scratch", key="start_from_scratch", on_click=session.start_from_scratch, width="stretch")


def _fill_from_recipe(key: str) -> None:
    name = st.session_state[key]
    if name in RECIPES:
        session.put_spec(RECIPES[name].spec, name)


def _ask_data(spec: RunSpec, only: Collection[str] | None) -> dict[str, Any]:
    name = _ask_if_shown(DATASET, spec.dataset, only)
    if only is not None:
        values = spec.split.model_dump() if name == spec.dataset else {}
        return {"dataset": name, "scaling": spec.scaling, "split": values}
    values: dict[str, Any] = {}
    box = view.expander(st, "open_split", "Split and scaling")
    is_drawn = session.is_drawn("open_split")
    ask = _ask if is_drawn else _keep
    with box:
        for record in SPLIT:
            if record.applies(values):
                values[record.name] = ask(record, getattr(spec.split, record.name), name)
        stratify = spec.split.stratify
        values["stratify"] = _ask_flag("stratify", STRATIFY_LABEL, STRATIFY_HELP, stratify) if is_drawn else stratify
        scaling = ask(SCALING, spec.scaling)
    return {"dataset": name, "scaling": scaling, "split": values}


def _keep(record: Parameter, value: Any, dataset: str = "") -> Any:
    """Return what a widget that is not drawn would: the value, unless the data set does not have it."""
    if isinstance(record, Choice) and value not in (options := _options(record, dataset)):
        return next(iter(options))
    return value


def _ask_model(spec: RunSpec, dataset: str, only: Collection[str] | None) -> dict[str, Any]:
    model = _ask_if_shown(MODEL, spec.model, only)
    parameters: dict[str, Any] = {}
    main, others, augmentation = _groups(model)
    if only is not None:
        _ask_group([*main, *others, *augmentation], spec, model, parameters, only)
        seed = _ask_if_shown(SEED, spec.random_state, _field_names(only), prefix="model_")
        members = _ask_if_shown(MEMBERS, spec.members, only)
        return {"model": model, "parameters": parameters, "random_state": seed, "members": members}
    _ask_group(main, spec, model, parameters)
    box = view.expander(st, "open_more", f"More settings{_n_changed(spec, [*others, SEED, MEMBERS])}")
    shown = None if session.is_drawn("open_more") else ()
    with box:
        _ask_group(others, spec, model, parameters, shown)
        seed = _ask_if_shown(SEED, spec.random_state, shown, prefix="model_")
        members = _ask_if_shown(MEMBERS, spec.members, shown)
    if augmentation:
        _ask_augmentation(augmentation, spec, model, dataset, parameters)
    return {"model": model, "parameters": parameters, "random_state": seed, "members": members}


def _ask_augmentation(
    records: Sequence[Parameter], spec: RunSpec, model: str, dataset: str, parameters: dict[str, Any]
) -> None:
    """Ask how training images are changed, with examples of it, and add the answers to ``parameters``."""
    box = view.expander(st, "open_augmentation", f"Augmentation{_n_changed(spec, records)}")
    if not session.is_drawn("open_augmentation"):
        _ask_group(records, spec, model, parameters, only=())
        return
    with box:
        st.caption("Training images, changed at random.", help=explain("augmentation", "what augmentation brings"))
        variants = st.container()
        _ask_group(records, spec, model, parameters)
        with variants:
            show_variants(dataset, parameters)


def _field_names(only: Collection[str]) -> set[str]:
    """Return names of settings as their records have them: the seed's is another one."""
    return {SEED.name if name == "seed" else name for name in only}


def _ask_if_shown(record: Parameter, value: Any, only: Collection[str] | None, prefix: str = "") -> Any:
    return _ask(record, value, prefix=prefix) if only is None or record.name in only else value


def _n_changed(spec: RunSpec, folded: Sequence[Parameter]) -> str:
    """Return, for the heading of what is folded, how many settings in it are other than the recipe's."""
    recipe = RECIPES[session.recipe_name()].spec
    changes = changes_between(recipe, spec) if recipe.model == spec.model else []
    n = sum(change.name in {"seed" if record is SEED else record.name for record in folded} for change in changes)
    return f" :blue[({n} changed)]" if n else ""


def _groups(model: str) -> tuple[list[Parameter], list[Parameter], list[Parameter]]:
    """Return the settings that matter most, in the model's order, the others, and those of augmentation.

    Of the others those that few change come last.
    """
    entry = MODELS[model]
    by_name = {record.name: record for record in entry.parameters}
    augmentation = [record for record in entry.parameters if record in AUGMENTATION]
    others = [record for record in entry.parameters if record.name not in entry.main and record not in augmentation]
    others.sort(key=lambda record: (record.folded, record in TRAINING))
    return [by_name[name] for name in entry.main], others, augmentation


def _ask_group(
    records: Sequence[Parameter],
    spec: RunSpec,
    model: str,
    parameters: dict[str, Any],
    only: Collection[str] | None = None,
) -> None:
    """Ask for the records that have an effect beside the answers so far, and add the answers to ``parameters``."""
    for record in records:
        if record.applies(parameters):
            # The training's settings stay when the model changes; what is a model's own starts from its default.
            own = record not in TRAINING
            known = {} if own and model != spec.model else spec.parameters
            value = known.get(record.name, record.default)
            parameters[record.name] = _ask_if_shown(record, value, only, prefix=f"{model}_" if own else "")


def _ask(record: Parameter, value: Any, dataset: str = "", prefix: str = "") -> Any:
    """Draw the widget for ``record``, showing ``value`` unless the user has touched it, and return its answer."""
    name = prefix + record.name
    if isinstance(record, Choice):
        return _ask_choice(record, value, name, _options(record, dataset))
    if isinstance(record, Sizes):
        key, text = session.form_value(name, "-".join(str(size) for size in value))
        return st.text_input(
            record.label, text, max_chars=session.max_text_length() + 1, key=key, help=record.help, placeholder="none"
        )
    if record.scale == "log" or record.none_label is not None:
        return _ask_stops(record, value, name)
    return _ask_slider(record, value, name)


def _options(record: Choice, dataset: str) -> dict[str, str]:
    """The options that fit the data set."""
    hidden = {"official"} if record.name == "kind" and dataset and not DATASETS[dataset].has_official_split else set()
    return {value: label for value, label in record.options.items() if value not in hidden}


def _ask_choice(record: Choice, value: str, name: str, options: dict[str, str]) -> str:
    key, value = session.form_value(name, value, options)
    names = list(options)
    shared = dict(format_func=options.__getitem__, key=key, help=record.help)
    if len("".join(options.values())) <= BUTTON_LETTERS:
        return st.segmented_control(record.label, names, default=value, required=True, width="stretch", **shared)
    return st.selectbox(record.label, names, index=names.index(value), **shared)


def _ask_stops(record: Integer | Number, value: Any, name: str) -> Any:
    stops = slider_stops(record, extra=[*recipe_values(record.name), value])
    texts = {record.text(stop): stop for stop in stops}
    labels = {text: record.none_label if text == NONE_TEXT else text for text in texts}
    key, text = session.form_value(name, record.text(value), texts)
    text = st.select_slider(record.label, list(texts), text, format_func=labels.__getitem__, key=key, help=record.help)
    return texts[text]


def _ask_slider(record: Integer | Number, value: Any, name: str) -> Any:
    low, high = session.form_bounds(name, record.slider[0], record.slider[1], value)
    key, value = session.form_value(name, value)
    return st.slider(record.label, low, high, value, record.step, key=key, help=record.help)


def _ask_flag(name: str, label: str, help_text: str, value: bool) -> bool:
    key, value = session.form_value(name, value)
    return st.toggle(label, value, key=key, help=help_text)
