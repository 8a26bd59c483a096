import json
import time

import pytest

from digitcore.wording import article
from pages.parts.quiz.quiz_round import answer_width, are_keys
from tests.pages.conftest import button, texts, widget


@pytest.fixture
def quiz(trained_mlp):
    return trained_mlp.switch_page("pages/quiz.py").run()


def start(app):
    button(app, "Start").click().run()
    return app.session_state["quiz"]


def tiles_of(app):
    """What the first grid of images says of each."""
    told = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    return next(each["tiles"] for each in told if "tiles" in each)


def metric(app, label):
    return widget(app.metric, label).value


def test_a_round_is_played_to_its_end(quiz):
    drawn = start(quiz)
    assert len(drawn.positions) == 10
    for number, truth in enumerate(drawn.truth):
        assert quiz.session_state["quiz"].answers == drawn.truth[:number]
        button(quiz, str(truth)).click().run()
    assert not quiz.exception
    assert metric(quiz, "You") == "10 of 10"
    assert metric(quiz, "The model") == "0 of 10"
    assert "Both missed" not in texts(quiz)
    assert quiz.dataframe[0].value.to_dict("records") == [
        {"round": 1, "n_images": 10, "n_answered": 10, "you": 100.0, "model": 0.0}
    ]


def test_a_round_can_be_ended_where_the_choice_of_the_run_is_hidden(quiz):
    start(quiz)
    button(quiz, "End the round").click().run()
    assert quiz.session_state["quiz"] is None
    assert button(quiz, "Start")


def test_what_both_missed_is_shown_and_scores_are_kept(quiz):
    for _ in range(2):
        drawn = start(quiz)
        for number, truth in enumerate(drawn.truth):
            button(quiz, str((truth + (number > 0)) % 10)).click().run()
        assert metric(quiz, "You") == "1 of 10"
        assert "Both missed" in texts(quiz)
        button(quiz, "Another round").click().run()
    assert quiz.dataframe[0].value["round"].tolist() == [1, 2]


def test_a_round_that_both_missed_as_a_whole_is_shown_once(quiz):
    for truth in start(quiz).truth:
        button(quiz, str((truth + 1) % 10)).click().run()
    assert metric(quiz, "You") == "0 of 10"
    assert "The whole round" in texts(quiz)
    assert "Both missed" not in texts(quiz)


def test_the_own_answer_stands_above_each_image(quiz):
    quiz.toggle[0].set_value(True).run()
    drawn = start(quiz)
    button(quiz, str(drawn.truth[0])).click().run()
    button(quiz, str((drawn.truth[1] + 1) % 10)).click().run()
    object.__setattr__(quiz.session_state["quiz"], "started_at", time.time() - 60)
    quiz.run()
    tiles = tiles_of(quiz)
    assert [tile["truth"] for tile in tiles] == [str(truth) for truth in drawn.truth]
    expected = [str(drawn.truth[0]), str((drawn.truth[1] + 1) % 10), *["–"] * 8]
    assert [tile["yours"] for tile in tiles] == expected


def test_a_mix_can_be_asked_for(quiz):
    quiz.segmented_control(key="quiz_kind").set_value("mix").run()
    drawn = start(quiz)
    assert sum(truth != said for truth, said in zip(drawn.truth, drawn.prediction, strict=True)) == 5


def test_the_clock_ends_the_round(quiz):
    quiz.toggle[0].set_value(True).run()
    drawn = start(quiz)
    assert drawn.seconds == 40
    # The round began a minute ago.
    quiz.session_state["quiz"] = drawn.answered(drawn.truth[0], time.time())
    object.__setattr__(quiz.session_state["quiz"], "started_at", time.time() - 60)
    quiz.run()
    assert "The time was up after 1 image" in texts(quiz)
    assert metric(quiz, "You") == "1 of 10"


def test_another_part_begins_anew(quiz):
    start(quiz)
    quiz.segmented_control[0].set_value("train").run()
    assert quiz.session_state["quiz"] is None
    assert any(each.label == "Start" for each in quiz.button)


def test_each_answer_is_told_right_or_wrong_if_wanted(quiz):
    widget(quiz.toggle, "Tell me after each answer whether it was right").set_value(True).run()
    first, second, *_ = start(quiz).truth
    button(quiz, str(first)).click().run()
    assert f":green-badge[Right] Image 1 is {article(str(first))} **{first}**" in texts(quiz)
    other = (second + 1) % 10
    button(quiz, str(other)).click().run()
    named = [f"{article(str(each))} **{each}**" for each in (second, other)]
    assert f":red-badge[Wrong] Image 2 is {named[0]}, not {named[1]}" in texts(quiz)
    assert not quiz.exception


def test_no_answer_is_told_otherwise(quiz):
    first = start(quiz).truth[0]
    button(quiz, str(first)).click().run()
    assert "Image 1 is" not in texts(quiz)


def test_keys_are_not_named_twice(quiz):
    start(quiz)
    (style,) = [each.proto.body for each in quiz.get("html") if "kbd" in each.proto.body]
    assert "display: none" in style


def test_keys_are_named_where_the_classes_have_other_names():
    assert are_keys([str(digit) for digit in range(10)])
    assert not are_keys(["Shirt", "Coat"])


def test_buttons_are_as_wide_as_the_longest_name_needs():
    digits, short, long, endless = (
        answer_width(names) for names in ("0123456789", ["Coat"], ["Ankle boot"], ["x" * 99])
    )
    assert digits == 76
    # A letter takes half of the 14 pixels of its font at the least.
    assert long - short == pytest.approx(6 * 7, abs=6)
    assert endless == 240
