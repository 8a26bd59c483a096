import io
import re
import signal
import time

import psutil
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)

# Long enough to do things meanwhile: the MLP on digits makes three thousand epochs a second where nothing else runs.
LONG = "model=mlp&epochs=35000"


def settle(page):
    # Twice: a page that has just been opened runs again as soon as the browser has told its size and colours.
    for _ in range(2):
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        page.wait_for_timeout(300)


def open_page(page, url):
    page.goto(url)
    page.get_by_role("heading", level=1).wait_for()
    settle(page)


def press_train(page):
    page.get_by_role("button", name="Train", exact=True).click()


def epoch_shown(page):
    """The number of the epoch that the progress bar names, or None when there is no bar."""
    bar = page.get_by_test_id("stProgress")
    text = bar.inner_text() if bar.count() else ""
    found = re.search(r"Epoch (\d+) of", text)
    return int(found.group(1)) if found else None


def wait_for_epoch(page, least):
    deadline = time.monotonic() + 20
    while (epoch_shown(page) or 0) < least:
        assert time.monotonic() < deadline, f"epoch {least} was not reached"
        page.wait_for_timeout(50)
    return epoch_shown(page)


def wait_for_result(page):
    expect(page.get_by_text("Test accuracy", exact=True)).to_be_visible()
    settle(page)


def colours_of(page, locator):
    """How many different colours an image on the page shows."""
    locator.scroll_into_view_if_needed()
    expect(locator).to_be_visible()
    page.wait_for_timeout(300)
    with Image.open(io.BytesIO(locator.screenshot())) as image:
        return len(set(image.convert("RGB").get_flattened_data()))


def go_to(page, name):
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    settle(page)


def test_training_goes_on_while_the_user_does_other_things_and_ends_in_results(server, page):
    open_page(page, f"{server.url}/?{LONG}&seed=1")
    expect(page.get_by_text("Nothing trained yet")).to_be_visible()
    press_train(page)
    first = wait_for_epoch(page, 1)
    assert wait_for_epoch(page, first + 1) > first

    page.get_by_role("slider", name="Dropout").press("ArrowRight")
    expect(page).to_have_url(re.compile("dropout="))
    moved = wait_for_epoch(page, 2)
    page.reload()
    settle(page)
    assert wait_for_epoch(page, moved) >= moved
    wait_for_result(page)

    go_to(page, "Mistakes")
    assert page.locator('[data-testid="stVegaLiteChart"] svg, [data-testid="stVegaLiteChart"] canvas').count() == 2
    assert colours_of(page, page.locator(".tile .picture").first) > 10
    go_to(page, "Weights")
    assert colours_of(page, page.get_by_test_id("stImage").first.locator("img")) > 10
    go_to(page, "Data")
    assert colours_of(page, page.get_by_test_id("stImage").first.locator("img")) > 10


def test_a_visit_to_another_page_does_not_harm_a_training(server, page):
    open_page(page, f"{server.url}/?{LONG}&seed=2")
    press_train(page)
    seen = wait_for_epoch(page, 1)
    go_to(page, "Data")
    go_to(page, "Train")
    # A quick machine is through by now; one that had begun again would be far back.
    shown = epoch_shown(page)
    assert shown is None or shown >= seen
    wait_for_result(page)


def test_two_tabs_share_one_training(server, browser, page):
    open_page(page, f"{server.url}/?{LONG}&seed=3")
    press_train(page)
    wait_for_epoch(page, 1)
    other = browser.new_context().new_page()
    open_page(other, f"{server.url}/?{LONG}&seed=3")
    assert wait_for_epoch(other, 1)
    wait_for_result(page)
    wait_for_result(other)
    other.context.close()


def test_stop_keeps_the_epochs(server, page):
    open_page(page, f"{server.url}/?model=mlp&epochs=100000&seed=4")
    press_train(page)
    wait_for_epoch(page, 2)
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("Stopped after .* of 100000 epochs"))).to_be_visible()
    expect(page.get_by_role("button", name="Train again")).to_be_enabled()


def test_a_copied_link_opens_configuration_and_results(server, browser, page):
    open_page(page, f"{server.url}/?model=softmax&epochs=30&seed=5")
    press_train(page)
    wait_for_result(page)
    other = browser.new_context().new_page()
    open_page(other, page.url)
    wait_for_result(other)
    other.context.close()


def test_back_in_the_browser_undoes_a_slider(server, page):
    open_page(page, f"{server.url}/?model=mlp&epochs=30&seed=6")
    before = page.url
    page.get_by_role("slider", name="Dropout").press("ArrowRight")
    expect(page).to_have_url(re.compile("dropout=0.05"))
    page.go_back()
    expect(page).to_have_url(before)
    expect(page.get_by_role("slider", name="Dropout")).to_have_value("0")


def test_an_unknown_setting_in_the_link_is_said(server, page):
    open_page(page, f"{server.url}/?epochz=3")
    expect(page.get_by_text("Did you mean 'epochs'")).to_be_visible()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_no_process_outlives_the_server(own_server, page, how):
    open_page(page, f"{own_server.url}/?model=mlp&epochs=100000")
    press_train(page)
    wait_for_epoch(page, 2)
    children = own_server.children()
    assert len(children) >= 4  # a scheduler, a nanny and a worker at least
    own_server.stop(how)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


def test_a_killed_server_loses_no_epoch_that_was_shown(own_server, page):
    from digitcore.runs import Store

    open_page(page, f"{own_server.url}/?model=mlp&epochs=100000")
    press_train(page)
    seen = wait_for_epoch(page, 5)
    own_server.process.kill()
    own_server.process.wait(10)
    (run,) = Store(home=own_server.home).recent()
    assert len(Store(home=own_server.home).load(run.digest).epochs) >= seen
