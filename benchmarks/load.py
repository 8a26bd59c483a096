"""How long visitors of a hosted dashboard wait, and what the server takes, with many of them at once.

    DIGITCORE_DATA=... python benchmarks/load.py                      # 20 visitors, then 100, then another 100
    DIGITCORE_DATA=... python benchmarks/load.py --visitors 100 --every 2 10 --warm-up 540 --seconds 1800

Starts a real server in a home of its own. Each visitor is a websocket session that opens the dashboard, moves sliders,
changes pages, trains scikit-learn's digits, asks the model about an image, and answers the polling of the fragments as
a browser does. Prints the seconds from an action to the drawn page, the server's processor time per action, and memory,
threads, handles and temporary files over time with their slopes after the first fifth of the time. In a warm-up
before that, whose waiting times are not counted, the same visitors train twice as often, so that the server's caches of
runs fill before the round begins.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.live_server import LiveServer  # noqa: E402
from benchmarks.streamlit_client import Visitor  # noqa: E402

# Of twenty actions: what people do in a lecture.
ACTIONS = {"move a slider": 10, "change the page": 6, "train": 1, "ask about an image": 3}
WARM_UP_ACTIONS = {**ACTIONS, "move a slider": 9, "train": 2}
PAGES = ("", "phenomena", "steps", "mistakes", "weights", "predict", "map", "quiz", "data", "experiments", "compare")
# The visitors that come first open the dashboard over this time, as a class does.
ARRIVAL_SECONDS = 10.0


@dataclass
class Tally:
    """What the visitors of one round met."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    n_lost: int = 0

    def add(self, action, seconds):
        self.seconds.setdefault(action, []).append(seconds)

    @property
    def all_seconds(self):
        return sorted(second for kind in self.seconds.values() for second in kind)


def main():
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder, LiveServer(Path(folder)) as server:
        rounds = [(20, (1, 4), 60), (100, (2, 10), 90), (100, (2, 10), 90)]
        if arguments.visitors:
            rounds = [(arguments.visitors, tuple(arguments.every), arguments.seconds)]
        for n_visitors, every, seconds in rounds:
            report_round(server, n_visitors, every, seconds, arguments.warm_up)
        print_log(server)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, help="sessions at a time; default: the three rounds of visitors.md")
    parser.add_argument("--every", type=float, nargs=2, default=(2, 10), help="seconds between two actions")
    parser.add_argument("--seconds", type=float, default=90, help="length of the round")
    parser.add_argument("--warm-up", type=float, default=0, help="seconds of frequent trainings before the round")
    return parser.parse_args()


def print_log(server):
    """Print what the server had to complain of."""
    for line in server.read_log().splitlines()[-200:]:
        if any(word in line for word in ("Error", "WARNING", "Traceback")):
            print(f"  server's log: {line}")


def report_round(server, n_visitors, every, seconds, warm_up=0.0):
    """Let the visitors act and print what they met and what the server took."""
    print(f"\n{n_visitors} visitors, an action every {every[0]:g} to {every[1]:g} s, {seconds:g} s", flush=True)
    warming, tally, samples = Tally(), Tally(), []
    cpu = asyncio.run(_round(warming, tally, samples, server, n_visitors, every, seconds, warm_up))
    if warming.seconds:
        kinds = ", ".join(f"{action}: {len(each)}" for action, each in sorted(warming.seconds.items()))
        print(f"  warm-up of {warm_up:g} s: {kinds}")
    for action, each in sorted(tally.seconds.items()):
        print(f"  {action:20s} {_summary(sorted(each))}")
    print(f"  {'all':20s} {_summary(tally.all_seconds)}")
    n_actions = len(tally.all_seconds)
    print(f"  lost: {tally.n_lost}; errors shown: {len(tally.errors)} {sorted(set(tally.errors))[:10]}")
    print(f"  processor time of the server per action, polling included: {cpu / max(n_actions, 1):.3f} s")
    _print_samples(samples)


def _summary(seconds):
    p95 = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
    return f"n {len(seconds):5d}  median {statistics.median(seconds):.3f} s  p95 {p95:.3f} s  max {seconds[-1]:.3f} s"


def _print_samples(samples):
    names = ("memory, MB", "threads", "handles", "temporary files", "workers' memory, MB")
    table = np.array(samples)
    hours = table[:, 0] / 3600
    late = hours >= hours[-1] / 5
    for column, name in enumerate(names, start=1):
        values = table[:, column]
        slope = np.polyfit(hours[late], values[late], 1)[0] if late.sum() > 2 else float("nan")
        ends = f"from {values[0]:.0f} to {values[-1]:.0f}"
        print(f"  {name:20s} {ends}, at most {values.max():.0f}; {slope:+.0f} an hour")
    tenths = np.interp(np.linspace(0, hours[-1], 11), hours, table[:, 1])
    print(f"  memory after each tenth of the time, MB: {', '.join(f'{value:.0f}' for value in tenths)}")


async def _round(warming, tally, samples, server, n_visitors, every, seconds, warm_up):
    """Return the server's processor time since the end of the warm-up."""
    start = time.monotonic() + warm_up
    visits = [
        asyncio.create_task(_visit(warming, tally, server.url, number, n_visitors, every, start, start + seconds))
        for number in range(n_visitors)
    ]
    await asyncio.sleep(warm_up)
    cpu_before = server.cpu_seconds
    await _watch(samples, server, start + seconds)
    await asyncio.gather(*visits)
    return server.cpu_seconds - cpu_before


async def _watch(samples, server, end):
    start = time.monotonic()
    while True:
        now = time.monotonic()
        workers = sum(_memory(child) for child in server.children())
        n_files = sum(1 for _ in server.temporary.rglob("*"))
        process = server.process
        samples.append((now - start, _memory(process), process.num_threads(), process.num_fds(), n_files, workers))
        if now > end:
            return
        await asyncio.sleep(min(5.0, max(0.5, (end - start) / 60)))


def _memory(process):
    try:
        return process.memory_info().rss / 1e6
    except psutil.Error:  # it has just ended
        return 0.0


async def _visit(warming, tally, url, number, n_visitors, every, start, end):
    choose = random.Random(number)
    await asyncio.sleep(ARRIVAL_SECONDS * number / n_visitors)
    visitor = Visitor(url, query={"seed": str(number % 100)})
    try:
        (warming if time.monotonic() < start else tally).add("open", await visitor.open())
        while time.monotonic() < end:
            await asyncio.sleep(choose.uniform(*every))
            warm_up = time.monotonic() < start
            await _one_action(warming if warm_up else tally, visitor, choose, WARM_UP_ACTIONS if warm_up else ACTIONS)
    except Exception as error:
        tally.n_lost += 1
        left = end - time.monotonic()
        tally.errors.append(f"{type(error).__name__}: {error} on page {visitor.page!r}, {left:.0f} s before the end")
    finally:
        # A wrong answer of the model stands in a red box, too.
        tally.errors += [text for text in visitor.errors if not text.startswith("The model says")]
        await visitor.close()


async def _one_action(tally, visitor, choose, actions):
    (action,) = choose.choices(list(actions), list(actions.values()))
    if action == "ask about an image":
        if visitor.page != "predict":
            tally.add("change the page", await visitor.go_to("predict"))
        index = visitor.find("number_input", "Index")
        if not index:
            return
        tally.add(action, await visitor.set(index[0], double_value=float(choose.randrange(400))))
    elif action == "change the page":
        tally.add(action, await visitor.go_to(choose.choice([page for page in PAGES if page != visitor.page])))
    else:
        if visitor.page != "":
            tally.add("change the page", await visitor.go_to(""))
        # Each visitor has a seed of their own, so most values have not been trained before.
        slider = visitor.find("slider", "Dropout")[0]
        tally.add("move a slider", await visitor.set(slider, double_array_value=[choose.randrange(90) / 100]))
        trains = [button for button in visitor.find("button", "Train") if not button.disabled]
        if action == "train" and trains:
            tally.add(action, await visitor.press(trains[0]))


if __name__ == "__main__":
    main()
