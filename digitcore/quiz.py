"""The user against the model: a round of images to read, and how both did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from digitcore.errors import InvalidSetting
from digitcore.evaluation import wrong_indices
from digitcore.parameters import unknown_name

MOST_IMAGES = 20
KINDS: Mapping[str, str] = {"wrong": "The model's mistakes", "mix": "Right and wrong"}


@dataclass(frozen=True, kw_only=True)
class QuizRound:
    """A round under way or over; it never changes.

    Attributes
    ----------
    truth, prediction : tuple of int
        Class indices of the images, in the order of the round.
    positions : tuple of int
        Where the images stand in their part.
    answers : tuple of int
        The user's, for the first images of the round.
    started_at : float
        Seconds, on any clock.
    seconds : float or None
        How long the user has for all images; None without a clock.
    """

    positions: tuple[int, ...]
    truth: tuple[int, ...]
    prediction: tuple[int, ...]
    started_at: float
    seconds: float | None = None
    answers: tuple[int, ...] = ()

    def answered(self, answer: int, now: float) -> QuizRound:
        """Return the round with one more answer; one that comes too late does not count."""
        return self if self.over(now) else replace(self, answers=(*self.answers, answer))

    def over(self, now: float) -> bool:
        """Whether all images are answered or the time is up."""
        return len(self.answers) == len(self.positions) or self.seconds_left(now) == 0

    def seconds_left(self, now: float) -> float | None:
        """Seconds until the time is up, from 0; None without a clock."""
        return None if self.seconds is None else max(0.0, self.started_at + self.seconds - now)


@dataclass(frozen=True, kw_only=True)
class QuizScore:
    """What came of a round.

    Attributes
    ----------
    n_images, n_answered : int
        Images of the round, and those the user answered.
    n_right, n_model_right : int
        Right answers of the user, and of the model on all images.
    both_missed : tuple of int
        Places in the round (from 0) of images that neither read right; unanswered ones count as missed.
    """

    n_images: int
    n_answered: int
    n_right: int
    n_model_right: int
    both_missed: tuple[int, ...]


def draw_round(
    truth: np.ndarray,
    prediction: np.ndarray,
    *,
    kind: str = "wrong",
    n_images: int = 10,
    seed: int | None = None,
    started_at: float = 0.0,
    seconds_per_image: float | None = None,
) -> QuizRound:
    """Draw a round at random.

    Parameters
    ----------
    truth, prediction : ndarray of shape (n,), integer
        Class indices of a part's images.
    kind : {"wrong", "mix"}
        See :data:`KINDS`. A mix is half wrong ones, as far as there are enough.
    n_images : int
        1 to 20; fewer are drawn where there are fewer.
    seed : int, optional
        Of the draw.
    started_at : float
        See :class:`QuizRound`.
    seconds_per_image : float, optional
        How long the user has, for each image that is drawn; without, there is no clock.

    Raises
    ------
    InvalidSetting
        If a setting is out of range, or the model got nothing wrong and only wrong ones are asked for.
    """
    if kind not in KINDS:
        raise unknown_name("kind of quiz", kind, KINDS)
    if not 1 <= n_images <= MOST_IMAGES:
        raise InvalidSetting(f"n_images must be 1 to {MOST_IMAGES}, got {n_images!r}")
    rng = np.random.default_rng(seed)
    wrong = rng.permutation(wrong_indices(truth, prediction))
    if kind == "wrong" and not len(wrong):
        raise InvalidSetting("The model got every image of this part right: take the mix, or another part.")
    chosen = wrong[:n_images]
    if kind == "mix":
        right = rng.permutation(np.setdiff1d(np.arange(len(truth)), wrong))
        n_wrong = max(n_images // 2, n_images - len(right))
        chosen = rng.permutation(np.concatenate([wrong[:n_wrong], right])[:n_images])
    return QuizRound(
        positions=tuple(chosen.tolist()),
        truth=tuple(truth[chosen].tolist()),
        prediction=tuple(prediction[chosen].tolist()),
        started_at=started_at,
        seconds=None if seconds_per_image is None else seconds_per_image * len(chosen),
    )


def score_round(quiz: QuizRound) -> QuizScore:
    """Return how the user and the model did in a round."""
    truth, model = np.array(quiz.truth), np.array(quiz.prediction)
    user = np.full(len(truth), -1)
    user[: len(quiz.answers)] = quiz.answers
    return QuizScore(
        n_images=len(truth),
        n_answered=len(quiz.answers),
        n_right=int((user == truth).sum()),
        n_model_right=int((model == truth).sum()),
        both_missed=tuple(np.flatnonzero((user != truth) & (model != truth)).tolist()),
    )


def scores_table(scores: Sequence[QuizScore]) -> pd.DataFrame:
    """Return a row per round: ``round`` (from 1), ``n_images``, ``n_answered``, shares ``you``, ``model`` (0 to 1)."""
    return pd.DataFrame(
        {
            "round": np.arange(1, len(scores) + 1),
            "n_images": [score.n_images for score in scores],
            "n_answered": [score.n_answered for score in scores],
            "you": [score.n_right / score.n_images for score in scores],
            "model": [score.n_model_right / score.n_images for score in scores],
        }
    )
