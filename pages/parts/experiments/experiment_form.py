"""What experiment to make: its kind, its settings, what it will take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from digitcore.datasets import DATASETS
from digitcore.errors import InvalidSetting
from digitcore.experiments import Axis, CrossValidation, LearningCurve, Plan, RecipeTables, Sweep
from digitcore.experiments.axes import listed_texts
from digitcore.experiments.experiment import expected_experiment_seconds, is_time_known, may_end_early
from digitcore.experiments.plan_parameters import FACTOR, N_RANDOM, N_REPEATS, N_SEEDS, K
from digitcore.experiments.summary import plan_words
from digitcore.glossary import explain
from digitcore.parameters import Choice, Integer, Number, Parameter, short_text, slider_stops
from digitcore.runs import RunSpec
from digitcore.specs.recipes import RECIPES
from digitcore.specs.settings import setting_text, setting_value, settings_of
from digitcore.specs.views import axis_name
from digitcore.wording import about_text, rough_duration_text
from pages.parts import layout, press, session, shared, view
from pages.parts.messages import plain

CROSS_VALIDATION, SWEEP, LEARNING_CURVE, RECIPE = (
    plan.KIND for plan in (CrossValidation, Sweep, LearningCurve, RecipeTables)
)
RATE = "learning-rate"
KINDS = {
    CROSS_VALIDATION: "Cross-validation",
    SWEEP: "Sweep",
    LEARNING_CURVE: "Learning curve",
    RATE: "Learning rate",
    RECIPE: "Recipes",
}
# What a sweep does not vary: halves of other settings, and what the folds are made of.
_NOT_VARIED = ("split", "validation", "n_folds", "fold", "stopping_size", "max_images", "max_train")
_RANGE, _LIST = "Range", "List"


def ask_kind() -> str:
    """Ask for the kind of experiment; a link's experiment has chosen it already."""
    linked = session.linked_experiment()
    return view.buttons(
        st,
        "kind",
        "Kind of experiment",
        list(KINDS),
        start=linked.plan.KIND if linked else CROSS_VALIDATION,
        format_func=KINDS.get,
        key=session.EXPERIMENT_KIND,
        persist_state="session",
        label_visibility="collapsed",
        help=explain("cross-validation", "sweep", "learning curve", "LR range test"),
    )


def ask_plan(kind: str, spec: RunSpec) -> Plan | None:
    """Ask for the settings of an experiment; None, and a sentence, where they are not valid."""
    asks = {
        CROSS_VALIDATION: _ask_folds,
        SWEEP: _ask_sweep,
        LEARNING_CURVE: _ask_sizes,
        RECIPE: lambda spec: _ask_recipe(),
    }
    try:
        return asks[kind](spec)
    except InvalidSetting as problem:
        st.error(plain(str(problem)))
        return None


def show_plan(plan: Plan | None) -> None:
    """Show what will be trained, how long it will take, and the button that starts it."""
    if plan is None:
        return
    seconds = expected_experiment_seconds(plan, shared.engine().n_workers, session.past_runs())
    summary, button = layout.with_button("start")
    known = is_time_known(plan, session.past_runs())
    # "Less than a second" is a limit already.
    takes = f"takes {'at most ' * (may_end_early(plan) and seconds >= 1)}{about_text(seconds)}"
    words = takes if known else f"time on this machine not yet known, perhaps {rough_duration_text(seconds)}"
    summary.markdown(f"**{plain(plan_words(plan))}** :gray[· {words}]")
    disabled = _is_running(plan)
    if press.button("Start", key="start", place=button, type="primary", width="stretch", disabled=disabled):
        _load_data(plan)
        session.start_experiment(plan)
        st.rerun()


def _is_running(plan: Plan) -> bool:
    return any(experiment.digest == plan.digest for experiment in shared.experiments().active())


def _load_data(plan: Plan) -> None:
    """Load what has to be downloaded here, where a spinner shows it and a failure is told at once."""
    for name in {member.spec.dataset for member in plan.members if member.spec is not None}:
        if DATASETS[name].is_downloaded:
            session.dataset(name)


def _ask_folds(spec: RunSpec) -> CrossValidation:
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        k = _ask_integer("k", K, key="folds_k")
    stratify = view.toggle(
        right,
        "stratified",
        "Stratify",
        key="folds_stratify",
        persist_state="session",
        help=explain("stratify"),
    )
    return CrossValidation(spec, k, stratify, nested=True)


def _ask_sizes(spec: RunSpec) -> LearningCurve:
    left, right = st.columns(2)
    known = DATASETS[spec.dataset].n_images
    sizes = [size for size in (70, 700, 7000, 70000) if size <= 10 * known][-3:]
    text = view.text(
        left,
        "sizes",
        "Training images",
        ", ".join(str(size) for size in sizes),
        max_chars=session.max_text_length() + 1,
        key=f"sizes_{spec.dataset}",
        persist_state="session",
        help="Sizes of the training part, such as 700, 7000, 70000. More than there are means all.",
    )
    with right:
        n_repeats = _ask_integer("repeats", N_REPEATS, key="sizes_repeats")
    parts = listed_texts(short_text(text, "The list of training images", session.max_text_length()))
    numbers = [int(part) if part.isascii() and part.isdigit() else part for part in parts]
    return LearningCurve(spec, tuple(numbers), n_repeats)


def _ask_recipe() -> RecipeTables:
    left, right = st.columns(2)
    name = view.select(
        left,
        "published",
        "Recipe",
        list(RECIPES),
        format_func=lambda name: RECIPES[name].label,
        key="published_recipe",
        persist_state="session",
        help="Everything that its source published, or that was measured of it, is trained again.",
    )
    with right:
        n_seeds = _ask_integer("seeds", N_SEEDS, key="published_seeds")
    return RecipeTables(name, n_seeds)


def _ask_sweep(spec: RunSpec) -> Sweep:
    known = {name: setting for name, setting in settings_of(spec.model).items() if name not in _NOT_VARIED}
    names = view.several(
        st,
        "vary",
        "Settings to vary",
        list(known),
        start=["learning_rate"],
        format_func=lambda name: known[name].record.label,
        key=f"sweep_names_{spec.model}",
        persist_state="session",
        help="One gives points, two a heat map, more parallel lines and what matters most.",
    )
    axes = tuple(_ask_axis(name, known[name].record, spec) for name in names)
    seeds, drawn, halving = st.columns(3)
    with seeds:
        n_seeds = _ask_integer("seeds", N_SEEDS, key="sweep_seeds")
    with drawn:
        n_random = _ask_integer("points", N_RANDOM, key="sweep_random")
    with halving:
        factor = _ask_integer("factor", FACTOR, key="sweep_factor")
    return Sweep(spec, axes, n_seeds=n_seeds, n_random=n_random, factor=factor)


def _ask_axis(name: str, record: Parameter, spec: RunSpec) -> Axis:
    key = f"axis_{spec.model}_{name}"
    if isinstance(record, Choice):
        return Axis.of(name, _ask_choices(name, record, key))
    if not isinstance(record, Integer | Number):
        return Axis.of(name, _ask_list(name, record, spec, key))
    left, right = st.columns([1, 3], vertical_alignment="bottom")
    how = view.buttons(
        left,
        axis_name(name, "how"),
        record.label,
        [_RANGE, _LIST],
        key=f"{key}_how",
        persist_state="session",
        help=record.help,
    )
    with right:
        return _ask_range(name, record, key) if how == _RANGE else Axis.of(name, _ask_list(name, record, spec, key))


def _ask_choices(name: str, record: Choice, key: str) -> Sequence[str]:
    return view.several(
        st,
        axis_name(name, "values"),
        record.label,
        list(record.options),
        start=list(record.options),
        format_func=record.options.__getitem__,
        key=key,
        persist_state="session",
        help=record.help,
    )


def _ask_list(name: str, record: Parameter, spec: RunSpec, key: str) -> list[str]:
    text = view.text(
        st,
        axis_name(name, "values"),
        f"{record.label}: values",
        setting_text(name, setting_value(spec, name)),
        max_chars=session.max_text_length() + 1,
        key=f"{key}_list",
        persist_state="session",
        help=f"Values with commas between: {record.expectation}.",
    )
    return listed_texts(short_text(text, f"The list of values of {name}", session.max_text_length()))


def _ask_range(name: str, record: Integer | Number, key: str) -> Axis:
    low, high, n, scale = st.columns(4, vertical_alignment="bottom")
    ends = (record.minimum, record.maximum)
    shared: dict[str, Any] = {"persist_state": "session"}
    if isinstance(record, Number):
        shared |= {"format": "%.6g", "step": record.step or record.slider[0]}
    lowest, highest = (
        view.number(place, axis_name(name, what), label, *ends, start, key=f"{key}_{end}", **shared)
        for place, what, label, start, end in (
            (low, "from", "From", record.slider[0], "low"),
            (high, "to", "To", record.slider[1], "high"),
        )
    )
    count = view.number(n, axis_name(name, "n"), "Values", 2, 50, 5, key=f"{key}_n", persist_state="session")
    chosen = view.select(
        scale,
        axis_name(name, "spacing"),
        "Spacing",
        ["linear", "log"],
        start="log" if record.scale == "log" else "linear",
        key=f"{key}_scale",
        persist_state="session",
        help=explain("spacing"),
    )
    return Axis(name, low=lowest, high=highest, n=count, scale=chosen)


def _ask_integer(name: str, record: Integer, *, key: str) -> int | None:
    shared: dict[str, Any] = {"key": key, "help": record.help, "persist_state": "session"}
    if record.none_label is None:
        return view.slider(st, name, record.label, *record.slider, record.default, **shared)
    low, high = record.slider
    stops = slider_stops(record) if record.scale == "log" else [None, *range(low, high + 1)]
    return view.stops(
        st,
        name,
        record.label,
        stops,
        record.default,
        format_func=lambda stop: record.none_label if stop is None else str(stop),
        **shared,
    )
