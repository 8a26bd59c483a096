"""Every page by the rules of WCAG 2.2 A and AA, by keyboard alone, at a zoom of 400 %, and heard instead of seen."""

import re
from dataclasses import dataclass
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import expect

from digitcore.images import palette
from tests.browser.test_dashboard import PAGES, go_to, open_page, open_trained, press_train, settle, wait_for_result

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Good practice rather than rules: no level of headings is skipped, and there is a first one.
ALL_RULES = {
    "runOnly": {"type": "tag", "values": LEVELS},
    "rules": {"heading-order": {"enabled": True}, "page-has-heading-one": {"enabled": True}},
}
# All that a second theme can break.
RULES_OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
RUN_AXE = """async options => {
    const found = await axe.run(document, {...options, resultTypes: ["violations"], preload: false});
    return found.violations.flatMap(
        ({id, nodes}) => nodes.map(node => [id, node.target.flat().join(" "), node.html])
    );
}"""
SHORT, LONG = "model=mlp&epochs=10&batch_size=64", "model=mlp&epochs=100000&seed=31"


@dataclass(frozen=True)
class Upstream:
    """A violation that is Streamlit's: the rule, a part of the selector or the HTML, and where it was reported."""

    rule: str
    where: str
    issue: str


# Nothing is known to be wrong in what Streamlit draws here. An entry names an issue such as
# https://github.com/streamlit/streamlit/issues/13332 and goes when that is closed.
ALLOWED: tuple[Upstream, ...] = ()


def violations(page, rules=ALL_RULES):
    """What axe finds on a page, but for what is allowed: rule, selector and HTML of each."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    return [
        (rule, selector, html[:300])
        for rule, selector, html in page.evaluate(RUN_AXE, rules)
        if not any(each.rule == rule and each.where in selector + html for each in ALLOWED)
    ]


def violations_of_both_themes(page):
    """The same in the light and in the dark theme, which the page follows without being drawn again."""
    found, rules = [], ALL_RULES
    for theme, ground in palette.BACKGROUNDS.items():
        page.emulate_media(color_scheme=theme)
        expect(page.get_by_test_id("stApp")).to_have_css("background-color", f"rgb{palette.rgb(ground[0])}")
        page.wait_for_timeout(100)
        found += [(theme, *each) for each in violations(page, rules)]
        rules = RULES_OF_COLOURS
    return found


def violations_of_pages(page, widths=(1280,)):
    """The violations of every page that has some, by its name and the width of the window."""
    found = {}
    for name in PAGES:
        show(page, name)
        for width in widths:
            if len(widths) > 1:
                page.set_viewport_size({"width": width, "height": 900})
                stand_still(page)
            found[name, width] = violations_of_both_themes(page)
    return {name: each for name, each in found.items() if each}


def show(page, name):
    """Go to a page by its link; on a phone that is in a closed sidebar, out of a mouse's reach."""
    page.get_by_role("link", name=name, exact=True).first.evaluate("link => link.click()")
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    stand_still(page)


def stand_still(page):
    """Wait until a page is drawn, its charts too."""
    # A page that follows a training stands still in between only, which a busy machine has few moments for.
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)
    page.wait_for_timeout(200)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


@pytest.fixture(scope="module")
def trained_url(server, browser):
    """The server's address, after a short training."""
    page = browser.new_page()
    open_trained(page, f"{server.url}/?{SHORT}")
    page.close()
    return server.url


@pytest.fixture
def visit(browser):
    """Open a page with settings of the browser, such as a width and a theme."""
    contexts = []

    def opened(width=1280, height=900, **settings):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_axe_finds_what_is_wrong(visit):
    page = visit()
    page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><h3>y</h3><img src="x.png"><input></main></html>')
    assert {rule for rule, _, _ in violations(page)} == {"heading-order", "image-alt", "label"}


def test_a_finished_run_breaks_no_rule_on_any_page(trained_url, visit):
    page = visit()
    open_trained(page, f"{trained_url}/?{SHORT}")
    assert violations_of_pages(page, widths=(1280, 420)) == {}


@pytest.mark.parametrize("width", [1280, pytest.param(420, marks=pytest.mark.slow)])
def test_a_drawing_pad_and_a_question_break_no_rule(trained_url, visit, width):
    page = visit(width)
    open_page(page, f"{trained_url}/predict")
    page.get_by_role("radio", name="Draw").click()
    settle(page)
    assert violations_of_both_themes(page) == []
    show(page, "Quiz")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Image 1 of 10")).to_be_visible()
    assert violations_of_both_themes(page) == []


def test_an_empty_store_breaks_no_rule_and_neither_does_a_training(own_server, visit):
    laptop, phone = visit(1280), visit(420)
    open_page(laptop, f"{own_server.url}/?{LONG}")
    assert violations_of_pages(laptop) == {}
    open_page(laptop, f"{own_server.url}/?{LONG}")
    press_train(laptop)
    open_page(phone, f"{own_server.url}/?{LONG}")
    for page in (laptop, phone):
        expect(page.get_by_test_id("stProgress")).to_contain_text("loss")
        assert violations_of_both_themes(page) == []


def test_the_forms_and_the_table_of_an_experiment_break_no_rule(trained_url, visit):
    page = visit()
    open_page(page, f"{trained_url}/experiments?{SHORT}")
    found = {}
    for kind in ("Sweep", "Learning curve", "Learning rate", "Recipes"):
        page.get_by_role("radio", name=kind).click()
        settle(page)
        found[kind] = violations(page)
    page.get_by_role("radio", name="Sweep").click()
    settle(page)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(re.compile(r"5 of 5 trainings in"))).to_be_visible()
    settle(page)
    found["a sweep's result"] = violations(page)
    assert {name: each for name, each in found.items() if each} == {}
    # With the keyboard, the run of a row: what a click on it does.
    page.get_by_test_id("data-grid-canvas").last.focus()
    for key in ("ArrowDown", "Shift+Space"):
        page.keyboard.press(key, delay=100)
        page.wait_for_timeout(200)
    expect(page.get_by_role("button", name="Open this run")).to_be_visible()


# What has the focus: the width of the ring around it or what it is the field of, and whether it can be seen.
FOCUSED = """() => {
    let element = document.activeElement;
    while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    const box = element.getBoundingClientRect();
    const header = document.querySelector('[data-testid="stHeader"]').getBoundingClientRect();
    const main = document.querySelector('[data-testid="stMainBlockContainer"]');
    let ring = 0, opacity = 1, n = 0;
    for (let each = element; each && each !== document.body; each = each.parentElement) {
        const style = getComputedStyle(each);
        opacity *= style.opacity;
        if (n++ < 4 && style.outlineStyle === "solid") ring = Math.max(ring, parseFloat(style.outlineWidth));
    }
    const inside = main.contains(document.activeElement);
    return {
        name: element.getAttribute("aria-label") || element.innerText?.trim().slice(0, 40), ring, inside,
        nowhere: element === document.body,
        faded: element.tagName !== "INPUT" && opacity < 0.9,
        covered: inside && box.top < header.bottom - 1 && box.bottom > header.top,
    };
}"""


def focused(page):
    """What has the focus, once it has faded in."""
    for _ in range(10):
        found = page.evaluate(FOCUSED)
        if not found["faded"]:
            break
        page.wait_for_timeout(50)
    return found


def test_what_has_the_focus_has_a_ring_and_is_not_under_the_header(trained_url, visit):
    page = visit(1280, 500)
    open_page(page, f"{trained_url}/?{SHORT}")
    wait_for_result(page)
    # From the navigation through the page and back.
    page.get_by_role("link", name="Data", exact=True).focus()
    seen = []
    for key in [*["Tab"] * 20, *["Shift+Tab"] * 20]:
        page.keyboard.press(key)
        seen.append(focused(page))
    seen = [each for each in seen if not each["nowhere"]]
    assert sum(each["inside"] for each in seen) > 20
    assert [each for each in seen if each["ring"] < 2 or each["faded"] or each["covered"]] == []


def tab_to(page, name):
    """Press Tab until the field of this name has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == name:
            return
    raise AssertionError(f"{name} was not reached")


def test_the_matrix_is_asked_and_an_image_opened_with_the_keyboard_alone(trained_url, visit):
    page = visit()
    open_page(page, f"{trained_url}/mistakes")
    page.get_by_role("radio", name="Logarithmic").focus()
    for label in ("True class", "Taken for"):
        tab_to(page, label)
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("option", name="4", exact=True)).to_be_visible()
        while page.locator('[role="option"][data-focused]').all_inner_texts() != ["4"]:
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        settle(page)
    cell = page.locator('path[aria-label^="Prediction: 4; Truth: 4;"]').first
    n_images = re.search(r"Images: (\d+)", cell.get_attribute("aria-label")).group(1)
    expect(page.get_by_text(f"of {n_images} images")).to_be_visible()
    tile = page.locator(".tile").first
    tile.focus()
    expect(tile.locator(".words")).to_be_visible()
    page.keyboard.press("Escape")
    expect(tile.locator(".words")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Predict")).to_be_visible()


@pytest.mark.slow
def test_a_rectangle_of_the_map_is_chosen_with_the_keyboard(trained_url, visit):
    page = visit()
    open_page(page, f"{trained_url}/map")
    page.locator("summary", has_text="Choose the rectangle").press("Enter")
    page.get_by_role("slider", name=re.compile("From left to right.*end")).press("ArrowLeft")
    expect(page.get_by_text("images in the rectangle, wrong ones first")).to_be_visible()


@pytest.mark.slow
def test_the_drawing_pads_buttons_are_reached_and_pressed_with_the_keyboard(trained_url, visit):
    page = visit()
    open_page(page, f"{trained_url}/predict")
    page.get_by_role("radio", name="Draw").click()
    box = page.get_by_role("img", name="Drawing pad").bounding_box()
    page.mouse.move(box["x"] + 140, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 220, steps=5)
    page.mouse.up()
    answer = page.get_by_text("The model says")
    expect(answer).to_be_visible()
    page.get_by_role("radio", name="Draw").focus()
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED)["name"] == "Undo":
            break
    page.keyboard.press("Enter")
    expect(answer).to_have_count(0)
    page.get_by_role("button", name="Redo").focus()
    page.keyboard.press("Space")
    expect(answer).to_be_visible()


# A window of 1280 pixels at 400 %.
@pytest.mark.slow
def test_at_a_zoom_of_400_percent_no_page_scrolls_sideways(trained_url, visit):
    page = visit(320, 640)
    open_trained(page, f"{trained_url}/?{SHORT}")
    for name in PAGES:
        show(page, name)
        assert (name, *widths(page)) == (name, 320, 320)
    # The widest there is: a matrix of all folds.
    show(page, "Experiments")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("5 of 5 trainings in")).to_be_visible()
    stand_still(page)
    assert page.locator('path[aria-label^="Prediction: 4; Truth: 4;"]').count() > 0
    assert widths(page) == [320, 320]


def widths(page):
    """How wide the whole page and what it scrolls are, in pixels."""
    return page.evaluate("""['html', '[data-testid="stMain"]'].map(each => document.querySelector(each).scrollWidth)""")


HEAR = """window.heard = [];
new MutationObserver(() => {
    const said = document.getElementById("announcements")?.textContent;
    if (said && said !== window.heard.at(-1)) window.heard.push(said);
}).observe(document, {subtree: true, childList: true, characterData: true});"""


@pytest.mark.slow
def test_of_a_computation_a_screen_reader_hears_start_and_end_once(trained_url, visit):
    page = visit()
    page.add_init_script(HEAR)
    open_page(page, f"{trained_url}/map")
    page.get_by_role("radio", name="Pixels").click()
    page.get_by_role("radio", name="t-SNE").click()
    expect(page.get_by_text("t-SNE is running")).to_be_visible()
    expect(page.get_by_text("Drag a rectangle over some points")).to_be_visible()
    stand_still(page)
    page.wait_for_timeout(500)
    assert page.evaluate("window.heard") == ["t-SNE has started.", "t-SNE has ended."]


def test_of_a_training_a_screen_reader_hears_start_quarters_and_end(trained_url, visit):
    page = visit(reduced_motion="reduce")
    page.add_init_script(HEAR)
    open_page(page, f"{trained_url}/?model=mlp&epochs=1500&batch_size=256&seed=12")
    assert page.evaluate("window.heard") == []
    press_train(page)
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].map(element => getComputedStyle(element)).filter(style =>
            parseFloat(style.animationDuration) > 0.01 || parseFloat(style.transitionDuration) > 0.01).length"""
    )
    assert moving == 0
    expect(page.get_by_role("button", name="See its mistakes")).to_be_visible()
    wait_for_result(page)
    page.wait_for_timeout(300)
    heard = page.evaluate("window.heard")
    assert re.fullmatch(r"The training has ended: test accuracy \d+\.\d+ %\.", heard[-1])
    quarters = [f"The training is {quarter} % done." for quarter in (25, 50, 75)]
    # One may pass between two looks at the training.
    assert [each for each in heard[:-1] if each not in ("The training has started.", *quarters)] == []
    assert 2 <= len(heard) == len(set(heard)) <= 5
    go_to(page, "Data")
    go_to(page, "Train")
    settle(page)
    assert page.evaluate("window.heard") == heard
