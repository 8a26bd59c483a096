"""How fast the page Compare answers where 10,000 runs are kept, over real websockets.

    python benchmarks/compare_page.py

Prints medians of twenty: seconds from a visitor's action to the drawn page, and the processor time of the server. The
store is that of `run_catalogue.py`, and of its runs six are real trainings of digits, two settings with three seeds
each, so that there is something to compare.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.live_server import LiveServer  # noqa: E402
from benchmarks.run_catalogue import fill  # noqa: E402
from benchmarks.streamlit_client import Visitor  # noqa: E402

REPEATS = 20
FIRST_REPEATS = 5


def main():
    with tempfile.TemporaryDirectory() as home:
        os.environ["DIGITCORE_HOME"] = home
        runs = stored_runs(Path(home))
        with LiveServer(Path(home)) as server:
            asyncio.run(time_page(server, {}, "nothing chosen"))
            asyncio.run(time_page(server, {"runs": ",".join(runs[:2])}, "two runs chosen"))
            asyncio.run(time_page(server, {"runs": ",".join(runs)}, "six runs chosen, three seeds of two settings"))
            asyncio.run(time_page(server, {"each": "yes", "background": "yes"}, "a line per run, of experiments, too"))
            asyncio.run(time_page(server, {"search": "number 77"}, "a search"))


def stored_runs(home):
    """Fill a store; return the digests of six runs that were really trained."""
    from digitcore.runs import Engine, RunSpec, Store

    store = Store(home=home)
    fill(store)
    store.close()
    specs = [
        RunSpec(dataset="digits", model=model, parameters={"epochs": 10, "batch_size": 64}, random_state=seed)
        for model in ("softmax", "mlp")
        for seed in range(3)
    ]
    with Engine() as engine:
        for spec in specs:
            engine.wait(engine.submit(spec).digest, 120)
    return [spec.digest for spec in specs]


async def time_page(server, query, what):
    """Print how long the page takes to be drawn first, by a new visitor each, and again after an action."""
    first = []
    for _ in range(FIRST_REPEATS):
        start = time.perf_counter()
        async with Visitor(server.url, "compare", query):
            first.append(time.perf_counter() - start)
    async with Visitor(server.url, "compare", query) as visitor:
        await visitor.rerun()
        before = server.cpu_seconds
        again = [await visitor.rerun() for _ in range(REPEATS)]
        cpu = (server.cpu_seconds - before) / REPEATS
        assert not visitor.errors, visitor.errors
    report(f"{what}: first", first)
    report(f"{what}: again, processor {cpu:.3f} s", again)


def report(what, seconds):
    print(f"{what}: median {statistics.median(seconds):.3f} s, longest {max(seconds):.3f} s", flush=True)


if __name__ == "__main__":
    main()
