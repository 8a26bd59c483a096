"""How fast the dashboard answers, in a real server, a real Chromium and over real websockets.

    python benchmarks/dashboard.py

Prints medians of five: the first page after the server is up and digits-mlp from the press of Train to the final chart,
with the press at once (cold) and ten seconds later; then, for each page of a trained run, the seconds from a visitor's
action to the drawn page over the websocket, garbage collection and all, and the server's processor time. Where
DIGITCORE_DATA has MNIST, that run is of mnist-cnn's network, and the pages are timed again while two trainings are
under way.
"""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.live_server import LiveServer  # noqa: E402
from benchmarks.streamlit_client import Visitor  # noqa: E402

REPEATS = 5
PAGE_REPEATS = 20
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
    for wait_seconds, when in ((0, "at once"), (10, "ten seconds later")):
        first, pressed = zip(*(time_session(seed, wait_seconds) for seed in range(REPEATS)), strict=True)
        report("first page visible after the server is up", first)
        report(f"digits-mlp, press of Train {when} to the final chart", pressed)
    with tempfile.TemporaryDirectory() as home:
        os.environ["DIGITCORE_HOME"] = home
        query, beside = trained_run()
        with LiveServer(Path(home)) as server:
            asyncio.run(time_pages(server, query, "quiet"))
            if beside:
                asyncio.run(time_pages(server, query, "two trainings under way", beside))


def report(what, seconds):
    print(f"{what}: {statistics.median(seconds):.3f} s (from {min(seconds):.3f} to {max(seconds):.3f})", flush=True)


def time_session(seed, wait_seconds):
    """Seconds to the first page and from press to result, in a server and a home of their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            with tempfile.TemporaryDirectory() as folder, LiveServer(Path(folder)) as server:
                return time_page(browser.new_page(), server.url, seed, wait_seconds)
        finally:
            browser.close()


def time_page(page, url, seed, wait_seconds):
    start = time.perf_counter()
    page.goto(f"{url}/?seed={seed}")
    page.get_by_role("button", name="Train", exact=True).wait_for()
    first = time.perf_counter() - start
    page.wait_for_timeout(1000 * wait_seconds)
    start = time.perf_counter()
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_function(FINAL, polling="raf", timeout=120_000)
    return first, time.perf_counter() - start


def trained_run():
    """Train; return the address of the run, and the addresses of two trainings that can go on beside."""
    from digitcore.errors import DatasetUnavailable
    from digitcore.runs import Engine
    from digitcore.specs.links import spec_to_query
    from digitcore.specs.recipes import load_recipe

    with Engine() as engine:
        try:
            spec = load_recipe("mnist-cnn").spec.with_changes(parameters={"epochs": 2})
            engine.wait(engine.submit(spec).digest, 300)
            others = [load_recipe(name).spec.with_changes(parameters={"epochs": 100}) for name in BESIDE]
        except DatasetUnavailable:
            spec, others = load_recipe("digits-mlp").spec, []
            engine.wait(engine.submit(spec).digest, 300)
    queries = [spec_to_query(other, name) for other, name in zip(others, BESIDE, strict=False)]
    return {**spec_to_query(spec, "mnist-cnn"), "run": spec.digest}, queries


async def time_pages(server, query, when, beside=()):
    """Print how long each page of the run takes, drawn again after an action."""
    started = [await start_training(server.url, other) for other in beside]
    async with Visitor(server.url, query=query) as visitor:
        pages = (
            "",
            "phenomena",
            "steps",
            "mistakes",
            "weights",
            "predict",
            "experiments",
            "compare",
            "map",
            "quiz",
            "data",
        )
        for name in pages:
            await visitor.go_to(name, query={"run": query["run"]})
            await visitor.rerun()
            before = server.cpu_seconds
            seconds = sorted([await visitor.rerun() for _ in range(PAGE_REPEATS)])
            cpu = (server.cpu_seconds - before) / PAGE_REPEATS
            p95 = seconds[int(0.95 * (PAGE_REPEATS - 1))]
            median = statistics.median(seconds)
            print(
                f"{name or 'train'}, {when}: median {median:.3f} s, p95 {p95:.3f} s, processor {cpu:.3f} s", flush=True
            )
    for trainer in started:
        await trainer.press(trainer.find("button", "Stop")[0])
        await trainer.close()


async def start_training(url, query):
    """Press Train and return the visitor who watches it."""
    visitor = Visitor(url, query=query)
    await visitor.open()
    await visitor.press(visitor.find("button", "Train")[0])
    await visitor.wait_until(lambda: visitor.find("button", "Stop"))
    return visitor


if __name__ == "__main__":
    main()
