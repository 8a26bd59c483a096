"""Steps in a real browser: batches by mouse and by themselves, and the numbers of a pixel by mouse and keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_dashboard import open_page, settle

pytestmark = pytest.mark.browser
QUERY = "model=mlp&hidden_units=12&batch_size=100&epochs=3&pace=10&seed=81"


def next_batch(page):
    return page.get_by_test_id("stMetric").filter(has_text="Next batch").get_by_test_id("stMetricValue")


def told(page):
    """Row, column, pixel, weight and product of the pixel that is marked."""
    words = page.locator(".told").inner_text().replace("−", "-")
    return [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", words)]


def test_a_batch_is_trained_by_a_click_and_the_numbers_of_a_pixel_follow_mouse_and_keys(server, page):
    open_page(page, f"{server.url}/steps?{QUERY}")
    expect(next_batch(page)).to_have_text(re.compile(r"^1 of \d+$"))
    grid = page.locator(".grid").nth(1)
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    # The third pixel of the second row.
    page.mouse.move(box["x"] + box["width"] * 2.5 / 8, box["y"] + box["height"] * 1.5 / 8)
    row, column, pixel, weight, product = told(page)
    assert (row, column) == (2, 3)
    assert product == pytest.approx(pixel * weight, rel=0.01, abs=1e-4)
    page.get_by_role("group", name=re.compile("Pixel times weight")).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert told(page)[:2] == [3, 4]
    before = told(page)
    page.get_by_role("button", name="One batch").click()
    expect(next_batch(page)).to_have_text(re.compile(r"^2 of \d+$"))
    settle(page)
    # The same pixel is still marked, and its weight is another one by now.
    assert told(page)[:3] == before[:3]
    assert told(page)[3] != before[3]


def test_it_goes_on_by_itself_and_a_click_on_an_image_shows_its_way(server, page):
    open_page(page, f"{server.url}/steps?{QUERY}")
    page.get_by_text("Run", exact=True).click()
    expect(next_batch(page)).to_have_text(re.compile(r"^([5-9]|1\d) of"), timeout=15_000)
    page.get_by_text("Run", exact=True).click()
    way = page.get_by_text(re.compile(r"Image \d+ of the training part"))
    expect(way).to_have_text(re.compile("Image 0 "))
    page.locator(".tile").nth(4).click()
    expect(way).not_to_have_text(re.compile("Image 0 "))
    assert "/steps" in page.url
