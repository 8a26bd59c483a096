"""A training in single steps: the buttons, how far it is, its weights with their gradient, and twelve images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from digitcore.charts import batch_losses_chart
from digitcore.glossary import explain
from digitcore.insight.weight_images import first_layer_images, first_layer_name, first_layer_titles
from digitcore.runs import RunSpec
from digitcore.wording import percent_text
from pages.parts import layout, messages, press, session, view
from pages.parts.charts import Frame
from pages.parts.pictures import show_weights
from pages.parts.steps import followed, image_way
from pages.parts.steps.followed import Followed
from pages.parts.tiles import Tile, show_tiles

# Batches a second; a page is drawn no more often than this many times in it.
PACES, MOST_DRAWINGS = (1, 2, 5, 10, 50, 200), 4
# An epoch of a large network goes on later where it takes longer than this.
LONGEST_SECONDS = 2.0
N_WEIGHTS, WEIGHT_SIZE, TILE_SIZE = 12, 48, 56
CHART_HEIGHT = 170
# What belongs together stands one below the other, and the pictures leave the wider one to the numbers.
COLUMNS = (3, 2)
IMAGE = "steps_image"


def show(spec: RunSpec) -> None:
    """Ask how far to train, and show where the training is."""
    row = layout.choices()
    running = row.toggle("Run", key="steps_run", help="Goes on by itself.")
    pace = view.stops(row, "pace", "Batches per second", PACES, 5, key="steps_pace")
    goes_on = running and followed.of(spec).stepper.batch is not None
    view.fragment(_show, run_every=1 / min(pace, MOST_DRAWINGS) if goes_on else None)(spec, running, pace)


@messages.caught()
def _show(spec: RunSpec, running: bool, pace: int) -> None:
    now = followed.of(spec)
    _go_on(now, running, pace)
    stepper = now.stepper
    if stepper.problem:
        st.error(messages.plain(stepper.problem))
        return
    history, images = st.columns(COLUMNS, gap="medium")
    with history:
        _show_figures(now)
        st.vega_lite_chart(_losses_frame(len(stepper.losses) > 0).drawn(stepper.losses_table()), width="stretch")
    probabilities = now.probabilities()
    with images:
        _show_images(now, probabilities)
    weights = stepper.model.get_weights()
    _show_weights(now, weights)
    image_way.show(now, weights, probabilities, session.widget_value(IMAGE, 0))


def _go_on(now: Followed, running: bool, pace: int) -> None:
    stepper = now.stepper
    is_over = stepper.batch is None
    with st.container(horizontal=True, key="steps_buttons"):
        words = "Computes the gradient of one batch and updates the weights once."
        one = press.button("One batch", key="steps_batch", type="primary", disabled=is_over, help=words)
        words = "Goes on to the end of the epoch."
        epoch = press.button("One epoch", key="steps_epoch", disabled=is_over, help=words)
        st.button("Start over", key="steps_over", on_click=followed.start_over, help="Back to the first weights.")
    if one:
        stepper.step()
    elif epoch:
        stepper.step(stepper.n_left_in_epoch, LONGEST_SECONDS)
    elif running:
        stepper.step(max(1, round(pace / MOST_DRAWINGS)), 1 / MOST_DRAWINGS)
    if stepper.batch is None and not is_over:
        st.rerun()  # the buttons are of no use any more, and nothing goes on by itself


def _show_figures(now: Followed) -> None:
    stepper, n_epochs = now.stepper, now.spec.parameters["epochs"]
    batch = stepper.batch
    with st.container(horizontal=True, key="steps_figures"):
        if batch is None:
            st.metric("Epoch", f"{n_epochs:,} of {n_epochs:,}", help=explain("epoch"), width=115)
            st.metric("Next batch", "none", width=115)
        else:
            st.metric("Epoch", f"{batch.epoch:,} of {n_epochs:,}", help=explain("epoch"), width=115)
            words = f"Of {len(batch.y):,} images. {explain('batch size')}"
            st.metric("Next batch", f"{batch.number:,} of {batch.n_batches:,}", help=words, width=115)
            st.metric("Learning rate", f"{batch.learning_rate:.3g}", help=explain("learning rate"), width=110)
        loss = f"{stepper.losses[-1]:.4f}" if stepper.losses else "–"
        st.metric("Last loss", loss, help=f"Of the last batch, just before its update. {explain('loss')}", width=100)
    if batch is not None and batch.n_batches == 1:
        st.caption("A batch is all images here, one update per epoch: a smaller batch size makes several of it.")
    if now.part.n_images < now.n_all:
        st.caption(f"Trained here on {now.part.n_images:,} of the {now.n_all:,} training images.")


@st.cache_resource(show_spinner=False)
def _losses_frame(has_losses: bool) -> Frame:
    # Any values will do: they are replaced.
    table = pd.DataFrame({"batch": [1, 2], "loss": [2.0, 1.0]})[: 2 * has_losses]
    return Frame(batch_losses_chart(table, height=CHART_HEIGHT), table)


def _show_images(now: Followed, probabilities: np.ndarray) -> None:
    names = now.part.dataset.class_names
    labels, answers = now.part.labels[now.shown], probabilities.argmax(axis=1)
    st.header("Twelve training images", help=explain("class", "prediction", "confidence"))
    tiles = []
    for position, label, answer, row in zip(now.shown.tolist(), labels, answers, probabilities, strict=True):
        truth, taken_for, sure = names[label], names[answer], percent_text(float(row[answer]), 1)
        tiles.append(
            Tile(
                position=position,
                truth=truth,
                wrong="" if answer == label else taken_for,
                words=f"Truth {truth}, {percent_text(float(row[label]), 1)}\nRead as {taken_for}, {sure}",
                alt=f"Image {position}: {truth}, read as {taken_for}, {sure} sure",
            )
        )
    show_tiles(now.part, tiles, key="steps_tiles", across=6, size=TILE_SIZE, on_open=_watch(now))
    n_right = int((answers == labels).sum())
    st.caption(f"{n_right} of {len(labels)} are read right. Click one to follow it through the network below.")


def _watch(now: Followed) -> Callable[[int], None]:
    def watch(position: int) -> None:
        session.set_value(IMAGE, now.shown.tolist().index(position))

    return watch


def _show_weights(now: Followed, weights: dict[str, np.ndarray]) -> None:
    model, shape = now.spec.model, now.part.dataset.image_shape
    titles = first_layer_titles(model, weights, now.part.dataset.class_names)[:N_WEIGHTS]
    left, right = st.columns(COLUMNS, gap="medium")
    with left:
        st.header("First layer's weights", help=explain("weight image", "weight"))
        images = first_layer_images(model, weights, shape)[:N_WEIGHTS]
        show_weights(
            images, titles=titles, alt="Weights of the first layer", key="steps_weights", across=6, size=WEIGHT_SIZE
        )
    with right:
        st.header("Gradient of the next batch", help=explain("gradient", "learning rate"))
        gradients = now.stepper.gradients()
        if not gradients:
            st.caption("The training is over: there is no next batch.")
            return
        first = first_layer_name(model, weights)
        images = first_layer_images(model, {**weights, first: gradients[first]}, shape)[:N_WEIGHTS]
        show_weights(
            images, titles=titles, alt="Gradient of these weights", key="steps_gradients", across=6, size=WEIGHT_SIZE
        )
        size = float(np.sqrt(sum(np.square(each, dtype=float).sum() for each in gradients.values())))
        st.caption(
            f"Each update goes against it. Its length over all weights is {size:.3g}. The colours' scale is its own."
        )
