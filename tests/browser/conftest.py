"""A real server and a real Chromium."""

import shutil
import signal

import pytest
from playwright.sync_api import sync_playwright

from benchmarks.live_server import LiveServer


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = LiveServer(tmp_path_factory.mktemp("browser-home"))
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path):
    """A server for a test that breaks it."""
    server = LiveServer(tmp_path)
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def browser():
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()
