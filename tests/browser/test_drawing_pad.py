"""The drawing pad under a real mouse and under a finger, and where its answer stands."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_dashboard import open_page, open_trained, settle
from tests.images.stroke_templates import SHAPES, template

pytestmark = pytest.mark.browser
SHORT = "model=mlp&epochs=20&batch_size=32&optimizer=adam&learning_rate=0.003"
PHONE = {"viewport": {"width": 420, "height": 860}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SIZES = {"small": 0.15, "medium": 0.4, "large": 0.8}


@pytest.fixture(scope="module")
def trained_url(server, browser):
    """Address of the Predict page, after a short training."""
    page = browser.new_page()
    open_trained(page, f"{server.url}/?{SHORT}")
    run = re.search(r"run=\w+", page.url)
    page.close()
    return f"{server.url}/predict" + (f"?{run.group()}" if run else "")


class Pad:
    """The pad on a page, and a hand with a mouse or a finger."""

    def __init__(self, page, url, touch):
        self.page = page
        open_page(page, url)
        page.get_by_role("radio", name="Draw").click()
        self.canvas = page.get_by_role("img", name="Drawing pad")
        expect(self.canvas).to_be_visible()
        settle(page)
        self.answer = page.get_by_text("The model says")
        self.draw_path = self._with_finger if touch else self._with_mouse

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def stroke(self, *places):
        """Draw through places, x and y as shares of the pad."""
        box = self.canvas.bounding_box()
        self.draw_path([(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places])
        settle(self.page)

    def digit(self, digit, shape, size):
        """Draw a shape whose height is ``size``, in the middle of the pad."""
        for stroke in template(SHAPES[digit][shape]):
            self.stroke(*((stroke[::5] - (50, 70)) * size / 140 + 0.5))

    def _with_mouse(self, places):
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place)
        self.page.mouse.up()

    def _with_finger(self, places):
        hand = self.page.context.new_cdp_session(self.page)
        for place in places:
            kind = "touchStart" if place is places[0] else "touchMove"
            hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": place[0], "y": place[1]}]})
        hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        hand.detach()


@pytest.fixture(params=["mouse", "touch"])
def any_pad(request, trained_url, browser):
    context = browser.new_context(
        **(PHONE if request.param == "touch" else {"viewport": {"width": 1280, "height": 900}})
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    pad = Pad(page, trained_url, request.param == "touch")
    if request.param == "touch":
        pad.canvas.evaluate("canvas => canvas.closest('.pad').scrollIntoView({block: 'center'})")
    yield pad
    context.close()


@pytest.fixture
def pad(trained_url, page):
    return Pad(page, trained_url, touch=False)


def test_a_digit_is_read_and_undone_and_cleared_whatever_its_size(any_pad):
    pad, page = any_pad, any_pad.page
    for name in ("Undo", "Redo", "Clear"):
        expect(pad.button(name)).to_be_disabled()
    for size in SIZES.values():
        pad.digit(3, "round", size)
        expect(pad.answer).to_contain_text("3")
        pad.button("Clear").click()
        expect(pad.answer).to_have_count(0)
    pad.stroke((0.5, 0.2), (0.5, 0.8))
    one = pad.answer.inner_text()
    pad.stroke((0.2, 0.3), (0.8, 0.3), (0.8, 0.7))
    expect(pad.answer).not_to_have_text(one)
    pad.button("Undo").click()
    expect(pad.answer).to_have_text(one)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_answer_stands_large_beside_the_pad_in_one_screen(any_pad):
    pad = any_pad
    pad.digit(0, "oval", 0.6)
    expect(pad.answer).to_be_visible()
    box, canvas = (each.bounding_box() for each in (pad.answer.locator("strong").first, pad.canvas))
    assert box["x"] >= canvas["x"] + canvas["width"]
    assert canvas["y"] - 80 <= box["y"] <= box["y"] + box["height"] <= canvas["y"] + canvas["height"]
    assert box["x"] + box["width"] <= pad.page.viewport_size["width"]
    assert pad.answer.locator("strong").first.evaluate("mark => parseFloat(getComputedStyle(mark).fontSize)") >= 48
    for name in ("Undo", "Clear"):
        top = pad.button(name).bounding_box()["y"]
        assert 0 <= top < canvas["y"]


@pytest.mark.slow
def test_the_steps_of_the_clean_up_are_shown_and_the_keyboard_undoes(pad):
    page = pad.page
    pad.stroke((0.5, 0.2), (0.5, 0.8))
    expect(page.get_by_text("Your drawing, as the model sees it")).to_be_visible()
    for words in ("Drawn", "Redrawn to size", "Slant removed", "Counted in 8 × 8 blocks"):
        expect(page.get_by_text(words, exact=True)).to_be_visible()
    one = pad.answer.inner_text()
    pad.canvas.focus()
    page.keyboard.press("Delete")
    expect(pad.answer).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(pad.answer).to_have_text(one)


@pytest.mark.slow
def test_a_drawing_stays_while_the_page_changes_above_and_below_it(pad):
    page = pad.page
    pad.stroke((0.5, 0.2), (0.5, 0.8))
    expect(pad.answer).to_be_visible()
    said = pad.answer.inner_text()
    page.get_by_text("Change the image").click()
    rotate = page.get_by_role("slider", name="Rotate")
    rotate.press("ArrowRight")
    settle(page)
    rotate.press("ArrowLeft")
    settle(page)
    expect(pad.button("Undo")).to_be_enabled()
    expect(pad.answer).to_have_text(said)


@pytest.mark.slow
def test_a_drawing_is_gone_after_another_source_was_chosen(pad):
    page = pad.page
    pad.stroke((0.5, 0.2), (0.5, 0.8))
    expect(pad.answer).to_be_visible()
    page.get_by_role("radio", name="Upload").click()
    settle(page)
    page.get_by_role("radio", name="Draw").click()
    settle(page)
    expect(pad.button("Undo")).to_be_disabled()
    expect(pad.answer).to_have_count(0)


@pytest.mark.slow
def test_a_scribble_of_more_points_than_are_taken_is_thinned_out(pad):
    pad.canvas.evaluate(
        """canvas => {
            const box = canvas.getBoundingClientRect();
            const at = (kind, step, coalescedEvents = []) => new PointerEvent(kind, {
                pointerId: 1, isPrimary: true, button: 0, bubbles: true, coalescedEvents,
                clientX: box.x + box.width * (0.5 + 0.4 * Math.sin(step)),
                clientY: box.y + box.height * (0.5 + 0.4 * Math.cos(1.01 * step)),
            });
            canvas.setPointerCapture = () => {};
            canvas.dispatchEvent(at("pointerdown", 0));
            const between = Array.from({length: 9000}, (_, step) => at("pointermove", step));
            canvas.dispatchEvent(at("pointermove", 9000, between));
            canvas.dispatchEvent(at("pointerup", 9000));
        }"""
    )
    settle(pad.page)
    expect(pad.answer).to_be_visible()


def test_a_button_of_train_opens_the_pad(trained_url, server, page):
    open_trained(page, f"{server.url}/?{SHORT}")
    page.get_by_role("button", name="Draw a digit", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Predict")).to_be_visible()
    expect(page.get_by_role("radio", name="Draw", exact=True)).to_be_checked()
    expect(page.get_by_role("img", name="Drawing pad")).to_be_visible()
    expect(page).to_have_url(re.compile("source=draw"))
