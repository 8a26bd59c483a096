"""Hands inside the model: change its weights, and see at once what that does to its accuracy and its answers."""

from __future__ import annotations

import numpy as np
import streamlit as st

from digitcore.datasets import Part
from digitcore.evaluation.comparison import compare_predictions
from digitcore.glossary import explain
from digitcore.insight.surgery import Surgery
from digitcore.insight.weight_images import first_layer_name, first_layer_titles
from digitcore.models.architecture import multiply_adds
from digitcore.runs import Run, RunSpec
from digitcore.runs.glimpse import spread
from digitcore.wording import accuracy_label, percent_text, points_interval_text
from pages.parts import layout, messages, metric, press, session, shared, view, visitor, waiting
from pages.parts.tiles import Tile, show_tiles
from pages.parts.train import baseline

# What a fifth of a second is enough for on two cores, and at least so many images.
MOST_MULTIPLY_ADDS, FEWEST_IMAGES, MOST_IMAGES = 4_000_000_000, 500, 10_000
MOST_CHANGED = 20
# Most changed runs are there by then; Train follows the others.
LONGEST_WAIT_SECONDS = 1.0
_TEMPERATURES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# Session keys of the widgets, by the parameters of the address.
_KEYS = {name: f"surgery_{name}" for name in ("pruned", "noise", "units", "times", "temperature")}
_STARTS = {"pruned": 0, "noise": 0.0, "units": [], "times": 0.0, "temperature": 1.0}


@view.fragment
@messages.caught()
def show(run: Run) -> None:
    """Ask what to do to the weights of a run, and show what comes of it."""
    st.header("Hands inside", help=explain("weight", "unit", "accuracy"))
    st.caption("Change the trained weights and see what the model can do without. The run itself stays as it is.")
    part, looked_at = _images(run)
    surgery = _ask(run)
    _offer(run, surgery)
    before = session.probabilities_of(run, part)[looked_at].argmax(axis=1)
    if surgery.changes_nothing:
        st.caption("Nothing is changed yet: prune some weights, or switch a unit off.")
        return
    truth = part.labels[looked_at]
    after = session.model_of(run).operated(surgery).predict(part.take(looked_at))
    _show_figures(part, truth, before, after)
    _show_changed(run, part, looked_at, before, after)


def _images(run: Run) -> tuple[Part, np.ndarray]:
    """Return the part whose figures count, and the positions of as many of its images as can be looked at at once."""
    part = getattr(session.parts_of(run), list(run.figures)[-1])
    dataset = part.dataset
    work = multiply_adds(run.spec.model, run.spec.parameters, dataset.image_shape, dataset.n_classes)
    most = int(np.clip(MOST_MULTIPLY_ADDS / max(work, 1), FEWEST_IMAGES, MOST_IMAGES))
    return part, spread(part.n_images, most)


def _ask(run: Run) -> Surgery:
    weights = session.model_of(run).weights
    titles = first_layer_titles(run.spec.model, weights, session.dataset(run.spec.dataset).class_names)
    n_units = len(weights[first_layer_name(run.spec.model, weights)])
    row = layout.choices("surgery")
    pruned = view.slider(
        row,
        "pruned",
        "Pruned weights (%)",
        0,
        99,
        _STARTS["pruned"],
        key=_KEYS["pruned"],
        help="The smallest of the whole network are set to 0.",
    )
    noise = view.slider(
        row,
        "noise",
        "Noise (SD of the weights)",
        0.0,
        2.0,
        _STARTS["noise"],
        step=0.05,
        key=_KEYS["noise"],
        help="Gaussian noise is added to each layer's weights; 1 is as large as they are.",
    )
    temperature = view.stops(
        row,
        "temperature",
        "Temperature",
        list(_TEMPERATURES),
        _STARTS["temperature"],
        key=_KEYS["temperature"],
        help="Scores are divided by it before the softmax: the model gets less sure above 1, and answers the same.",
    )
    row = layout.choices("surgery_units")
    units = view.several(
        row,
        "units",
        "Units to scale",
        list(range(n_units)),
        key=_KEYS["units"],
        format_func=titles.__getitem__,
        placeholder="none",
        help="Of the first layer, numbered as their weight images above.",
    )
    times = view.slider(
        row,
        "times",
        "Scaled by",
        0.0,
        4.0,
        _STARTS["times"],
        step=0.25,
        key=_KEYS["times"],
        disabled=not units,
        help="At 0 the chosen units are off.",
    )
    return Surgery(tuple(units), times, pruned / 100, noise, temperature)


def _offer(run: Run, surgery: Surgery) -> None:
    """Offer to undo what was done, and to keep the changed model as a run of its own."""
    with st.container(horizontal=True, key="surgery_buttons"):
        st.button("Undo all", key="undo_surgery", on_click=_undo)
        keep = press.button(
            "Keep as a run",
            key="keep_surgery",
            disabled=surgery.changes_nothing or run.spec.surgery is not None or run.state != "done",
            help="Evaluated on all images, and kept under a name that says what was changed. Train shows it beside "
            "this run. A run that was changed cannot be changed again.",
        )
    if keep:
        messages.attempt(_keep, run, run.spec.with_changes(surgery=surgery))


def _keep(run: Run, spec: RunSpec) -> None:
    """Have a changed run made from one that is kept, and let Train show it beside that one."""
    # Where its checkpoint was kept, nothing is trained again.
    kept = shared.engine().submit(spec, continues=run.spec, visitor=visitor.name())
    baseline.pin(run.spec)
    session.fill_form(run.spec)
    session.show_run(kept)
    waiting.wait_for_run(kept.digest, LONGEST_WAIT_SECONDS)
    st.switch_page("pages/train.py")


def _undo() -> None:
    st.session_state.update({key: _STARTS[name] for name, key in _KEYS.items()})


def _show_figures(part: Part, truth: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
    comparison = compare_predictions(truth, after, before)
    was, now = ((answers == truth).mean() for answers in (before, after))
    n_changed = int((before != after).sum())
    with st.container(horizontal=True):
        change = now - was if now != was else None
        metric.show(accuracy_label(part.name), percent_text(now), change, width=180)
        st.metric("Before", percent_text(was), width=140)
        st.metric("Answers changed", f"{n_changed:,}", width=160)
    interval = points_interval_text(comparison.low, comparison.high)
    counts = comparison.counts
    st.caption(
        f"On {len(truth):,} of the {part.n_images:,} {part.name} images; 95 % interval of the difference {interval} "
        f"points. {counts.n_only_b:,} images only the model before gets right, {counts.n_only_a:,} only this one."
    )


def _show_changed(run: Run, part: Part, looked_at: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
    changed = np.flatnonzero(before != after)[:MOST_CHANGED]
    if not len(changed):
        return
    names = part.dataset.class_names
    tiles = []
    for place in changed:
        position = int(looked_at[place])
        truth, was, now = (names[index] for index in (part.labels[position], before[place], after[place]))
        tiles.append(
            Tile(
                position=position,
                truth=truth,
                wrong=f"{was}→{now}",
                words=f"Image {position} of the {part.name} part\nTruth {truth}\nBefore {was}, now {now}",
                alt=f"Image {position}: truth {truth}, before {was}, now {now}",
            )
        )
    st.subheader("Images whose answer changed")
    show_tiles(part, tiles, key="surgery_tiles", run=run)
