"""How much each page of a trained mnist-cnn run sends to the browser.

    DIGITCORE_DATA=... python benchmarks/pages.py

Trains two epochs, opens each page in a real Chromium and prints the kilobytes of its websocket messages and images.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
PAGES = ("", "phenomena", "steps", "mistakes", "weights", "predict", "experiments", "compare", "map", "quiz", "data")


def main():
    with tempfile.TemporaryDirectory() as home, socket.socket() as free:
        os.environ["DIGITCORE_HOME"] = home
        address = trained_run()
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.port", str(port)]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        try:
            wait_for_server(port)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                for page in PAGES:
                    messages, images = bytes_of(browser, f"http://127.0.0.1:{port}/{page}?{address}")
                    print(f"{page or 'train'}: messages {messages / 1000:.0f} kB, images {images / 1000:.0f} kB")
                browser.close()
        finally:
            server.terminate()
            server.wait()


def trained_run():
    """Train, and return the address of the run."""
    from digitcore.runs import Engine
    from digitcore.specs.links import spec_to_query
    from digitcore.specs.recipes import load_recipe

    spec = load_recipe("mnist-cnn").spec.with_changes(parameters={"epochs": 2})
    with Engine() as engine:
        run = engine.wait(engine.submit(spec).digest, 300)
    return urlencode({**spec_to_query(spec, "mnist-cnn"), "run": run.digest})


def wait_for_server(port):
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health").close()
            return
        except OSError:
            time.sleep(0.05)


def bytes_of(browser, url):
    """Return the bytes of the websocket messages and of the images that a page receives."""
    page, sizes = browser.new_page(), {"messages": 0, "images": 0}

    def count(kind, n_bytes):
        sizes[kind] += n_bytes

    def listen(socket):
        socket.on("framereceived", lambda frame: count("messages", len(frame)))

    def answered(response):
        if response.headers.get("content-type", "").startswith("image/") and "/media/" in response.url:
            count("images", len(response.body()))

    page.on("websocket", listen)
    page.on("response", answered)
    page.goto(url)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_timeout(3000)
    page.close()
    return sizes["messages"], sizes["images"]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
