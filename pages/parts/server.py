"""The server around the pages: what happens before the first visitor and after the last, and who is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import streamlit as st
from anyio import to_thread
from starlette.middleware import Middleware
from streamlit import config

from digitcore.errors import DigitcoreError, InvalidSetting
from digitcore.hosting.gate import Gate
from digitcore.hosting.hosts import addresses_of_machine, is_loopback
from digitcore.plugins import load_plugins
from digitcore.server_settings import load_server_settings


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Prepare the server before it takes visitors, and end its workers with it."""
    from pages.parts import shared

    await to_thread.run_sync(shared.prepare)
    print(greeting(config.get_option("server.address"), config.get_option("server.port")), flush=True)
    try:
        yield
    finally:
        await to_thread.run_sync(partial(shared.close, for_good=True))


def say_what_happened(error: Exception) -> bool:
    """Show one sentence for an error that no page has caught: a browser that sends what no widget of the page can."""
    from pages.parts.messages import SURPRISE, plain

    st.error(plain(str(error)) if isinstance(error, DigitcoreError) else SURPRISE.format(name=type(error).__name__))
    return True


def greeting(address: str | None, port: int) -> str:
    """Return where the dashboard is to be found, a line each: on this machine and, if it listens there, in its network.

    Parameters
    ----------
    address : str or None
        What the server listens on; None for all addresses.
    port : int
        Its port.
    """
    everywhere = address in (None, "", "0.0.0.0", "::")
    outer = [each for each in addresses_of_machine() if not is_loopback(each) and ":" not in each]
    names = ["localhost", *sorted(outer)] if everywhere else [address]
    return "\n".join(["The dashboard is ready:", *(f"  http://{name}:{port}" for name in names)])


def middleware() -> list[Middleware]:
    """Return what each request passes on its way to Streamlit.

    Raises
    ------
    SystemExit
        With a sentence, if the server's settings or plugins are not valid: then there is no server.
    """
    try:
        settings = load_server_settings()
        load_plugins()
    except InvalidSetting as problem:
        raise SystemExit(f"The dashboard cannot start: {problem}.") from None
    index = Path(st.__file__).with_name("static") / "index.html"
    return [Middleware(Gate, settings=settings, index=index.read_text("utf-8"))]
