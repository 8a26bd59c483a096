"""Intervals of recall, log-loss and calibration error on Mistakes: right, computed once, and never waited for."""

import threading
import time

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, log_loss

from digitcore.errors import ComparisonError
from digitcore.evaluation.comparison import calibration_error_interval, loss_interval
from pages.parts import interval_cache, session, shared
from pages.parts.interval_cache import IntervalCache, compute_intervals
from tests.pages.conftest import SECONDS, texts

LABELS = np.array([0, 1, 1, 0])
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])


@pytest.fixture
def on_mistakes(trained_mlp):
    return trained_mlp.switch_page("pages/mistakes.py").run()


@pytest.fixture
def answers(on_mistakes):
    """Labels and probabilities of the test part."""
    run = shared.engine().run(on_mistakes.session_state["shown_run"])
    return session.parts_of(run).test.labels, shared.engine().arrays(run.digest).probabilities["test"]


def wait_for_intervals(app):
    deadline = time.monotonic() + SECONDS
    while "Log-loss" not in texts(app) or ")" not in texts(app).split("Log-loss")[1][:40]:
        assert time.monotonic() < deadline
        app.run()
    return texts(app)


def test_the_recall_of_each_class_has_wilsons_interval(on_mistakes, answers):
    labels, probabilities = answers
    (table,) = [frame.value for frame in on_mistakes.dataframe if "recall" in frame.value.columns]
    counts = confusion_matrix(labels, probabilities.argmax(axis=1))
    for text, n_right, n_images in zip(table["interval"], counts.diagonal(), counts.sum(axis=1), strict=True):
        interval = binomtest(int(n_right), int(n_images)).proportion_ci(method="wilson")
        assert text == f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"


def test_log_loss_and_calibration_error_have_intervals(on_mistakes, answers):
    said = wait_for_intervals(on_mistakes)
    low, high = loss_interval(*answers)
    assert f"Log-loss: **{log_loss(*answers):.4f}** ({low:.4f} to {high:.4f})." in said
    low, high = calibration_error_interval(*answers)
    assert f"** ({100 * low:.2f} to {100 * high:.2f}). Log-loss" in said
    assert not on_mistakes.exception


def test_intervals_are_computed_once(monkeypatch):
    asked = []

    def compute(labels, probabilities):
        asked.append(1)
        return compute_intervals(labels, probabilities)

    monkeypatch.setattr(interval_cache, "compute_intervals", compute)
    cache = IntervalCache()
    first = cache.get("a", LABELS, PROBABILITIES).result(SECONDS)
    assert cache.get("a", LABELS, PROBABILITIES).result(SECONDS) is first
    assert first.loss == loss_interval(LABELS, PROBABILITIES)
    assert len(asked) == 1


def test_nobody_waits_for_intervals_that_take_long(monkeypatch):
    let_go = threading.Event()
    monkeypatch.setattr(interval_cache, "compute_intervals", lambda labels, probabilities: let_go.wait(SECONDS))
    cache = IntervalCache()
    future = cache.get("a", LABELS, PROBABILITIES)
    start = time.monotonic()
    for _ in range(100):
        assert not cache.get("a", LABELS, PROBABILITIES).done()
    assert time.monotonic() - start < 100 * interval_cache.PATIENCE_SECONDS / 2
    let_go.set()
    assert future.result(SECONDS) is True


def test_what_cannot_be_computed_is_said():
    future = IntervalCache().get("a", LABELS[:0], PROBABILITIES[:0])
    with pytest.raises(ComparisonError, match="There are no images"):
        future.result(SECONDS)
