"""What it costs the server that many watch one training: `python benchmarks/viewers.py [viewers]`.

A training of digits is followed over websockets, as browsers do, by one visitor and then by many (default 20); the
server's own processor time is counted for ten seconds each. Prints it per second, the drawings per second and the bytes
of a drawing.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.live_server import LiveServer
from benchmarks.streamlit_client import Visitor

QUERY = {"model": "mlp", "epochs": "100000", "validation": "cut"}
SECONDS = 10.0


async def watched_by(server, n_viewers):
    """Return, while so many watch, the server's processor time and the drawings per second, and bytes of a drawing."""
    visitors = [Visitor(server.url, query=QUERY) for _ in range(n_viewers)]
    try:
        for visitor in visitors:
            await visitor.open()
        await asyncio.sleep(3)  # until all have their pace
        counts = sum(visitor.n_drawn for visitor in visitors), sum(visitor.n_bytes for visitor in visitors)
        before, start = server.cpu_seconds, time.monotonic()
        await asyncio.sleep(SECONDS)
        seconds = time.monotonic() - start
        drawn = sum(visitor.n_drawn for visitor in visitors) - counts[0]
        n_bytes = sum(visitor.n_bytes for visitor in visitors) - counts[1]
        return (server.cpu_seconds - before) / seconds, drawn / seconds, n_bytes / drawn
    finally:
        for visitor in visitors:
            await visitor.close()


async def main(n_viewers):
    with tempfile.TemporaryDirectory() as folder, LiveServer(Path(folder)) as server:
        async with Visitor(server.url, query=QUERY) as starter:
            await asyncio.sleep(5)
            await starter.press(starter.find("button", "Train")[0])
            await asyncio.sleep(2)
        await asyncio.sleep(6)  # the starter is gone
        print("| viewers | CPU s per s | drawings per s | bytes of a drawing |\n|---|---|---|---|")
        for n in (1, n_viewers):
            cpu, drawn, n_bytes = await watched_by(server, n)
            print(f"| {n} | {cpu:.3f} | {drawn:.1f} | {n_bytes:,.0f} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
