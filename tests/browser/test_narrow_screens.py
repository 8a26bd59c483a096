"""What a phone shows, and what the first screen of a laptop holds."""

import itertools

import pytest
from playwright.sync_api import expect

from tests.browser.test_dashboard import PAGES, go_to, open_trained

pytestmark = pytest.mark.browser
NARROW = {"width": 420, "height": 860}


@pytest.fixture
def trained(server, page):
    """A page of the dashboard after a short training."""
    open_trained(page, f"{server.url}/?model=mlp&epochs=10&batch_size=64")
    return page


def test_a_phone_reaches_every_page_by_the_menu_and_scrolls_none_sideways(trained):
    page = trained
    page.set_viewport_size(NARROW)
    for name in (*PAGES[1:], PAGES[0]):
        go_to(page, name)
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        main = page.get_by_test_id("stMain")
        assert main.evaluate("main => main.scrollWidth - main.clientWidth") == 0, name
        assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0, name


def test_a_phone_shows_where_the_settings_are_and_no_empty_sidebar(trained):
    page = trained
    page.set_viewport_size(NARROW)
    arrow = page.get_by_test_id("stExpandSidebarButton")
    expect(arrow).to_be_visible()
    assert arrow.evaluate("arrow => getComputedStyle(arrow, '::after').content") == '"Settings"'
    arrow.click()
    expect(page.get_by_role("combobox", name="Recipe")).to_be_in_viewport()
    page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    go_to(page, "Experiments")
    page.get_by_role("radio", name="Recipes").click()
    expect(arrow).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()


def test_the_menu_of_a_phone_leaves_the_screen_to_the_page(trained):
    page = trained
    page.set_viewport_size(NARROW)
    page.wait_for_timeout(300)
    links = page.locator(".st-key-menu a").evaluate_all(
        "links => links.map(link => link.getBoundingClientRect().toJSON())"
    )
    assert len(links) == len(PAGES)
    assert max(link["bottom"] for link in links) - min(link["top"] for link in links) < 110
    expect(page.locator(".st-key-menu").get_by_test_id("stIconMaterial").filter(visible=True)).to_have_count(len(PAGES))
    # The smallest target of a finger; no row covers another.
    assert min(link["height"] for link in links) >= 24
    rows = sorted({(link["top"], link["bottom"]) for link in links})
    assert all(upper[1] <= lower[0] for upper, lower in itertools.pairwise(rows))


@pytest.mark.slow
def test_the_images_behind_a_cell_are_on_the_matrixs_screen(trained):
    page = trained
    go_to(page, "Mistakes")
    tile = page.locator(".tile").first
    expect(tile).to_be_visible()
    matrix, image = page.get_by_test_id("stVegaLiteChart").first.bounding_box(), tile.bounding_box()
    assert image["x"] >= matrix["x"] + matrix["width"]
    assert image["y"] + image["height"] < 900
    page.set_viewport_size(NARROW)
    page.wait_for_timeout(500)
    matrix, image = page.get_by_test_id("stVegaLiteChart").first.bounding_box(), tile.bounding_box()
    # Below a caption and a heading, and nothing else.
    assert 0 <= image["y"] - matrix["y"] - matrix["height"] < 160
    assert page.get_by_role("combobox", name="True class").bounding_box()["y"] > image["y"]


def columns_of(page, tiles):
    """How many tiles each row of a grid has, from the top down."""
    tops = page.locator(tiles).evaluate_all("tiles => tiles.map(tile => Math.round(tile.getBoundingClientRect().top))")
    return [tops.count(top) for top in sorted(set(tops))]


@pytest.mark.slow
def test_a_round_of_the_quiz_fits_on_the_screen_of_a_small_phone(trained):
    page = trained
    page.set_viewport_size({"width": 360, "height": 740})
    go_to(page, "Quiz")
    page.get_by_test_id("stMain").get_by_role("button", name="Start", exact=True).click()
    for digit in ("0", "9"):
        expect(page.get_by_role("button", name=digit, exact=True)).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("img", name="Image 1 of the round")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("heading", level=1, name="Quiz")).to_have_count(1)


@pytest.mark.slow
def test_images_stand_in_full_rows_of_ten_and_of_five_on_a_phone(trained):
    page = trained
    go_to(page, "Data")
    first = page.locator("[aria-label^='First images of the data set']")
    expect(first.locator(".tile")).to_have_count(20)
    tiles = "[aria-label^='First images of the data set'] .tile"
    assert columns_of(page, tiles) == [10, 10]
    page.set_viewport_size(NARROW)
    page.wait_for_timeout(300)
    assert columns_of(page, tiles) == [5, 5, 5, 5]


def test_the_buttons_behind_a_verdict_fill_their_rows_on_a_phone(trained):
    page = trained
    page.set_viewport_size(NARROW)
    page.wait_for_timeout(300)
    row = page.locator(".st-key-next_steps")
    shown = row.locator("button").filter(visible=True)
    boxes = shown.evaluate_all("buttons => buttons.map(each => each.getBoundingClientRect().toJSON())")
    right = row.evaluate("row => row.getBoundingClientRect().right")
    for top in {box["top"] for box in boxes}:
        assert max(box["right"] for box in boxes if box["top"] == top) == pytest.approx(right, abs=2)


def test_the_names_of_the_pages_stay_where_they_are_with_and_without_a_form(trained):
    page, places = trained, {}
    page.set_viewport_size({"width": 1280, "height": 900})
    link = page.get_by_test_id("stTopNav").get_by_role("link", name="Quiz")
    for name in ("Train", "Mistakes", "Experiments", "Map"):
        go_to(page, name)
        places[name] = link.bounding_box()["x"]
    assert places == pytest.approx(dict.fromkeys(places, places["Train"]), abs=2)


def test_a_laptop_shows_every_page_with_its_icon(trained):
    page = trained
    page.set_viewport_size({"width": 1280, "height": 900})
    navigation = page.get_by_test_id("stTopNav")
    expect(navigation.get_by_role("link")).to_have_count(len(PAGES))
    expect(navigation.get_by_test_id("stIconMaterial").filter(visible=True)).to_have_count(len(PAGES))
