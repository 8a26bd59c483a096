"""A real server for visitors without a browser."""

import pytest

from benchmarks.live_server import LiveServer
from benchmarks.streamlit_client import Visitor, act


@pytest.fixture(scope="session")
def live_server(tmp_path_factory):
    with LiveServer(tmp_path_factory.mktemp("hosted")) as server:
        yield server


@pytest.fixture
def visit(live_server):
    """Return a function that opens the dashboard and lets a coroutine function act as the visitor."""

    def run(does, page="", query=None, headers=None):
        async def session():
            async with Visitor(live_server.url, page, query, headers) as visitor:
                return await does(visitor)

        return act(session())

    return run
