"""Runs that are chosen in the table by keyboard are compared, and the address holds them."""

import re

import pytest
from playwright.sync_api import expect

from benchmarks.live_server import LiveServer
from tests.browser.test_accessibility import violations_of_both_themes
from tests.browser.test_dashboard import go_to, open_page, open_trained, settle

pytestmark = pytest.mark.browser
LINKS = ("model=softmax&epochs=2", "model=softmax&epochs=40", "model=mlp&epochs=5&batch_size=64")


@pytest.fixture(scope="module")
def comparing_server(tmp_path_factory, browser):
    """A server of these tests alone, which has trained three runs."""
    with LiveServer(tmp_path_factory.mktemp("comparing")) as server:
        page = browser.new_page()
        for link in LINKS:
            open_trained(page, f"{server.url}/?{link}")
        page.close()
        yield server


@pytest.fixture
def trained(comparing_server, page):
    """The Train page of that server."""
    open_page(page, comparing_server.url)
    return page


def compare_two(page):
    """Choose two rows of the table on Compare, by the keyboard."""
    go_to(page, "Compare")
    box = page.get_by_role("combobox", name="Compared")
    for _ in range(2):
        box.focus()
        page.keyboard.press("ArrowDown")
        page.get_by_role("option").first.click()
        settle(page)


def test_lines_chosen_by_keyboard_are_compared_and_break_no_rule(trained):
    page = trained
    go_to(page, "Compare")
    settle(page)
    page.get_by_test_id("data-grid-canvas").first.focus()
    for _ in range(2):
        for key in ("ArrowDown", "Shift+Space"):
            page.keyboard.press(key, delay=100)
            page.wait_for_timeout(200)
        settle(page)
    sentence = page.get_by_text(re.compile(r"is better by|cannot be told apart"))
    expect(sentence.first).to_be_visible()
    expect(page).to_have_url(re.compile(r"runs=[0-9a-f]{20}(,|%2C)[0-9a-f]{20}$"))
    assert violations_of_both_themes(page) == []
    # A new session knows the choice from the address, and a phone shows it without scrolling sideways.
    page.set_viewport_size({"width": 420, "height": 860})
    page.reload()
    settle(page)
    expect(sentence.first).to_be_visible()
    assert violations_of_both_themes(page) == []
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") == 0


@pytest.mark.slow
def test_a_click_on_a_cell_shows_its_images(trained):
    page = trained
    compare_two(page)
    page.locator('path[aria-label*="Prediction: 8"][aria-label*="Truth: 8"]').first.click()
    settle(page)
    expect(page.get_by_text(re.compile("No image fits|In this cell for one")).first).to_be_visible()


# The last one: it adds a run to those of the server.
def test_a_run_that_arrives_is_offered_and_changes_no_choice(trained, comparing_server, browser):
    page = trained
    compare_two(page)
    # An open list hides the rest of the page from those who ask by role.
    page.keyboard.press("Escape")
    link, rows = page.url, page.get_by_text(re.compile(r"^\d rows\."))
    expect(rows).to_contain_text("3 rows")
    expect(page.get_by_role("button", name=re.compile("new run"))).to_have_count(0)
    other = browser.new_context().new_page()
    open_trained(other, f"{comparing_server.url}/?model=softmax&epochs=3")
    other.context.close()
    offered = page.get_by_role("button", name="1 new run: refresh")
    expect(offered).to_be_visible()
    expect(rows).to_contain_text("3 rows")
    offered.click()
    settle(page)
    expect(rows).to_contain_text("4 rows")
    expect(offered).to_have_count(0)
    assert page.url == link
    expect(page.get_by_text(re.compile(r"is better by|cannot be told apart")).first).to_be_visible()
