"""The server around the pages: what happens before the first visitor and after the last, and who is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from anyio import to_thread
from starlette.middleware import Middleware


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Prepare the server before it takes visitors, and end its workers with it."""
    from pages.parts import shared

    await to_thread.run_sync(shared.prepare)
    try:
        yield
    finally:
        await to_thread.run_sync(shared.close)


def middleware() -> list[Middleware]:
    """Return what each request passes on its way to Streamlit."""
    return []
