import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.quiz import QuizRound, QuizScore, draw_round, score_round, scores_table


@pytest.fixture
def judged(rng):
    """Labels and predictions of 200 images, a fifth of them wrong."""
    truth = rng.integers(0, 10, 200)
    return truth, np.where(np.arange(200) < 40, (truth + 1) % 10, truth)


def a_round(**settings):
    defaults = {"positions": (5, 2, 9), "truth": (1, 2, 3), "prediction": (1, 7, 7), "started_at": 100.0}
    return QuizRound(**defaults | settings)


@pytest.mark.parametrize("seed", range(3))
def test_a_round_of_mistakes_has_nothing_else_and_nothing_twice(judged, seed):
    drawn = draw_round(*judged, n_images=20, seed=seed)
    assert len(set(drawn.positions)) == 20
    assert all(position < 40 for position in drawn.positions)
    assert drawn.truth == tuple(judged[0][list(drawn.positions)])
    assert drawn.prediction == tuple(judged[1][list(drawn.positions)])


def test_a_mix_is_half_wrong(judged):
    drawn = draw_round(*judged, kind="mix", n_images=11, seed=0)
    assert sum(position < 40 for position in drawn.positions) == 5
    assert len(set(drawn.positions)) == 11


def test_a_mix_takes_what_there_is():
    truth = np.arange(6)
    drawn = draw_round(truth, np.array([0, 1, 9, 9, 9, 9]), kind="mix", n_images=6, seed=0)
    assert sorted(drawn.positions) == [0, 1, 2, 3, 4, 5]
    assert len(draw_round(truth, truth, kind="mix", n_images=4, seed=0).positions) == 4


def test_the_order_of_a_mix_does_not_give_the_answer_away(judged):
    wrong_first = [draw_round(*judged, kind="mix", n_images=2, seed=seed).positions[0] < 40 for seed in range(30)]
    assert 5 < sum(wrong_first) < 25


def test_few_mistakes_make_a_short_round():
    assert len(draw_round(np.zeros(5, int), np.array([0, 0, 1, 0, 1]), n_images=10).positions) == 2


def test_the_time_is_for_the_images_that_were_drawn():
    truth, prediction = np.zeros(5, int), np.array([0, 0, 1, 0, 1])
    assert draw_round(truth, prediction, n_images=10, seconds_per_image=4).seconds == 8
    assert draw_round(truth, prediction, n_images=10).seconds is None


def test_another_seed_draws_another_round(judged):
    first, again, other = (draw_round(*judged, seed=seed).positions for seed in (0, 0, 1))
    assert first == again != other


def test_without_a_mistake_there_is_no_such_round():
    with pytest.raises(InvalidSetting, match="got every image of this part right"):
        draw_round(np.zeros(5, int), np.zeros(5, int))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"n_images": 21}, "n_images must be 1 to 20, got 21"), ({"kind": "hard"}, "Unknown kind of quiz 'hard'")],
)
def test_what_cannot_be_is_refused(judged, settings, message):
    with pytest.raises(InvalidSetting, match=message):
        draw_round(*judged, **settings)


def test_answers_are_taken_until_all_images_have_one():
    quiz = a_round()
    for answer in (1, 2, 3):
        assert not quiz.over(1e9)
        quiz = quiz.answered(answer, 1e9)
    assert quiz.over(0)
    assert quiz.answered(4, 0).answers == (1, 2, 3)


def test_an_answer_after_the_time_does_not_count():
    quiz = a_round(seconds=10.0)
    assert quiz.seconds_left(103.0) == 7.0
    quiz = quiz.answered(1, 109.9)
    assert not quiz.over(109.9)
    assert quiz.over(110.0)
    assert quiz.answered(2, 110.1).answers == (1,)
    assert quiz.seconds_left(200.0) == 0


def test_without_a_clock_no_time_is_left_or_lost():
    assert a_round().seconds_left(1e9) is None


def test_both_are_scored_and_what_both_missed_is_named():
    # Truth 1, 2, 3; the model says 1, 7, 7; the user 9, 2, 9.
    score = score_round(a_round(answers=(9, 2, 9)))
    assert score == QuizScore(n_images=3, n_answered=3, n_right=1, n_model_right=1, both_missed=(2,))


def test_images_without_an_answer_are_missed():
    score = score_round(a_round(answers=(1,)))
    assert (score.n_answered, score.n_right, score.both_missed) == (1, 1, (1, 2))


def test_rounds_are_listed_as_shares():
    scores = [score_round(a_round(answers=(1, 2, 3))), score_round(a_round(answers=(1,)))]
    table = scores_table(scores)
    assert table["round"].tolist() == [1, 2]
    assert table["you"].tolist() == pytest.approx([1, 1 / 3])
    assert table["model"].tolist() == pytest.approx([1 / 3, 1 / 3])
