"""Train as one screen in a real browser: live close-ups, the baseline's ghost, and a presentation by keys."""

import re
import time

from playwright.sync_api import expect

from tests.browser.test_dashboard import open_page, open_trained, press_train, settle, stop, wait_for_epoch

FIRST = "model=mlp&epochs=40&seed=71"


def matrix_labels(page):
    """What the cells of the matrix say to a screen reader."""
    cells = page.locator('path[aria-label*="Truth:"][aria-label*="Prediction:"]')
    return cells.evaluate_all("cells => cells.map(cell => cell.getAttribute('aria-label'))")


def picture_of_weights(page):
    # An attribute is read at once; until a function is called, a live page may have put another picture there.
    return page.locator('[aria-label="First layer\'s weights"] .picture').first.get_attribute("style")


def train(page):
    """Press Train, and wait for the result."""
    press_train(page)
    expect(page.get_by_role("button", name="See its mistakes")).to_be_visible(timeout=30_000)
    settle(page)


def test_matrix_weights_and_mistakes_follow_a_training(server, page):
    open_page(page, f"{server.url}/?model=mlp&epochs=100000&seed=70&validation=cut")
    press_train(page)
    first = wait_for_epoch(page, 1)
    expect(page.locator('[aria-label="First layer\'s weights"]')).to_be_visible()
    expect(page.get_by_text(re.compile("validation images"))).to_be_visible()
    assert len(matrix_labels(page)) == 100
    picture = picture_of_weights(page)
    wait_for_epoch(page, first + 200)
    deadline = time.monotonic() + 30
    while picture_of_weights(page) == picture and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert picture_of_weights(page) != picture
    assert page.locator(".tile .picture").count() > 24
    stop(page)


def test_a_run_is_pinned_and_its_ghost_stands_behind_the_next(server, page):
    open_trained(page, f"{server.url}/?{FIRST}")
    page.get_by_role("button", name="Pin").click()
    expect(page).to_have_url(re.compile("baseline="))
    page.get_by_role("slider", name="Learning rate").press("ArrowRight")
    expect(page.get_by_role("button", name=re.compile("learning rate 0.01 →"))).to_be_visible()
    train(page)
    # The baseline's curves of the test part, in both charts.
    ghosts = page.locator('[data-testid="stVegaLiteChart"] path[stroke-dasharray="4,3"]')
    expect(ghosts).to_have_count(2)
    expect(page.get_by_text(re.compile("points"))).not_to_have_count(0)
    page.get_by_role("button", name=re.compile("learning rate 0.01 →")).click()
    expect(page.get_by_text("This run is pinned")).to_be_visible()
    expect(ghosts).to_have_count(0)


def test_a_click_on_the_matrix_opens_its_images(server, page):
    open_trained(page, f"{server.url}/?{FIRST}")
    cell = page.locator('[aria-label*="Truth: 3;"][aria-label*="Prediction: 3;"]').first
    cell.click(force=True)
    expect(page).to_have_url(re.compile(r"/mistakes\?.*truth=3&taken_for=3"))


def test_a_presentation_is_led_by_keys(server, page):
    page.set_viewport_size({"width": 1024, "height": 768})
    open_page(page, f"{server.url}/?model=mlp&epochs=41&seed=72&present=1&controls=learning_rate&locked=yes")
    expect(page.get_by_role("slider")).to_have_count(1)
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Trained")).to_be_visible(timeout=30_000)
    settle(page)
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile("baseline="))
    expect(page.get_by_role("link", name="Mistakes", exact=True)).not_to_be_visible()
    settle(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Mistakes", exact=True).first).to_be_visible()
    assert "present=" not in page.url


# A key or a figure's name belongs to one thing on the page.
WATCH = """() => {
    window.twice = new Set();
    const look = () => {
        const keys = [...document.querySelectorAll('[class*="st-key-"]')]
            .flatMap(each => [...each.classList].filter(name => name.startsWith('st-key-')));
        const names = [...document.querySelectorAll('[data-testid="stMetricLabel"] p')].map(each => each.innerText);
        const seen = new Set();
        for (const each of [...keys, ...names]) seen.has(each) ? window.twice.add(each) : seen.add(each);
    };
    new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
}"""


def test_nothing_is_seen_twice_while_a_training_or_an_experiment_ends(server, page):
    # Its result has a caption that its progress does not have.
    open_page(page, f"{server.url}/?model=mlp&epochs=600&seed=73&dropout=0.1")
    page.evaluate(WATCH)
    train(page)
    assert page.evaluate("[...window.twice]") == []
    open_page(page, f"{server.url}/experiments?model=mlp&epochs=60&seed=73")
    page.evaluate(WATCH)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("5 of 5 trainings in")).to_be_visible()
    settle(page)
    assert page.evaluate("[...window.twice]") == []
