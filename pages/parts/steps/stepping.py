"""A training in single steps: the buttons, how far it is, its weights with their gradient, and twelve images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from digitcore.charts import batch_losses_chart, value_limits
from digitcore.glossary import explain
from digitcore.insight.weight_images import first_layer_images, first_layer_name, first_layer_titles
from digitcore.runs import RunSpec
from digitcore.wording import percent_text, short_number
from pages.parts import layout, messages, press, session, view
from pages.parts.charts import Frame
from pages.parts.pictures import show_weights
from pages.parts.reading.reading_guide import show_heading
from pages.parts.steps import followed, image_way
from pages.parts.steps.followed import Followed
from pages.parts.steps.number_words import number_words
from pages.parts.tiles import Tile, show_tiles

# Batches a second; a page is drawn no more often than this many times in it.
PACES, MOST_DRAWINGS = (1, 2, 5, 10, 50, 200), 4
# One epoch of a large network is cut after this time; what goes on by itself leaves most of the time to other pages.
MOST_EPOCH_SECONDS, MOST_TICK_SECONDS = 2.0, 0.08
N_WEIGHTS, WEIGHT_SIZE, TILE_SIZE = 12, 60, 56
CHART_HEIGHT = 160
SMALLER_BATCH = 32


def show(spec: RunSpec) -> None:
    """Ask how far to train, and show where the training is."""
    if spec.members > 1:
        st.caption(f"You follow the first of the {spec.members} models that vote, seed {spec.random_state}.")
    row = layout.choices()
    running = row.toggle("Run", key="steps_run", help="Goes on by itself.")
    pace = view.stops(row, "pace", "Batches per second", PACES, 5, key="steps_pace")
    goes_on = running and followed.is_under_way(spec)
    every_seconds = 1 / min(pace, MOST_DRAWINGS) if goes_on else None
    view.fragment(_show, run_every=every_seconds)(spec, pace, running=running, goes_on=goes_on)


@messages.caught()
def _show(spec: RunSpec, pace: int, *, running: bool, goes_on: bool) -> None:
    now = followed.of(spec)
    _go_on(now, pace, running=running, goes_on=goes_on)
    stepper = now.stepper
    if stepper.problem:
        st.error(messages.plain(stepper.problem))
        return
    _show_figures(now)
    # Two columns of one width throughout the page.
    history, images = st.columns(2, gap="medium")
    with history:
        show_heading("Loss of each batch", "batch_losses", help_text=explain("loss", "nats"))
        table = stepper.losses_table()
        frame = _losses_frame(len(table) > 0, value_limits(table["loss"], "loss"))
        st.vega_lite_chart(frame.drawn(table), width="stretch")
    probabilities = now.probabilities()
    with images:
        _show_images(now, probabilities)
    weights = stepper.model.get_weights()
    _show_weights(now, weights)
    chosen = session.widget_value(session.STEPS_IMAGE, 0, range(len(now.shown)))
    image_way.show(now, weights, probabilities, chosen)


def _go_on(now: Followed, pace: int, *, running: bool, goes_on: bool) -> None:
    stepper = now.stepper
    is_over = stepper.batch is None
    with st.container(horizontal=True, vertical_alignment="center", key="steps_buttons"):
        words = "Computes the gradient of one batch and updates the weights once."
        place = layout.start_place("steps")
        one = press.button(
            "One batch", key="steps_batch", place=place, type="primary", width="stretch", disabled=is_over, help=words
        )
        words = "Goes on to the end of the epoch."
        epoch = press.button("One epoch", key="steps_epoch", disabled=is_over, help=words)
        again = press.button("Start over", key="steps_over", help="Back to the first weights.")
    if again:
        followed.start_over()
        st.rerun()  # the whole page: what goes on by itself has to be started anew
    if not running:
        now.clock.stop()
    if one:
        stepper.step()
    elif epoch:
        stepper.step(stepper.n_left_in_epoch, MOST_EPOCH_SECONDS)
        if stepper.batch is not None and stepper.batch.number > 1:
            st.caption(f"Stopped within the epoch after {MOST_EPOCH_SECONDS:g} s: press again to go on.")
    elif running and now.clock.is_long():
        st.caption("Stopped after ten minutes: switch *Run* off and on to go on.")
    elif running:
        stepper.step(now.clock.due(pace), MOST_TICK_SECONDS)
    if (stepper.batch is None and not is_over) or (goes_on and now.clock.is_long()):
        st.rerun()  # the whole page: nothing goes on by itself any more


def _show_figures(now: Followed) -> None:
    stepper, n_epochs = now.stepper, now.spec.parameters["epochs"]
    batch = stepper.batch
    with st.container(horizontal=True, gap="medium", key="steps_figures"):
        if batch is None:
            st.metric("Epoch", f"{n_epochs:,} of {n_epochs:,}", help=explain("epoch"), width=115)
            st.metric("Next batch", "none", width=115)
        else:
            st.metric("Epoch", f"{batch.epoch:,} of {n_epochs:,}", help=explain("epoch"), width=115)
            words = f"Of {len(batch.y):,} images. {explain('batch size')}"
            st.metric("Next batch", f"{batch.number:,} of {batch.n_batches:,}", help=words, width=115)
            rate = short_number(batch.learning_rate)
            st.metric("Learning rate", rate, help=explain("learning rate"), width=110)
        loss = number_words(stepper.losses[-1]) if stepper.losses else "–"
        st.metric("Last loss", loss, help=f"Of the last batch, just before its update. {explain('loss')}", width=100)
    if batch is not None and batch.n_batches == 1 and now.part.n_images > SMALLER_BATCH:
        words, button = layout.with_button("smaller_batch")
        words.caption("A batch holds all training images here: one update per epoch.")
        if press.button(f"Batches of {SMALLER_BATCH}", key="steps_smaller", place=button, width="stretch"):
            session.apply_spec(now.spec.with_changes(parameters={"batch_size": SMALLER_BATCH}))
    if now.part.n_images < now.n_all:
        st.caption(f"Trained here on {now.part.n_images:,} of the {now.n_all:,} training images.")
    if now.spec.parameters.get("patience") is not None:
        st.caption("Early stopping has no effect here: nothing is validated.")


# The end of the axis moves in large steps, so there are few frames.
@st.cache_resource(show_spinner=False, max_entries=64)
def _losses_frame(has_losses: bool, limits: tuple[float, float]) -> Frame:
    # Any values between these ends will do: they are replaced.
    table = pd.DataFrame({"batch": [1, 2], "loss": [*limits]})[: 2 * has_losses]
    return Frame(batch_losses_chart(table, height=CHART_HEIGHT), table)


def _show_images(now: Followed, probabilities: np.ndarray) -> None:
    names = now.part.dataset.class_names
    labels, answers = now.part.labels[now.shown], probabilities.argmax(axis=1)
    st.header("Training images", help=explain("class", "prediction", "confidence"))
    tiles = []
    for place, label, answer, row in zip(now.shown.tolist(), labels, answers, probabilities, strict=True):
        truth, taken_for, sure = names[label], names[answer], percent_text(float(row[answer]), 1)
        tiles.append(
            Tile(
                position=place,
                truth=truth,
                wrong="" if answer == label else taken_for,
                words=f"Truth {truth}, {percent_text(float(row[label]), 1)}\nRead as {taken_for}, {sure}",
                alt=f"Image {now.positions[place]}: {truth}, read as {taken_for}, {sure} sure",
            )
        )
    show_tiles(now.part, tiles, key="steps_tiles", across=6, size=TILE_SIZE, on_open=_watch(now))
    n_right = int((answers == labels).sum())
    st.caption(f"{n_right} of {len(labels)} are read right. Click one to follow it through the network below.")


def _watch(now: Followed) -> Callable[[int], None]:
    def watch(position: int) -> None:
        # A browser may send any number.
        if position in (shown := now.shown.tolist()):
            session.set_value(session.STEPS_IMAGE, shown.index(position))

    return watch


def _show_weights(now: Followed, weights: dict[str, np.ndarray]) -> None:
    model, shape = now.spec.model, now.part.dataset.image_shape
    titles = first_layer_titles(model, weights, now.known_names)[:N_WEIGHTS]
    left, right = st.columns(2, gap="medium")
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
            f"Plain gradient descent steps against it. Its length over all weights is {short_number(size)}. The "
            "colours have a scale of their own."
        )
