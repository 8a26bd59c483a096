"""How fast the dashboard answers, in a real server and a real Chromium.

    python benchmarks/dashboard.py

Prints medians of five: the first page after the server is up, digits-mlp from the press of Train to the final chart,
and the server's time for a rerun of each page of a trained run. Where DIGITCORE_DATA has MNIST, that run is of
mnist-cnn's network, and the reruns are timed again while two trainings are under way.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[1]
REPEATS = 5
BUSY_REPEATS = 40
BESIDE = ("mnist-cnn", "mnist-dropout-mlp")
# Both charts have their lines and the figures stand above them; asked at every frame, where a locator would look twice
# a second.
FINAL = """() => {
    const charts = [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')];
    return document.body.innerText.includes("Training time")
        && charts.length == 2 && charts.every(chart => chart.querySelector(".mark-line path"));
}"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def main():
    first, pressed = zip(*(time_session(seed) for seed in range(REPEATS)), strict=True)
    report("first page visible after the server is up", first)
    report("digits-mlp, press of Train to the final chart", pressed)
    report_reruns()


def report(what, seconds):
    print(f"{what}: {statistics.median(seconds):.3f} s (from {min(seconds):.3f} to {max(seconds):.3f})", flush=True)


def time_session(seed):
    """Seconds to the first page and from press to result, in a server and a home of their own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.port", str(port)]
        environment = {**os.environ, "DIGITCORE_HOME": home}
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        try:
            return time_page(browser.new_page(), f"http://127.0.0.1:{port}", seed)
        finally:
            browser.close()
            server.terminate()
            server.wait()


def time_page(page, url, seed):
    while True:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health").close()
            break
        except OSError:
            time.sleep(0.01)
    start = time.perf_counter()
    page.goto(f"{url}/?seed={seed}")
    page.get_by_role("button", name="Train", exact=True).wait_for()
    first = time.perf_counter() - start
    page.wait_for_timeout(10000)  # a user reads the page before pressing; the workers import torch meanwhile
    start = time.perf_counter()
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_function(FINAL, polling="raf")
    return first, time.perf_counter() - start


def report_reruns():
    """Time the script on the server, without the browser, for each page of a trained run."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["DIGITCORE_HOME"] = home
        from digitcore.errors import DatasetUnavailable
        from digitcore.links import spec_to_query
        from digitcore.recipes import load_recipe
        from pages.parts import shared, state

        engine = shared.engine()
        try:
            spec = load_recipe("mnist-cnn").spec.with_changes(parameters={"epochs": 2})
            others = [load_recipe(name).spec.with_changes(parameters={"epochs": 2000}) for name in BESIDE]
            state.dataset(spec.dataset)
        except DatasetUnavailable:
            spec, others = load_recipe("digits-mlp").spec, []
        run = engine.wait(engine.submit(spec).digest, 300)
        app = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
        app.query_params.update({**spec_to_query(spec, "mnist-cnn"), "run": run.digest})
        app.run()
        time_pages(app, f"quiet, {spec.dataset} {spec.model}", REPEATS)
        if others:
            started = [engine.submit(other).digest for other in others]
            time.sleep(5)
            time_pages(app, "two trainings under way", BUSY_REPEATS)
            for digest in started:
                engine.cancel(digest)
        engine.close()


def time_pages(app, when, repeats):
    for name in ("train", "mistakes", "weights", "predict", "experiments", "map", "quiz", "data"):
        app.switch_page(f"pages/{name}.py").run()
        app.run()
        times = sorted(timed(app.run) for _ in range(repeats))
        p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
        print(f"{name}, {when}: median {statistics.median(times):.3f} s, p95 {p95:.3f} s", flush=True)


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
