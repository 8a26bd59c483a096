"""A server that is told to end while many train."""

import asyncio
import contextlib

import psutil
import pytest

from benchmarks.live_server import LiveServer
from benchmarks.streamlit_client import Visitor, act
from digitcore.runs import Store
from digitcore.runs.store import SERVER_STOPPED

N_VISITORS = 20
LONG = {"model": "mlp", "epochs": "100000", "batch_size": "64"}


async def train(visitor):
    await visitor.open()
    await visitor.press(visitor.find("button", "Train")[0])


def shown_epochs(visitor):
    words = [bar.text for bar in visitor.find("progress") if bar.text.startswith("Epoch ")]
    return int(words[0].split()[1].replace(",", "")) if words and " of " in words[0] and "..." not in words[0] else 0


async def end_while_all_train(server):
    """Return the seconds to the end, the processes that are to be gone, and how many epochs each visitor saw."""
    visitors = [Visitor(server.url, query={**LONG, "seed": str(seed)}) for seed in range(N_VISITORS)]
    await asyncio.gather(*map(train, visitors))
    await visitors[0].wait_until(lambda: max(map(shown_epochs, visitors)) > 0, 60)
    children = server.children()
    seconds = await asyncio.to_thread(server.stop)
    for visitor in visitors:
        with contextlib.suppress(Exception):
            await visitor.close()
    return seconds, children, [shown_epochs(visitor) for visitor in visitors]


def test_a_server_ends_while_twenty_train_and_keeps_what_they_saw(tmp_path):
    server = LiveServer(tmp_path)
    seconds, children, shown = act(end_while_all_train(server))
    # Five are asked for; the machine of the tests may have other things to do.
    assert seconds < 15
    assert psutil.wait_procs(children, timeout=5)[1] == []
    store = Store(home=tmp_path)
    runs = {run.spec.random_state: store.load(run.digest) for run in store.recent()}
    assert set(runs) == set(range(N_VISITORS))
    assert {(run.state, run.reason) for run in runs.values()} == {("failed", SERVER_STOPPED)}
    for seed, n_epochs in enumerate(shown):
        assert len(runs[seed].epochs) >= n_epochs
    with pytest.raises(OSError, match="onnect"):
        act(Visitor(server.url).open())
