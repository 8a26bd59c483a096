"""The address holds what is seen: in another browser, and on the way back."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_dashboard import go_to, open_page, open_trained, settle, wait_for_result

pytestmark = pytest.mark.browser
SHORT = "model=mlp&epochs=10&batch_size=64&seed=21"


@pytest.fixture
def trained(server, page):
    """The Train page, after a short training."""
    open_trained(page, f"{server.url}/?{SHORT}")
    return page


def radio(page, name):
    return page.get_by_role("radio", name=name, exact=True)


def choose_on_mistakes(page):
    for name in ("% of the row", "Confidence", "Train"):
        radio(page, name).click()
        settle(page)
    page.get_by_role("slider", name="Images").press("ArrowRight")
    expect(page).to_have_url(re.compile("images=25"))


def check_mistakes(page):
    for name in ("% of the row", "Confidence", "Train"):
        expect(radio(page, name)).to_be_checked()
    expect(page.get_by_role("slider", name="Images")).to_have_value("25")


def choose_on_weights(page):
    radio(page, "output").click()
    settle(page)
    page.get_by_role("slider", name="Epoch").press("ArrowLeft")
    expect(page).to_have_url(re.compile("shown_epoch=9"))
    settle(page)


def check_weights(page):
    expect(radio(page, "output")).to_be_checked()
    expect(page.get_by_role("slider", name="Epoch")).to_have_attribute("aria-valuetext", "9")


VISITS = (
    ("Mistakes", choose_on_mistakes, check_mistakes),
    ("Weights", choose_on_weights, check_weights),
)


def test_a_copied_link_opens_the_same_view_and_back_and_forward_pass_all_views(trained, browser):
    page, links = trained, []
    for name, choose, check in VISITS:
        go_to(page, name)
        settle(page)
        choose(page)
        links.append(page.url)
        other = browser.new_context().new_page()
        open_page(other, page.url)
        check(other)
        assert other.url == page.url
        other.context.close()
    # Back past what was chosen on the page, to the page before, as it was left.
    for _ in range(6):
        # Not the heading: on a busy machine it comes long after the address.
        if "/mistakes" in page.url:
            break
        page.go_back()
        settle(page)
    expect(page).to_have_url(links[0])
    check_mistakes(page)
    page.go_forward()
    settle(page)
    expect(page).to_have_url(re.compile(r"/weights\?run=\w+$"))


@pytest.mark.slow
def test_one_step_back_from_a_page_just_entered_is_the_page_before(trained):
    page = trained
    left = page.url
    go_to(page, "Mistakes")
    settle(page)
    expect(page).to_have_url(re.compile("run="))
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Train")).to_be_visible()
    settle(page)
    assert page.url == left
    wait_for_result(page)
