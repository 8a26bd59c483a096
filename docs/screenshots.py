"""Make the pictures of README anew: a real server, real trainings on scikit-learn's digits, a real Chromium.

make screenshots
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.live_server import LiveServer  # noqa: E402

DOCS = ROOT / "docs"
SIZE = {"width": 1280, "height": 860}
SETTLE_MILLISECONDS = 1500


def main() -> None:
    chromium = shutil.which("chromium") or sys.exit("Chromium is missing: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, LiveServer(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.set_default_timeout(120_000)
        train(page, server.url)
        show(page, server.url, "mistakes", "Confusion matrix")
        show(page, server.url, "weights", "Layer by layer")
        show(page, server.url, "map", "How to read this")
        predict(page, server.url)
        sweep(page, server.url)
        recipe(page, server.url)
        browser.close()


def train(page: Page, url: str) -> None:
    """A finished training of the recipe digits-mlp."""
    page.goto(f"{url}/?recipe=digits-mlp")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Training time").wait_for()
    keep(page, "train")


def show(page: Page, url: str, name: str, words: str) -> None:
    """A page of that training."""
    page.goto(f"{url}/{name}")
    page.get_by_text(words).first.wait_for()
    keep(page, name)


def predict(page: Page, url: str) -> None:
    """A digit that was drawn with the mouse, and what the model makes of it."""
    page.goto(f"{url}/predict")
    page.get_by_text("Draw", exact=True).click()
    pad = page.get_by_role("img", name="Drawing pad")
    pad.wait_for()
    box = pad.bounding_box()
    stroke = [(0.3, 0.25), (0.7, 0.25), (0.6, 0.5), (0.45, 0.8)]
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=12)
    page.mouse.up()
    page.get_by_text("The model says").wait_for()
    scroll(page, 300)
    keep(page, "predict")


def sweep(page: Page, url: str) -> None:
    """A heat map of learning rate and batch size."""
    page.goto(f"{url}/experiments?recipe=digits-mlp&model=softmax&epochs=10")
    page.get_by_text("Sweep", exact=True).click()
    varied = page.get_by_role("combobox", name="Settings to vary")
    if not page.get_by_text("Batch size: values").count():
        varied.click()
        page.get_by_role("option", name="Batch size").click()
        page.keyboard.press("Escape")
    start(page)
    scroll(page, 560)
    keep(page, "sweep")


def recipe(page: Page, url: str) -> None:
    """The published figures of digits-mlp beside those measured here."""
    page.goto(f"{url}/experiments?recipe=digits-mlp")
    page.get_by_text("Recipes", exact=True).click()
    start(page)
    scroll(page, 460)
    keep(page, "recipe")


def start(page: Page) -> None:
    """Start an experiment and wait for its end."""
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Every training").wait_for()
    page.get_by_text("trainings in").wait_for(timeout=400_000)


def scroll(page: Page, pixels: int) -> None:
    """Scroll the page down to what the picture is to show."""
    page.mouse.move(SIZE["width"] * 0.6, SIZE["height"] * 0.7)
    page.mouse.wheel(0, pixels)


def keep(page: Page, name: str) -> None:
    """Save what the window shows, once it has come to rest."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    page.screenshot(path=DOCS / f"{name}.png")
    print(f"docs/{name}.png")


if __name__ == "__main__":
    main()
