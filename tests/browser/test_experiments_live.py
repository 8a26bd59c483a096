"""Experiments as they run, in a real browser on a real server."""

import csv
import io
import re
import signal

import pytest
from playwright.sync_api import expect

from benchmarks.live_server import LiveServer
from tests.browser.test_dashboard import open_page, settle, stop_button

pytestmark = pytest.mark.browser
# Trainings of a second or two: an experiment of five is under way while the test looks.
SPEC = "model=mlp&epochs=900&batch_size=64"
SHORT = "model=mlp&epochs=300&batch_size=64"
QUICK = "model=softmax&epochs=5&batch_size=none"


def open_kind(page, url, query, kind):
    open_page(page, f"{url}/experiments?{query}")
    page.get_by_role("radio", name=kind, exact=True).click()
    settle(page)


def start(page):
    page.get_by_role("button", name="Start", exact=True).click()


def progress(page):
    return page.get_by_text(re.compile(r"^\d+ of \d+ trainings"))


def count_of(text):
    return int(re.match(r"(\d+) of", text).group(1))


def test_results_come_one_by_one(server, page):
    # Long enough for the page, which looks once a second, to see some folds before others on a quick machine, too.
    open_kind(page, server.url, "model=mlp&epochs=1200&batch_size=64&k=3", "Cross-validation")
    start(page)
    expect(progress(page)).to_contain_text(re.compile("^[12] of 3 trainings · about .* left"), timeout=180_000)
    expect(page.get_by_text("Validation accuracy")).to_be_visible()
    expect(page.get_by_text(re.compile("^3 of 3 trainings in"))).to_be_visible(timeout=180_000)
    expect(page.get_by_text("between 3 folds").first).to_be_visible()


@pytest.mark.slow
def test_a_stop_is_followed_and_can_be_taken_back(server, page):
    open_kind(page, server.url, "model=mlp&epochs=35000&batch_size=64", "Cross-validation")
    start(page)
    expect(progress(page)).to_contain_text("0 of 5 trainings")
    stop_button(page).click()
    expect(page.get_by_text("Stopped after 0 of 5 trainings")).to_be_visible()
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(progress(page)).to_contain_text("0 of 5 trainings · about")
    stop_button(page).click()
    expect(page.get_by_text("Stopped after 0 of 5 trainings")).to_be_visible()


def saved_rows(page):
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    return list(csv.DictReader(io.StringIO(download.value.path().read_text())))


@pytest.mark.slow
def test_table_and_charts_can_be_saved(server, page):
    open_kind(page, server.url, QUICK, "Sweep")
    start(page)
    expect(page.get_by_text(re.compile("^5 of 5 trainings in"))).to_be_visible(timeout=60_000)
    rows = saved_rows(page)
    for _ in range(5):
        if all(row["test_accuracy"] for row in rows):
            break
        # On a busy machine the table below the figures is still the one before the last training.
        settle(page)
        rows = saved_rows(page)
    assert len(rows) == 5
    assert all(0 < float(row["test_accuracy"]) < 1 for row in rows)
    with page.expect_download() as download:
        # By key: what the pointer needs to hover over may still move as the page settles.
        page.get_by_role("button", name="Download as PNG").first.press("Enter")
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_the_best_point_is_one_click_from_train(server, page):
    open_kind(page, server.url, QUICK, "Sweep")
    start(page)
    # Until this sweep begins, the page shows one of another test.
    expect(page.get_by_role("combobox", name="Experiment")).to_have_value(re.compile("softmax|Softmax"), timeout=60_000)
    page.get_by_role("button", name="Open in Train").click(timeout=120_000)
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("learning_rate="))


@pytest.mark.slow
def test_a_visit_to_another_page_and_a_reload_find_the_experiment_again(server, page):
    open_kind(page, server.url, SPEC + "&seed=1", "Learning curve")
    start(page)
    expect(progress(page)).to_be_visible()
    page.get_by_role("link", name="Data", exact=True).click()
    settle(page)
    page.get_by_role("link", name="Experiments", exact=True).click()
    expect(progress(page)).to_be_visible()
    expect(page).to_have_url(re.compile("experiment=[0-9a-f]{20}"))
    page.reload()
    expect(progress(page)).to_be_visible()
    expect(page.get_by_role("radio", name="Learning curve", exact=True)).to_be_checked()
    if stop_button(page).count():
        stop_button(page).click()


@pytest.mark.slow
def test_a_killed_servers_experiment_goes_on_at_the_next_one(own_server, page, tmp_path):
    open_kind(page, own_server.url, SHORT, "Learning curve")
    start(page)
    expect(progress(page)).to_contain_text(re.compile("^[2-9] of 9 trainings"), timeout=60_000)
    ended = count_of(progress(page).inner_text())
    own_server.stop(signal.SIGKILL)
    again = LiveServer(tmp_path)
    try:
        open_kind(page, again.url, SHORT, "Learning curve")
        expect(progress(page)).to_be_visible()
        assert count_of(progress(page).inner_text()) >= ended
        # Nobody has pressed anything.
        expect(page.get_by_text(re.compile("^9 of 9 trainings in"))).to_be_visible(timeout=90_000)
    finally:
        again.stop(signal.SIGKILL)
