"""How soon a page shows what has changed: an epoch of a training, a surgery on 10,000 images, a single step.

    DIGITCORE_DATA=... python benchmarks/cockpit.py

One visitor over a websocket, MNIST. An epoch counts from the moment at which it is in the store, where the server puts
it first, to that at which the visitor has the page that names it. Prints medians, the 95th percentile and the longest.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.live_server import LiveServer  # noqa: E402
from benchmarks.streamlit_client import Visitor  # noqa: E402
from digitcore.runs import Store  # noqa: E402
from digitcore.specs.links import spec_to_query  # noqa: E402
from digitcore.specs.recipes import load_recipe  # noqa: E402

LOOK_SECONDS = 0.004
RECIPES = ("mnist-dense", "mnist-softmax")
PRUNED = range(1, 61, 3)
N_STEPS = 30


def main():
    print("| | median | 95 of 100 within | longest |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, LiveServer(Path(folder)) as server:
        for name in RECIPES:
            asyncio.run(report(server, name))


async def report(server, name):
    """Print the lines of one recipe."""
    spec = load_recipe(name).spec
    query = spec_to_query(spec, name)
    async with Visitor(server.url, query=query) as visitor:
        print_line(f"{name}: an epoch is on the page after", await follow(server, visitor, spec.digest))
        await visitor.go_to("weights", query={"run": spec.digest})
        slider = visitor.find("slider", "Pruned weights (%)")[0]
        print_line(f"{name}: pruned otherwise", [await visitor.set(slider, double_array_value=[n]) for n in PRUNED])
        await visitor.go_to("steps", query=query)
        seconds = []
        for _ in range(N_STEPS):
            seconds.append(await visitor.press(visitor.find("button", "One batch")[0]))
        print_line(f"{name}: one batch", seconds[1:])


async def follow(server, visitor, digest):
    """Train and return the seconds from each epoch in the store to the page that names it."""
    store, kept, shown = Store(home=server.home), {}, {}
    await visitor.press(visitor.find("button", "Train")[0])
    while True:
        now = time.perf_counter()
        run = await asyncio.to_thread(store.load, digest)
        for number in range(1, len(run.epochs) + 1 if run else 1):
            kept.setdefault(number, now)
        for bar in visitor.find("progress"):
            words = bar.text.split()
            if words[:1] == ["Epoch"] and words[1].isdigit() and "loss" in words:
                shown.setdefault(int(words[1]), now)
        if run is not None and run.state == "done":
            break
        await asyncio.sleep(LOOK_SECONDS)
    # What was passed over, such as the last one, which is followed by the evaluation, has no moment of its own.
    return [shown[number] - kept[number] for number in shown if number in kept]


def print_line(name, seconds):
    """Print a line of the table."""
    seconds = sorted(seconds)
    p95 = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
    print(f"| {name} ({len(seconds)}) | {statistics.median(seconds):.3f} s | {p95:.3f} s | {seconds[-1]:.3f} s |")


if __name__ == "__main__":
    main()
