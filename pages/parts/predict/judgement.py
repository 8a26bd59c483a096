"""What one or several models make of an image, changed or not, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.charts import probability_chart, probability_table
from digitcore.datasets import Split
from digitcore.evaluation import judgements_table
from digitcore.experiments.tables import in_percent
from digitcore.glossary import explain
from digitcore.images.framing import Step
from digitcore.images.png import grayscale_png, grid_png, weights_png
from digitcore.insight.attribution import classes_to_compare
from digitcore.insight.perturbation import PERTURBATIONS, Perturbation, perturb
from digitcore.models import MODELS
from digitcore.runs import Run
from digitcore.runs.prediction import RunModel
from digitcore.runs.summary import run_labels
from digitcore.wording import article, counted, share_texts
from pages.parts import look, messages, part_lock, session, view
from pages.parts.charts import Frame
from pages.parts.predict import image_source
from pages.parts.predict.image_source import Question
from pages.parts.reading.reading_guide import show_heading

TILE = 224
CONTRIBUTIONS = (
    "Weight times pixel: ink on :blue[**blue**] raises the score of the class, ink on :orange[**orange**] lowers it."
)
OCCLUSION = (
    "A blank patch covers each region in turn. :blue[**Blue**]: without this region the class becomes less probable; "
    ":orange[**orange**]: more probable."
)
GRADIENT = "More ink on a :blue[**blue**] pixel raises the score of the class, on an :orange[**orange**] one lowers it."
# Of a map without any colour.
ALL_ZERO = {
    "contributions": "All zero: no pixel of this image adds anything to a score.",
    "occlusion": "All zero: whatever region is covered, the probabilities stay as they are.",
    "gradient": "All zero: a little more ink on any pixel changes no score.",
}


# Widths of what stands at the left, and of the answer beside it, in pixels.
IMAGE_WIDTH, ANSWER_WIDTH = 280, 170
SEEN_TILE, STEP_TILE = 112, 140
# The image and its maps fit beside each other on a laptop, with so many pixels between two maps of a kind.
WHY_TILE, WHY_GAP = 200, 6
# The longest name of a class that is shown as large as a digit.
SHORT_NAME = 2
# The classes that are explained: the parameter in the address, and the label.
WHY = (("why", "Class"), ("why_beside", "Compare with"))
_STYLE = Path(__file__).with_suffix(".css")


@view.fragment
@messages.caught()
def show(split: Split, runs: Sequence[Run]) -> None:
    """Ask for an image; show what the first run makes of it and why, and what the others say."""
    st.html(_STYLE)
    above = st.container()
    picture, answer, bars = _make_row(split.dataset.class_names)
    with above:
        question = image_source.ask_image(split, picture, answer)
    if question is None:
        return
    seen = [run for run in runs if not part_lock.hides(run, question.position)]
    if runs[0] not in seen:
        with above:
            part_lock.offer_opening(runs[:1])
        return
    _show_steps(question.steps)
    image, model = _changed(question.image, split.dataset.max_value), session.model_of(runs[0])
    probabilities = model.probabilities(image)
    names = split.dataset.class_names
    truth = None if question.truth is None else names[question.truth]
    with answer:
        _show_verdict(probabilities, names, truth)
    with answer if question.steps else picture:
        _show_image(image, question, split.dataset.max_value)
    with bars:
        show_heading("Probabilities", "probability", help_text=explain("probability", "prediction"))
        _show_probabilities(probabilities, tuple(names), truth)
    if len(runs) > 1:
        _show_others(image, seen, names, n_hidden=len(runs) - len(seen))
    _show_why(model, image, split.dataset.max_value, probabilities, question.truth)


def _make_row(names: Sequence[str]) -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Places for the image, the answer and the bars: side by side; on a phone the bars come below."""
    is_short = max(map(len, names)) <= SHORT_NAME
    with st.container(horizontal=True, gap="small"):
        picture = st.container(width=IMAGE_WIDTH, key="predict_image")
        answer = st.container(
            width=ANSWER_WIDTH, gap="xsmall", key="predict_answer" if is_short else "predict_answer_long"
        )
        return picture, answer, st.container(key="predict_bars")


def _changed(image: np.ndarray, max_value: int) -> np.ndarray:
    return max_value * perturb(image / max_value, _ask_change())


def _show_image(image: np.ndarray, question: Question, max_value: int) -> None:
    tile = SEEN_TILE if question.steps else TILE
    png = grayscale_png(image, max_value=max_value, tile_size=tile)
    st.image(png, alt="The image as the model sees it")
    st.caption(f"{question.words}, as the model sees it: {' × '.join(map(str, image.shape))} pixels.")


def _show_steps(steps: Sequence[Step]) -> None:
    if not steps:
        return
    st.caption("How it was made into an image like those of the data set:", help=explain("clean-up"))
    with st.container(horizontal=True, key="predict_steps"):
        for step in steps:
            with st.container(width=STEP_TILE + 10):
                png = grayscale_png(step.ink, max_value=1.0, tile_size=STEP_TILE)
                st.image(png, width=STEP_TILE, alt=step.title)
                st.caption(step.title)


def _show_probabilities(probabilities: np.ndarray, names: tuple[str, ...], truth: str | None) -> None:
    top = int(probabilities.argmax())
    frame = _probabilities_frame(names, truth, top, _probabilities=probabilities)
    st.vega_lite_chart(frame.drawn(probability_table(probabilities, names, truth=truth)))


# Only the lengths of the bars differ from one image to the next.
@st.cache_resource(show_spinner=False, max_entries=256)
def _probabilities_frame(names: tuple[str, ...], truth: str | None, top: int, _probabilities: np.ndarray) -> Frame:
    return Frame(
        probability_chart(_probabilities, names, truth=truth), probability_table(_probabilities, names, truth=truth)
    )


def _ask_change() -> Perturbation:
    with view.expander(st, "open_changes", "Change the image"):
        st.button("Undo all changes", on_click=session.forget_changes)
        values = {
            record.name: view.slider(
                st,
                record.name,
                record.label,
                *record.slider,
                record.default,
                step=record.step,
                help=record.help,
                key=session.change_key(record.name),
            )
            for record in PERTURBATIONS
        }
    return Perturbation(**values)


def _show_verdict(probabilities: np.ndarray, names: Sequence[str], truth: str | None) -> None:
    best = int(probabilities.argmax())
    said = f"The model says **{messages.plain(names[best])}** {share_texts(probabilities, 1)[best]} sure"
    if truth is None:
        st.markdown(said)
    elif truth == names[best]:
        st.success(f"{said}, and is right.")
    else:
        st.error(f"{said}, but it is {article(truth)} **{messages.plain(truth)}**.")


def _show_others(image: np.ndarray, runs: Sequence[Run], names: Sequence[str], n_hidden: int) -> None:
    st.header("The same image, every chosen run")
    if n_hidden:
        st.caption(f"Left out: {counted(n_hidden, 'run')} whose test figures are locked, as this is a test image.")
    labels = run_labels(runs)
    table = judgements_table({labels[run.digest]: session.model_of(run).probabilities(image) for run in runs}, names)
    st.dataframe(
        in_percent(table, ["probability", "second_probability"]),
        hide_index=True,
        column_config={
            "run": st.column_config.TextColumn("Run", width="large"),
            "prediction": st.column_config.TextColumn("Prediction", help=explain("prediction")),
            "probability": st.column_config.NumberColumn("Probability (%)", format="%.2f", help=explain("probability")),
            "second": st.column_config.TextColumn("Runner-up", help=explain("runner-up")),
            "second_probability": st.column_config.NumberColumn(
                "Its probability (%)", format="%.2f", help=explain("probability", "runner-up")
            ),
        },
        alt="What every chosen run says of the image",
    )


def _show_why(model: RunModel, image: np.ndarray, max_value: int, probabilities: np.ndarray, truth: int | None) -> None:
    show_heading("Why?", "why")
    names = model.class_names
    suggested = classes_to_compare(probabilities, truth)
    columns = st.columns([1, 1, 2])
    asked = zip(WHY, columns, suggested, session.why_keys(suggested), strict=False)
    classes = [
        view.select(column, name, label, range(len(names)), start=int(start), format_func=names.__getitem__, key=key)
        for (name, label), column, start, key in asked
    ]
    with st.container(horizontal=True, key="predict_why"):
        with st.container(width=WHY_TILE):
            st.markdown("**Image**")
            # An empty strip: its pixels are level with those of the maps, which have a title.
            png = grid_png(image[np.newaxis], max_value=max_value, columns=1, tile_size=WHY_TILE, titles=[""])
            st.image(png, alt="The image that is explained")
        for title, words, help_text, maps in _explanations(model, image):
            with st.container(width=2 * WHY_TILE + WHY_GAP):
                st.markdown(f"**{title}**", help=help_text)
                _show_maps(title, maps[classes], [names[index] for index in classes])
                st.markdown(words)


def _show_maps(title: str, maps: np.ndarray, names: Sequence[str]) -> None:
    png = weights_png(maps, columns=2, titles=names, tile_size=WHY_TILE, gap=WHY_GAP, theme=look.theme())
    st.image(png, alt=f"{title} for {names[0]} and {names[1]}; blue speaks for, orange against")


def _explanations(model: RunModel, image: np.ndarray) -> list[tuple[str, str, str, np.ndarray]]:
    known = {
        "contributions": ("Contributions", CONTRIBUTIONS, explain("contribution"), model.contributions),
        "occlusion": ("Occlusion", OCCLUSION, explain("occlusion"), model.occlusion),
        "gradient": ("Gradient", GRADIENT, explain("image gradient"), model.gradients),
    }
    explanations = []
    for name in MODELS[model.spec.model].explanations:
        title, words, help_text, compute = known[name]
        maps = compute(image)
        explanations.append((title, words if maps.any() else ALL_ZERO[name], help_text, maps))
    return explanations
