"""Seeing why a model is right or wrong, with a real mouse and a real keyboard."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from digitcore.images import palette
from tests.browser.test_dashboard import go_to, open_page, open_trained, settle

pytestmark = pytest.mark.browser
SHORT = "model=mlp&epochs=10&batch_size=64"


@pytest.fixture
def trained(server, page):
    """A page of the dashboard after a short training."""
    open_trained(page, f"{server.url}/?{SHORT}")
    return page


def middle_of(page, locator):
    """Where on the screen the middle of something is, after it was scrolled to."""
    locator.scroll_into_view_if_needed()
    page.get_by_test_id("stMain").evaluate("main => main.scrollBy(0, -120)")  # from under the page's header
    page.wait_for_timeout(200)
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def cell(page, truth, prediction):
    return page.locator(f'path[aria-label^="Prediction: {prediction}; Truth: {truth};"]').first


def shown(page):
    return page.get_by_text("Point at an image for its probabilities")


def test_a_click_on_a_cell_shows_its_images_and_a_second_one_lets_go(trained):
    page = trained
    go_to(page, "Mistakes")
    before = shown(page).inner_text()
    n_images = re.search(r"Images: (\d+)", cell(page, 6, 6).get_attribute("aria-label")).group(1)
    page.mouse.click(*middle_of(page, cell(page, 6, 6)))
    expect(shown(page)).to_contain_text(f"of {n_images} images")
    page.mouse.click(*middle_of(page, cell(page, 0, 0)))
    expect(shown(page)).not_to_contain_text(f"of {n_images} images")
    page.mouse.click(*middle_of(page, cell(page, 0, 0)))
    expect(shown(page)).to_have_text(before)


def choose_cell(page, name):
    """Choose a cell of the diagonal by the boxes."""
    for label in ("True class", "Taken for"):
        box = page.get_by_role("combobox", name=label)
        box.focus()
        box.press("ArrowDown")
        page.get_by_role("option", name=name, exact=True).click()
        settle(page)


def test_the_keyboard_chooses_a_cell_as_well(trained):
    page = trained
    go_to(page, "Mistakes")
    choose_cell(page, "4")
    n_images = re.search(r"Images: (\d+)", cell(page, 4, 4).get_attribute("aria-label")).group(1)
    expect(shown(page)).to_contain_text(f"of {n_images} images")
    expect(cell(page, 4, 4)).to_have_attribute("stroke", palette.WRONG)
    page.mouse.click(*middle_of(page, cell(page, 6, 6)))
    expect(cell(page, 6, 6)).to_have_attribute("stroke", palette.WRONG)
    expect(cell(page, 4, 4)).not_to_have_attribute("stroke", palette.WRONG)


@pytest.mark.slow
def test_a_click_on_the_cell_that_was_chosen_with_the_keyboard_lets_it_go(trained):
    page = trained
    go_to(page, "Mistakes")
    before = shown(page).inner_text()
    choose_cell(page, "4")
    page.mouse.click(*middle_of(page, cell(page, 4, 4)))
    expect(shown(page)).to_have_text(before)
    expect(cell(page, 4, 4)).not_to_have_attribute("stroke", palette.WRONG)


def test_an_image_tells_its_probabilities_and_opens_on_predict_with_its_run(trained):
    page = trained
    go_to(page, "Mistakes")
    tile = page.locator(".tile").nth(1)
    page.mouse.move(*middle_of(page, tile))
    expect(tile.locator(".words")).to_be_visible()
    words = tile.locator(".words").inner_text()
    index = re.search(r"Image (\d+) of the test part", words).group(1)
    assert len(re.findall(r"[\d.]+ %", words)) == 4
    run = re.search(r"run=(\w+)", page.url).group(1)
    tile.click()
    expect(page.get_by_role("heading", level=1, name="Predict")).to_be_visible()
    settle(page)
    expect(page.get_by_text(f"Image {index} of the test part")).to_be_visible()
    assert f"run={run}" in page.url
    expect(page.get_by_text("The model says")).to_be_visible()


@pytest.mark.slow
def test_the_words_of_an_image_can_be_pointed_at_and_put_away(trained):
    page = trained
    go_to(page, "Mistakes")
    settle(page)
    address = page.url
    # What stands below the first image is another one, which its words cover.
    first, below = page.locator(".tile").first, page.locator(".tile").nth(5)
    words = first.locator(".words")
    x, y = middle_of(page, first)
    page.mouse.move(x, y)
    expect(words).to_be_visible()
    box = words.bounding_box()
    # Slowly from the image onto the words, over the gap between them.
    page.mouse.move(x, box["y"] + box["height"] / 2, steps=40)
    page.wait_for_timeout(300)
    expect(words).to_be_visible()
    expect(below.locator(".words")).to_be_hidden()
    page.mouse.down()
    page.mouse.up()
    settle(page)
    assert page.url == address
    expect(words).to_be_visible()
    page.keyboard.press("Escape")
    expect(words).to_be_hidden()
    page.wait_for_timeout(300)
    expect(below.locator(".words")).to_be_hidden()
    page.mouse.move(x, y, steps=20)
    expect(words).to_be_visible()
    page.mouse.move(x, y - 150)
    expect(words).to_be_hidden()


def test_a_rectangle_on_the_map_shows_its_images(trained):
    page = trained
    go_to(page, "Map")
    x, y = middle_of(page, page.get_by_test_id("stVegaLiteChart").locator("canvas"))
    page.mouse.move(x - 150, y - 150)
    page.mouse.down()
    page.mouse.move(x + 50, y + 100, steps=8)
    page.mouse.up()
    expect(page.get_by_text("images in the rectangle, wrong ones first")).to_be_visible()
    expect(page.locator(".tile").first).to_be_visible()


def test_the_scrubber_and_the_play_button_change_the_weight_images(trained):
    page = trained
    go_to(page, "Weights")
    picture = page.locator(".tile .picture").first
    caption = page.get_by_text("one shared scale centred at zero")
    expect(caption).to_contain_text("after epoch 10")
    at_the_end = picture.get_attribute("style")
    scrubber = page.get_by_role("slider", name="Epoch")
    scrubber.press("Home")
    expect(caption).to_contain_text("before the training")
    expect(picture).not_to_have_attribute("style", at_the_end)
    box = page.get_by_test_id("stSlider").filter(has_text="Epoch").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, scrubber.bounding_box()["y"] + 5)
    expect(caption).to_contain_text("after epoch 5")
    page.get_by_text("Play", exact=True).click()
    expect(caption).to_contain_text("after epoch 8")
    page.get_by_text("Play", exact=True).click()


@pytest.mark.slow
def test_on_a_dark_page_what_is_zero_or_rare_is_dark(server, trained):
    page = trained
    page.emulate_media(color_scheme="dark")
    open_page(page, f"{server.url}/weights")
    style = page.locator(".tile .picture").first.get_attribute("style")
    content = base64.b64decode(re.search('base64,([^"]+)', style).group(1))
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    # Most weights are small; on a light page the median is about 200.
    assert np.median(picture) < 100
    go_to(page, "Mistakes")
    expect(cell(page, 6, 6)).to_be_visible()
    lightness = {
        count: sum(map(int, re.findall(r"\d+", drawn.get_attribute("fill"))))
        for drawn in page.locator('path[aria-label^="Prediction: "]').all()
        if (count := int(re.search(r"Images: (\d+)", drawn.get_attribute("aria-label")).group(1)))
    }
    assert lightness[max(lightness)] > 500 > 200 > lightness[min(lightness)]


@pytest.mark.slow
def test_the_quiz_is_played_with_the_keyboard(trained):
    page = trained
    go_to(page, "Quiz")
    page.get_by_role("button", name="Start").click()
    for number in range(1, 11):
        expect(page.get_by_text(f"Image {number} of 10")).to_be_visible()
        settle(page)
        page.keyboard.press("3")
    expect(page.get_by_text("Your rounds with this run")).to_be_visible()
    n_right, n_model_right = (
        int(re.match(r"(\d+) of 10", text).group(1)) for text in page.get_by_test_id("stMetricValue").all_inner_texts()
    )
    assert n_model_right == 0
    expect(page.locator(".tile").nth(9)).to_be_visible()
    n_threes = page.locator(".tile .truth").all_inner_texts()[:10].count("3")
    assert n_right == n_threes


@pytest.mark.slow
def test_a_link_to_a_page_works_for_the_first_visitor_of_a_server(own_server, page):
    open_page(page, f"{own_server.url}/mistakes")
    expect(page.get_by_role("link", name="Train", exact=True)).to_be_visible()
    expect(page.get_by_text("Nothing trained yet")).to_be_visible()
    assert page.get_by_test_id("stSidebarNav").count() == 0
