import io
import re
import signal
import time

import psutil
import pytest
from PIL import Image
from playwright.sync_api import expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)

# In the order of the menu.
PAGES = (
    "Train",
    "Phenomena",
    "Steps",
    "Mistakes",
    "Weights",
    "Predict",
    "Experiments",
    "Compare",
    "Map",
    "Quiz",
    "Data",
)
# Not over before it is stopped: the MLP on digits makes three thousand epochs a second where nothing else runs.
LONG = "model=mlp&epochs=100000"


def settle(page):
    """Wait until the page stands still: not while it follows a training, which lets it run again and again."""
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


def stop_button(page):
    """Ours: Streamlit shows one of its own while a script runs."""
    return page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop", exact=True)


def epoch_shown(page):
    """The number of the last epoch that the progress bar tells of, or None."""
    text = " ".join(page.get_by_test_id("stProgress").all_inner_texts())
    found = re.search(r"Epoch ([\d,]+) of .* loss", text)
    return int(found.group(1).replace(",", "")) if found else None


def wait_for_epoch(page, least):
    deadline = time.monotonic() + 60
    while (epoch_shown(page) or 0) < least:
        assert time.monotonic() < deadline, f"epoch {least} was not reached"
        page.wait_for_timeout(50)
    return epoch_shown(page)


def stop(page):
    stop_button(page).click()
    wait_for_stop(page)


def wait_for_stop(page):
    expect(page.get_by_text(re.compile("Stopped after .* of 100,000 epochs"))).to_be_visible()
    wait_for_result(page)


def wait_for_result(page):
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    expect(page.get_by_text("Test accuracy", exact=True)).to_be_visible()
    settle(page)


def open_trained(page, url):
    """Open the Train page by a link to settings, and train them unless that was done before."""
    open_page(page, url)
    # On a busy machine the page may stand still for a moment before the button is drawn.
    expect(page.get_by_role("button", name=re.compile("^(Train|See its mistakes)$"))).to_be_visible()
    if page.get_by_role("button", name="Train", exact=True).count():
        press_train(page)
    wait_for_result(page)


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


@pytest.mark.slow
def test_training_goes_on_while_the_user_does_other_things(server, page):
    open_page(page, f"{server.url}/?{LONG}&seed=1")
    expect(page.get_by_text("Nothing trained yet")).to_be_visible()
    press_train(page)
    first = wait_for_epoch(page, 1)
    assert wait_for_epoch(page, first + 1) > first

    page.get_by_role("slider", name="Dropout").press("ArrowRight")
    expect(page).to_have_url(re.compile("dropout="))
    moved = wait_for_epoch(page, first + 1)
    page.reload()
    assert wait_for_epoch(page, moved) >= moved
    go_to(page, "Data")
    go_to(page, "Train")
    assert wait_for_epoch(page, moved) >= moved
    stop(page)


def test_a_training_that_is_followed_ends_in_results_on_every_page(server, page):
    open_page(page, f"{server.url}/?model=mlp&epochs=2000&seed=2")
    press_train(page)
    wait_for_epoch(page, 1)
    wait_for_result(page)
    expect(page.get_by_role("button", name="See its mistakes")).to_be_visible()
    go_to(page, "Mistakes")
    settle(page)
    assert page.locator('[data-testid="stVegaLiteChart"] svg, [data-testid="stVegaLiteChart"] canvas').count() == 2
    assert colours_of(page, page.locator(".tile .picture").first) > 10
    go_to(page, "Weights")
    settle(page)
    assert colours_of(page, page.locator(".tile .picture").first) > 10
    go_to(page, "Data")
    settle(page)
    assert colours_of(page, page.locator(".tile .picture").first) > 10


def test_a_stranger_follows_a_training_and_cannot_stop_it(server, browser, page):
    open_page(page, f"{server.url}/?{LONG}&seed=3")
    press_train(page)
    wait_for_epoch(page, 1)
    stranger = browser.new_context().new_page()
    stranger.goto(f"{server.url}/?{LONG}&seed=3")
    assert wait_for_epoch(stranger, 1)
    expect(stop_button(stranger)).to_be_disabled()
    expect(stranger.get_by_text("Another visitor started this")).to_be_visible()
    stop(page)
    wait_for_stop(stranger)
    stranger.context.close()


def test_stop_keeps_the_epochs(server, page):
    open_page(page, f"{server.url}/?{LONG}&seed=4")
    press_train(page)
    wait_for_epoch(page, 2)
    stop(page)
    expect(page.get_by_role("button", name="Go on", exact=True)).to_be_enabled()


@pytest.mark.slow
def test_a_copied_link_opens_configuration_and_results(server, browser, page):
    open_page(page, f"{server.url}/?model=softmax&epochs=30&seed=5")
    press_train(page)
    wait_for_result(page)
    other = browser.new_context().new_page()
    open_page(other, page.url)
    wait_for_result(other)
    other.context.close()


@pytest.mark.slow
def test_back_in_the_browser_undoes_a_slider(server, page):
    open_page(page, f"{server.url}/?model=mlp&epochs=30&seed=6")
    before = page.url
    page.get_by_role("slider", name="Dropout").press("ArrowRight")
    expect(page).to_have_url(re.compile("dropout=0.05"))
    page.go_back()
    expect(page).to_have_url(before)
    expect(page.get_by_role("slider", name="Dropout")).to_have_value("0")


@pytest.mark.slow
def test_a_slider_beyond_its_usual_range_follows_a_quick_hand(server, page):
    open_page(page, f"{server.url}/?seed=500&model=softmax&open_more=yes")
    page.locator('input[aria-label="Seed"]').focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft", delay=100)
    expect(page).to_have_url(re.compile("seed=492"))
    for _ in range(3):
        page.keyboard.press("ArrowRight", delay=100)
    expect(page).to_have_url(re.compile("seed=495"))


MAIN, SIDEBAR = 0, 1


def lose_first_drawing(page, container):
    """Let nothing of a container arrive before the first script run has ended, as when a click interrupts it.

    Returns the list of what was lost so far.
    """
    lost, ended = [], []

    def handle(browser_side):
        server_side = browser_side.connect_to_server()

        def pass_on(message):
            read = ForwardMsg.FromString(message)
            if not ended and list(read.metadata.delta_path[:1]) == [container]:
                lost.append(read)
                return
            if read.WhichOneof("type") == "script_finished":
                ended.append(read.script_finished)
            browser_side.send(message)

        server_side.on_message(pass_on)

    page.route_web_socket(re.compile("_stcore/stream"), handle)
    return lost


@pytest.mark.slow
def test_a_lost_drawing_of_the_form_changes_no_setting(server, page):
    lost = lose_first_drawing(page, SIDEBAR)
    link = f"{server.url}/?epochs=70&seed=8&model=softmax"
    open_page(page, f"{link}&open_more=yes")
    assert any(message.delta.new_element.HasField("slider") for message in lost)
    page.evaluate("window.dispatchEvent(new PopStateEvent('popstate'))")
    page.get_by_role("slider", name="Epochs").wait_for()
    press_train(page)
    wait_for_result(page)
    expect(page.get_by_role("slider", name="Epochs")).to_have_attribute("aria-valuetext", "70")
    page.locator('input[aria-label="Seed"]').press("ArrowRight")
    # The run that is shown beside the new settings is in the address, too.
    expect(page).to_have_url(re.compile(re.escape(link.replace("seed=8", "seed=9")) + r"&run=\w+&open_more=yes$"))


@pytest.mark.slow
def test_a_lost_drawing_of_the_list_of_runs_shows_the_linked_run(server, page):
    links = []
    for n_epochs in (31, 32):
        open_page(page, f"{server.url}/?model=softmax&epochs={n_epochs}")
        press_train(page)
        wait_for_result(page)
        go_to(page, "Mistakes")
        expect(page).to_have_url(re.compile("run="))
        links.append(page.url)
    lost = lose_first_drawing(page, MAIN)
    page.goto(links[0])
    page.get_by_role("link", name="Mistakes", exact=True).wait_for()
    settle(page)
    assert any(message.delta.new_element.HasField("selectbox") for message in lost)
    page.evaluate("window.dispatchEvent(new PopStateEvent('popstate'))")
    for name in ("% of the row", "Images"):
        page.get_by_role("radio", name=name, exact=True).click()
        settle(page)
    expect(page).to_have_url(links[0])
    expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value(re.compile("31 epochs"))


def test_an_unknown_setting_in_the_link_is_said(server, page):
    open_page(page, f"{server.url}/?epochz=3")
    expect(page.get_by_text("Did you mean 'epochs'")).to_be_visible()


# The quick tests cover SIGTERM in tests/hosting/test_shutdown.py.
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_no_process_outlives_the_server(own_server, page, how):
    open_page(page, f"{own_server.url}/?{LONG}")
    press_train(page)
    wait_for_epoch(page, 2)
    children = own_server.children()
    assert len(children) >= 4  # a scheduler, a nanny and a worker at least
    own_server.stop(how)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


def test_a_killed_server_loses_no_epoch_that_was_shown_and_no_process_outlives_it(own_server, page):
    from digitcore.runs import Store

    open_page(page, f"{own_server.url}/?{LONG}")
    press_train(page)
    seen, children = wait_for_epoch(page, 5), own_server.children()
    own_server.stop(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    (run,) = Store(home=own_server.home).recent()
    assert len(Store(home=own_server.home).load(run.digest).epochs) >= seen
