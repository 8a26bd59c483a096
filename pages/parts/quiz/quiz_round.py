"""A round of the quiz: its start, an image at a time, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import streamlit as st

from digitcore.datasets import Part
from digitcore.experiments.tables import in_percent
from digitcore.images.png import grayscale_png
from digitcore.quiz import KINDS, MOST_IMAGES, draw_round, score_round, scores_table
from digitcore.runs import Run
from digitcore.wording import article, percent_text
from pages.parts import layout, messages, press, session, view
from pages.parts.reading.reading_guide import show_heading
from pages.parts.tiles import Tile, show_tiles

TILE = 252
SECONDS_PER_IMAGE = 4
# Of the answers, in pixels: with a name as short as a digit, and with a long one.
BUTTON_WIDTH, WIDEST_BUTTON = 76, 240
LETTER_WIDTH, KEY_WIDTH = 7, 54
# The keyboard has ten digits.
MOST_KEYS = 10
LAST_TILE = 56
# Above an image that the clock has cut off.
NO_ANSWER = "–"
# A button says its shortcut beside its label: "7 7".
_NO_KEYS = "<style>.st-key-quiz_digits kbd { display: none; }</style>"


def follow(run: Run, part_name: str) -> None:
    """Let go of a round of another run or part."""
    if session.quiz_subject() != (run.digest, part_name):
        session.put_quiz(None, (run.digest, part_name))


def is_over() -> bool:
    """Whether the round has ended."""
    return session.quiz().over(time.time())


def ask_start(part: Part, prediction: np.ndarray) -> None:
    """Ask for the kind of round, and start it."""
    row = layout.choices("quiz")
    kind = view.buttons(row, "kind", "Images", list(KINDS), start="wrong", key="quiz_kind", format_func=KINDS.get)
    words = "Images in the round"
    n_images = view.slider(row, "images", words, 5, MOST_IMAGES, 10, key="quiz_n", persist_state="session")
    words, button = layout.with_button("quiz")
    label = f"Against the clock, {SECONDS_PER_IMAGE} seconds per image"
    clock = view.toggle(words, "clock", label, key="quiz_clock", persist_state="session")
    label = "Tell me after each answer whether it was right"
    tells = view.toggle(words, "tell", label, key="quiz_tell", persist_state="session")
    if press.button("Start", key="start_round", place=button, type="primary", width="stretch"):
        drawn = draw_round(
            part.labels,
            prediction,
            kind=kind,
            n_images=n_images,
            started_at=time.time(),
            seconds_per_image=SECONDS_PER_IMAGE if clock else None,
        )
        session.put_quiz(drawn, session.quiz_subject(), tells=tells)
        st.rerun()


def show_question(part: Part) -> None:
    """Show the next image and a button for each class; with a clock, the seconds that are left.

    On a phone what stands above it is hidden meanwhile, so that all of it fits on the screen.
    """
    _ticking = st.fragment(run_every=1.0 if session.quiz().seconds else None)(_show_question)
    with st.container(key="quiz_question"):
        _ticking(part)
    if st.button("End the round", key="end_round", type="tertiary"):
        session.put_quiz(None, session.quiz_subject())
        st.rerun()


@messages.caught()
def _show_question(part: Part) -> None:
    quiz, now = session.quiz(), time.time()
    if quiz.over(now):
        st.rerun()
    number = len(quiz.answers)
    left = quiz.seconds_left(now)
    clock = "" if left is None else f", {left:.0f} s left"
    st.progress(number / len(quiz.positions), f"Image {number + 1} of {len(quiz.positions)}{clock}")
    image = part.take(quiz.positions[number])
    picture, answers = st.columns([1, 2], gap="large", vertical_alignment="center")
    png = grayscale_png(image, max_value=part.dataset.max_value, tile_size=TILE)
    picture.image(png, alt=f"Image {number + 1} of the round")
    with answers:
        st.markdown("**What is this?**")
        names = part.dataset.class_names
        width = answer_width(names)
        has_keys = are_keys(names)
        key = "quiz_digits" if has_keys else "quiz_answers"
        with st.container(horizontal=True, width=MOST_KEYS // 2 * (width + 16), key=key):
            if has_keys:
                st.html(_NO_KEYS)
            for index, name in enumerate(names):
                st.button(
                    messages.plain(name),
                    key=f"quiz_answer_{index}",
                    on_click=session.answer_quiz,
                    args=(index, number),
                    width=width,
                    shortcut=str(index) if index < MOST_KEYS else None,
                )
        if session.quiz_tells() and number:
            _tell_last(part)


def answer_width(names: Sequence[str]) -> int:
    """Return the width of a button, in pixels, that has room for the longest name and its key."""
    return int(np.clip(KEY_WIDTH + LETTER_WIDTH * max(map(len, names)), BUTTON_WIDTH, WIDEST_BUTTON))


def are_keys(names: Sequence[str]) -> bool:
    """Return True if each class is called like the key that answers it."""
    return all(name == str(index) for index, name in enumerate(names[:MOST_KEYS]))


def _tell_last(part: Part) -> None:
    """Show the image before this one, what it is, and whether the answer was right."""
    quiz, names = session.quiz(), [f"{article(name)} **{messages.plain(name)}**" for name in part.dataset.class_names]
    place = len(quiz.answers) - 1
    truth, answer = quiz.truth[place], quiz.answers[place]
    with st.container(horizontal=True, vertical_alignment="center"):
        image = part.take(quiz.positions[place])
        png = grayscale_png(image, max_value=part.dataset.max_value, tile_size=LAST_TILE)
        st.image(png, width=LAST_TILE, alt="The image before this one")
        if answer == truth:
            st.markdown(f":green-badge[Right] Image {place + 1} is {names[truth]}.")
        else:
            st.markdown(f":red-badge[Wrong] Image {place + 1} is {names[truth]}, not {names[answer]}.")


def show_result(run: Run, part: Part) -> None:
    """Show how both did, and which images both missed."""
    quiz = session.quiz()
    score = score_round(quiz)
    session.keep_score(run, quiz, score)
    for column, label, n_right in zip(
        st.columns(3), ("You", "The model"), (score.n_right, score.n_model_right), strict=False
    ):
        share = percent_text(n_right / score.n_images, 0)
        column.metric(label, f"{n_right} of {score.n_images}", share, delta_color="off", delta_arrow="off")
    if score.n_answered < score.n_images:
        st.info(f"The time was up after {score.n_answered} images; the others count as missed.")
    if press.button("Another round", key="another_round", type="primary", width=layout.BUTTON_WIDTH):
        session.put_quiz(None, session.quiz_subject())
        st.rerun()
    st.header("The whole round")
    st.caption("Above each image: the truth in blue, your answer in white, and the model's in red where it is wrong.")
    _show_images(part, range(score.n_images), "quiz_all")
    # All of them have just been shown.
    if 0 < len(score.both_missed) < score.n_images:
        st.header("Both missed")
        _show_images(part, score.both_missed, "quiz_missed")


def _show_images(part: Part, places: range | tuple[int, ...], key: str) -> None:
    show_tiles(part, [_tile(part, place) for place in places], key=key)


def _tile(part: Part, place: int) -> Tile:
    quiz, names = session.quiz(), part.dataset.class_names
    truth, said = names[quiz.truth[place]], names[quiz.prediction[place]]
    answer = names[quiz.answers[place]] if place < len(quiz.answers) else None
    words = f"Truth {truth}\nYou: {answer or 'no answer'}\nModel: {said}"
    return Tile(
        position=quiz.positions[place],
        truth=truth,
        wrong="" if said == truth else said,
        words=words,
        alt=words.replace("\n", ", "),
        yours=answer or NO_ANSWER,
    )


def show_scores(run: Run) -> None:
    """Show the rounds of this session with this run."""
    scores = session.scores_of(run)
    if scores:
        show_heading("Your rounds with this run", "quiz")
        st.dataframe(
            in_percent(scores_table(scores), ["you", "model"]),
            hide_index=True,
            column_config={
                "round": "Round",
                "n_images": "Images",
                "n_answered": "Answered",
                "you": st.column_config.NumberColumn("You (%)", format="%.2f"),
                "model": st.column_config.NumberColumn("The model (%)", format="%.2f"),
            },
            alt="Share answered correctly in each round",
        )
