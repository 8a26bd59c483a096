"""Make the pictures of README anew: a real server, real trainings, a real Chromium.

make screenshots

Needs Chromium and a font with Chinese letters, in which one recipe's source has its title: on Debian and Ubuntu
`apt-get install chromium fonts-noto-core fonts-noto-cjk`. Takes a few minutes; everything is trained on scikit-learn's
digits, so no download is needed.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.live_server import LiveServer  # noqa: E402

DOCS = ROOT / "docs"
SIZE = {"width": 1280, "height": 860}
SETTLE_MILLISECONDS = 1500
# Names of the files that this script makes.
PICTURES = (
    *("train", "phenomena", "steps", "mistakes", "weights", "predict", "sweep", "recipe", "compare", "difference"),
    *("map", "quiz", "data", "dark"),
)
MOVING_PICTURE = "training.webp"
# The moving picture: as often as the page draws, and the last frame stays.
FRAME_MILLISECONDS, LAST_MILLISECONDS = 300, 3000
MOST_FRAMES = 40
MOVING_WIDTH = 960
MOST_BYTES = 1_500_000
# What is compared: models that differ in one setting, and not by chance alone. The recipe's tables have none of them.
COMPARED = ("recipe=digits-mlp", "recipe=digits-mlp&learning_rate=0.03", "recipe=digits-mlp&epochs=120")
# Long enough to be watched, short enough to be waited for.
WATCHED = "recipe=digits-mlp&epochs=1500&batch_size=32&hidden_units=128-64&learning_rate=0.0002"


def main() -> None:
    chromium = shutil.which("chromium") or sys.exit("Chromium is missing: apt-get install chromium")
    check_fonts()
    with tempfile.TemporaryDirectory() as folder, LiveServer(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.set_default_timeout(120_000)
        watch(page, server.url)
        train(page, server.url)
        show(page, server.url, "phenomena", "Momentum")
        steps(page, server.url)
        mistakes(page, server.url, "mistakes")
        show(page, server.url, "weights", "Layer by layer")
        world(page, server.url)
        predict(page, server.url)
        quiz(page, server.url)
        show(page, server.url, "data", "The first images")
        sweep(page, server.url)
        recipe(page, server.url)
        dark = browser.new_page(viewport=SIZE, color_scheme="dark")
        dark.set_default_timeout(120_000)
        dark.goto(f"{server.url}/?recipe=digits-mlp")
        ended(dark).wait_for()
        mistakes(dark, server.url, "dark")
        # Last, as pages show the latest run.
        compare(page, server.url)
        browser.close()


def check_fonts() -> None:
    """End with a sentence where a title would be a row of boxes."""
    listed = subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, text=True, check=False).stdout
    if not listed.strip():
        sys.exit("A font with Chinese letters is missing: apt-get install fonts-noto-cjk")


def watch(page: Page, url: str) -> None:
    """The curves of a training as they grow, as a moving picture."""
    page.goto(f"{url}/?{WATCHED}")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Epoch").first.wait_for()
    frames = []
    while len(frames) < MOST_FRAMES and not ended(page).count():
        frames.append(page.screenshot())
        page.wait_for_timeout(FRAME_MILLISECONDS)
    ended(page).wait_for()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    keep_moving([*frames, page.screenshot()])


def keep_moving(frames: list[bytes]) -> None:
    """Save frames as one animated picture, which a README may load before anything else."""
    height = round(MOVING_WIDTH * SIZE["height"] / SIZE["width"])
    pictures = [
        Image.open(io.BytesIO(frame)).convert("RGB").resize((MOVING_WIDTH, height), Image.Resampling.LANCZOS)
        for frame in frames
    ]
    durations = [FRAME_MILLISECONDS] * (len(pictures) - 1) + [LAST_MILLISECONDS]
    path = DOCS / MOVING_PICTURE
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, quality=75, method=6)
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"{path.name} has {path.stat().st_size:,} bytes, more than {MOST_BYTES:,}")
    print(f"docs/{path.name}")


def ended(page: Page) -> Locator:
    """What Train shows when a training has ended."""
    return page.get_by_role("button", name="See its mistakes")


def train(page: Page, url: str) -> None:
    """A finished training of the recipe digits-mlp."""
    page.goto(f"{url}/?recipe=digits-mlp")
    page.get_by_role("button", name="Train", exact=True).click()
    ended(page).wait_for()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    keep(page, "train")


def show(page: Page, url: str, name: str, words: str) -> None:
    """A page of that training."""
    page.goto(f"{url}/{name}")
    page.get_by_text(words).first.wait_for()
    keep(page, name)


def steps(page: Page, url: str) -> None:
    """Two epochs of a small network, batch by batch."""
    page.goto(f"{url}/steps?recipe=digits-mlp&batch_size=32&hidden_units=16")
    for _ in range(2):
        page.get_by_role("button", name="One epoch").click()
        page.wait_for_timeout(SETTLE_MILLISECONDS)
    page.mouse.move(0, 0)
    keep(page, "steps")


def mistakes(page: Page, url: str, name: str) -> None:
    """The confusion matrix with the images of one cell."""
    page.goto(f"{url}/mistakes")
    page.get_by_text("Confusion matrix").first.wait_for()
    page.locator(".tile").first.wait_for()
    keep(page, name)


def world(page: Page, url: str) -> None:
    """The test images as the model's last hidden layer has them."""
    page.goto(f"{url}/map")
    page.get_by_role("radio", name="Last hidden layer").or_(
        page.get_by_role("button", name="Last hidden layer")
    ).first.click()
    page.locator('[data-testid="stVegaLiteChart"] canvas').first.wait_for()
    keep(page, "map")


def quiz(page: Page, url: str) -> None:
    """A question of the quiz."""
    page.goto(f"{url}/quiz")
    page.get_by_role("button", name="Start").first.click()
    page.get_by_role("button", name="7").first.wait_for()
    keep(page, "quiz")


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
    scroll(page, 100)
    keep(page, "predict")


def compare(page: Page, url: str) -> None:
    """Three trainings side by side, and where two of them differ."""
    for link in COMPARED[1:]:
        page.goto(f"{url}/?{link}")
        page.get_by_role("button", name="Train", exact=True).click()
        ended(page).wait_for()
    page.goto(f"{url}/compare")
    box = page.get_by_role("combobox", name="Compared")
    for _ in COMPARED:
        box.focus()
        page.keyboard.press("ArrowDown")
        page.get_by_role("option").first.click()
        rest(page)
    page.keyboard.press("Escape")
    page.get_by_role("heading", level=1).click()
    page.get_by_text("Settings side by side").wait_for()
    scroll(page, 110)
    keep(page, "compare")
    page.get_by_role("radio", name="Only B is right").click()
    page.locator(".tile").first.wait_for()
    rest(page)
    page.get_by_role("heading", name="Image by image").evaluate("heading => heading.scrollIntoView()")
    keep(page, "difference")


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
    scroll(page, 500)
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
    # Pointed at, a chart would show its toolbar.
    page.mouse.move(2, 2)
    rest(page)
    page.screenshot(path=DOCS / f"{name}.png")
    print(f"docs/{name}.png")


def rest(page: Page) -> None:
    """Wait until the page has come to rest."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_timeout(SETTLE_MILLISECONDS)


if __name__ == "__main__":
    main()
