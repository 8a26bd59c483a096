"""What one or several models make of an image, changed or not, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from digitcore.charts import probability_chart, probability_table
from digitcore.evaluation import judgements_table
from digitcore.experiments.tables import in_percent
from digitcore.glossary import explain
from digitcore.images.png import grayscale_png, weights_png
from digitcore.insight.attribution import classes_to_compare
from digitcore.insight.perturbation import PERTURBATIONS, Perturbation, perturb
from digitcore.models import MODELS
from digitcore.runs import Run
from digitcore.runs.prediction import RunModel
from digitcore.runs.summary import run_labels
from digitcore.wording import PERCENT_COLUMN, percent_text
from pages.parts import look, messages, session
from pages.parts.charts import Frame
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


@st.fragment
@messages.caught()
def show(question: Question, runs: Sequence[Run]) -> None:
    """Show what the first run makes of the image and why, and what the others say."""
    model, dataset = session.model_of(runs[0]), session.dataset(runs[0].spec.dataset)
    left, right = st.columns([1, 2], gap="large")
    with left:
        picture = st.container()
        change = _ask_change()
    with picture:
        image = dataset.max_value * perturb(question.image / dataset.max_value, change)
        st.image(
            grayscale_png(image, max_value=dataset.max_value, tile_size=TILE), alt="The image as the model sees it"
        )
        st.caption(f"{question.words}, as the model sees it: {' × '.join(map(str, image.shape))} pixels.")
    probabilities = model.probabilities(image)
    truth = None if question.truth is None else dataset.class_names[question.truth]
    with right:
        _show_verdict(probabilities, dataset.class_names, truth)
        show_heading("Probabilities", "probability", help_text=explain("probability", "prediction"), small=True)
        _show_probabilities(probabilities, tuple(dataset.class_names), truth)
    if len(runs) > 1:
        _show_others(image, runs, dataset.class_names)
    _show_why(model, image, probabilities, question.truth)


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
    with st.expander("Change the image"):
        st.button("Undo all changes", on_click=session.forget_changes)
        values = {
            record.name: st.slider(
                record.label,
                *record.slider,
                value=record.default,
                step=record.step,
                help=record.help,
                key=session.change_key(record.name),
            )
            for record in PERTURBATIONS
        }
    return Perturbation(**values)


def _show_verdict(probabilities: np.ndarray, names: Sequence[str], truth: str | None) -> None:
    best = int(probabilities.argmax())
    said = f"**{messages.plain(names[best])}**, {percent_text(probabilities[best], 1)} sure"
    if truth is None:
        st.markdown(f"The model says {said}.")
    elif truth == names[best]:
        st.success(f"The model says {said}, and is right.")
    else:
        st.error(f"The model says {said}, but it is a **{messages.plain(truth)}**.")


def _show_others(image: np.ndarray, runs: Sequence[Run], names: Sequence[str]) -> None:
    st.subheader("The same image, every chosen run")
    labels = run_labels(runs)
    table = judgements_table({labels[run.digest]: session.model_of(run).probabilities(image) for run in runs}, names)
    st.dataframe(
        in_percent(table, ["probability", "second_probability"]),
        hide_index=True,
        column_config={
            "run": st.column_config.TextColumn("Run", width="large"),
            "prediction": st.column_config.TextColumn("Prediction", help=explain("prediction")),
            "probability": st.column_config.NumberColumn(
                "Probability", format=PERCENT_COLUMN, help=explain("probability")
            ),
            "second": st.column_config.TextColumn("Runner-up", help=explain("runner-up")),
            "second_probability": st.column_config.NumberColumn(
                "Its probability", format=PERCENT_COLUMN, help=explain("probability", "runner-up")
            ),
        },
        alt="What every chosen run says of the image",
    )


def _show_why(model: RunModel, image: np.ndarray, probabilities: np.ndarray, truth: int | None) -> None:
    show_heading("Why?", "why")
    names = model.class_names
    suggested = classes_to_compare(probabilities, truth)
    columns = st.columns([1, 1, 2])
    classes = [
        column.selectbox(label, range(len(names)), index=int(start), format_func=names.__getitem__, key=name)
        for column, label, start, name in zip(
            columns, ("Class", "Compare with"), suggested, session.why_keys(suggested), strict=False
        )
    ]
    for title, words, help_text, images in _explanations(model, image):
        st.markdown(f"**{title}** {words}", help=help_text)
        chosen = images[classes]
        png = weights_png(
            chosen, columns=2, titles=[f"{names[index]}" for index in classes], tile_size=TILE, theme=look.theme()
        )
        st.image(png, alt=f"{title} for {names[classes[0]]} and {names[classes[1]]}; blue speaks for, orange against")


def _explanations(model: RunModel, image: np.ndarray) -> list[tuple[str, str, str, np.ndarray]]:
    known = {
        "contributions": ("Contributions.", CONTRIBUTIONS, explain("contribution"), model.contributions),
        "occlusion": ("Occlusion.", OCCLUSION, explain("occlusion"), model.occlusion),
        "gradient": ("Gradient.", GRADIENT, explain("image gradient"), model.gradients),
    }
    asked = (known[name] for name in MODELS[model.spec.model].explanations)
    return [(title, words, help_text, compute(image)) for title, words, help_text, compute in asked]
