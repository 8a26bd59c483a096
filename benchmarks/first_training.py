"""How long the first trainings after a server's start take: `python benchmarks/first_training.py [--cold]`.

A visitor opens the dashboard as soon as it answers, presses Train, waits for the result, and trains with other seeds.
With ``--cold`` the compiled loops are not there yet. MNIST is looked for in ``DIGITCORE_DATA``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.live_server import LiveServer
from benchmarks.streamlit_client import Visitor

TRAININGS = {
    "digits-mlp": {},
    "digits-mlp with dropout": {"dropout": "0.2"},
    "mnist-dense, 2 epochs": {"recipe": "mnist-dense", "epochs": "2"},
    "mnist-softmax, 5 epochs": {"recipe": "mnist-softmax", "epochs": "5"},
}
N_TRAININGS = 4


async def seconds_of(url, query, seed):
    """Return the seconds from the click to the result, the training's own, and what the page said before."""
    async with Visitor(url, query=query | {"seed": str(seed)}) as visitor:
        said = visitor.texts()
        start = time.perf_counter()
        await visitor.press(visitor.find("button", "Train")[0])
        await visitor.wait_until(lambda: visitor.find("button", "See its mistakes"), 300)
        waited = time.perf_counter() - start
        own = next(each.body for each in visitor.find("metric") if each.label == "Training time")
    expected = next((part for part in said.split("· ") if "takes" in part or "not yet known" in part), "")
    return waited, own, expected.partition("]")[0]


async def visit(url, query):
    """Return a line for each training."""
    return [await seconds_of(url, query, seed) for seed in range(1, 1 + N_TRAININGS)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cold", action="store_true", help="without the compiled loops of earlier starts")
    cold = parser.parse_args().cold
    print("| training | number | click to result, s | own time | said before |\n|---|---|---|---|---|")
    for name, query in TRAININGS.items():
        with tempfile.TemporaryDirectory() as folder:
            cache = {"NUMBA_CACHE_DIR": str(Path(folder, "compiled"))} if cold else {}
            with LiveServer(Path(folder), **cache) as server:
                for number, (waited, own, said) in enumerate(asyncio.run(visit(server.url, query)), 1):
                    print(f"| {name} | {number} | {waited:.2f} | {own} | {said} |", flush=True)


if __name__ == "__main__":
    main()
