"""A visitor without a browser: opens the dashboard over its websocket, moves widgets and answers polling fragments."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect

# FINISHED_EARLY_FOR_RERUN: the run that the script asked for follows.
RERUN_FOLLOWS = 2
# Seconds after which an action without an answer counts as lost.
LOST_SECONDS = 120.0
# A fragment that was asked for while the whole page was about to be drawn is drawn with it, or at once after it.
MERGED_SECONDS = 0.5


def act(coroutine):
    """Run what visitors do, in a thread of its own: a browser that is driven beside keeps this one's event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


class Visitor:
    """One browser tab.

    Parameters
    ----------
    url : str
        Of the server, such as ``"http://127.0.0.1:8501"``.
    page : str
        Path of the page to open first, without a slash: ``""``, ``"mistakes"``.
    query : mapping of str to str, optional
        Parameters of the address.
    headers : mapping of str to str, optional
        Further headers of the handshake, such as a cookie.

    Attributes
    ----------
    elements : dict of str to message
        The elements of the page, by their place in it.
    n_drawn, n_whole, n_bytes : int
        How often the page or a fragment was drawn, how often the whole page, and the bytes that came in all.
    errors : list of str
        Texts of all error boxes and exceptions that were shown, in order.
    """

    def __init__(self, url, page="", query=None, headers=None):
        self.url, self.page, self.query = url, page, dict(query or {})
        self.headers = dict(headers or {})
        self.elements, self.errors = {}, []
        self.n_drawn = self.n_whole = self.n_bytes = 0
        self.widgets: dict[str, WidgetState] = {}
        self.page_hash = ""
        self._drawn = {}
        self._timers: dict[str, asyncio.Task] = {}
        self._socket = self._reader = None
        self._answered = asyncio.Event()
        self._running_whole = False
        # The fragment that each element and each widget belongs to, the one that an action asks for, and what is known
        # of a fragment that is being drawn alone.
        self._fragment_of_place, self._fragment_of_widget = {}, {}
        self._asked, self._n_actions = "", 0
        self._may_be_answered = False
        self._running_fragments, self._redrawn = frozenset(), set()

    async def __aenter__(self):
        await self.open()
        return self

    async def __aexit__(self, *_):
        await self.close()

    async def open(self):
        """Connect and draw the first page; return the seconds this took."""
        start = time.perf_counter()
        address = urlsplit(self.url)
        headers = {"Origin": self.url, **self.headers}
        origin = headers.pop("Origin")
        self._socket = await connect(
            f"ws://{address.netloc}/_stcore/stream",
            subprotocols=["streamlit"],
            origin=origin,
            additional_headers=headers,
            max_size=None,
            open_timeout=60,
            ping_interval=None,
            compression=None,
        )
        self._reader = asyncio.create_task(self._read())
        await self._act(page_name=self.page)
        return time.perf_counter() - start

    async def close(self):
        """Close the tab."""
        self._stop_timers()
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._reader

    def find(self, kind, label=None):
        """Return the elements of a kind ("slider", "button") on the page, those with this label if one is given."""
        found = [getattr(each, kind) for each in self.elements.values() if each.WhichOneof("type") == kind]
        return [each for each in found if label is None or each.label == label]

    def texts(self):
        """Return all texts of the page in one."""
        kinds = {"markdown": "body", "alert": "body", "heading": "body"}
        elements = [(each.WhichOneof("type"), each) for each in self.elements.values()]
        return "\n".join(getattr(getattr(each, kind), kinds[kind]) for kind, each in elements if kind in kinds)

    async def rerun(self):
        """Run the page again; return the seconds until it is drawn."""
        return await self._act()

    async def go_to(self, page, query=None):
        """Change to the page with this path; return the seconds until it is drawn."""
        self.page, self.query = page, dict(query or {})
        self.elements, self.widgets = {}, {}
        return await self._act(page_name=page)

    async def set(self, widget, **value):
        """Set a widget's value, such as ``double_array_value=[0.5]``; return the seconds until the page is drawn.

        As in a browser, a widget of a fragment asks for that fragment alone.
        """
        self.widgets[widget.id] = _state(widget.id, **value)
        return await self._act(fragment=self._fragment_of_widget.get(widget.id, ""))

    async def press(self, button):
        """Press a button; return the seconds until the page is drawn."""
        extra = [_state(button.id, trigger_value=True)]
        return await self._act(extra=extra, fragment=self._fragment_of_widget.get(button.id, ""))

    async def press_and_rerun(self, button, pause):
        """Press a button and rerun the page ``pause`` seconds later, as a browser does when its size becomes known."""
        fragment = self._fragment_of_widget.get(button.id, "")
        await self.send(self._message(extra=[_state(button.id, trigger_value=True)], fragment=fragment))
        await asyncio.sleep(pause)
        return await self.rerun()

    async def send(self, message):
        """Send any message, without waiting for an answer."""
        await self._socket.send(message.SerializeToString())

    async def wait_until(self, condition, seconds=30.0):
        """Wait until ``condition()`` holds, as polling fragments change the page."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"The page did not change as expected within {seconds:g} s:\n{self.texts()}")
            await asyncio.sleep(0.02)

    async def _act(self, page_name=None, extra=(), fragment=""):
        start = time.perf_counter()
        self._answered.clear()
        self._running_whole, self._asked, self._may_be_answered = False, fragment, False
        self._n_actions += 1
        await self.send(self._message(page_name=page_name, extra=extra, fragment=fragment))
        async with asyncio.timeout(LOST_SECONDS):
            await self._answered.wait()
        if self._reader.done():
            self._reader.result()
        return time.perf_counter() - start

    def _message(self, page_name=None, fragment="", extra=(), *, polls=False):
        message = BackMsg()
        state = message.rerun_script
        state.query_string = urlencode(self.query)
        state.widget_states.widgets.extend([*self.widgets.values(), *extra])
        if fragment:
            state.fragment_id, state.is_auto_rerun = fragment, polls
        if page_name is not None:
            state.page_name = page_name
        else:
            state.page_script_hash = self.page_hash
        return message

    async def _read(self):
        try:
            async for data in self._socket:
                message = ForwardMsg()
                message.ParseFromString(data)
                self.n_bytes += len(data)
                self._take(message)
        finally:
            # Nobody is to wait for an answer that does not come.
            self._answered.set()

    def _take(self, message):
        kind = message.WhichOneof("type")
        whole = not message.metadata.run.fragment_ids
        if kind == "new_session":
            self.n_drawn += 1
            if self._running_whole and not whole:
                # A busy server clears the end of a run from its queue when that of a fragment begins.
                self._end_whole_run()
            self._end_fragments()
            if self._may_be_answered and not whole:
                self._answered.set()
            self._may_be_answered = False
            self._running_whole = whole
            self._running_fragments = frozenset(message.metadata.run.fragment_ids)
            if whole:
                self.n_whole += 1
                self._stop_timers()
                self._drawn, self._fragment_of_place, self._fragment_of_widget = {}, {}, {}
        elif kind == "delta":
            self._take_delta(message)
        elif kind == "navigation":
            self.page_hash = message.navigation.page_script_hash or self.page_hash
        elif kind == "page_info_changed":
            self.query = _as_dict(message.page_info_changed.query_string)
        elif kind == "auto_rerun":
            self._poll(message.auto_rerun)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop_timer(fragment)
        elif kind == "session_event" and message.session_event.WhichOneof("type") == "script_compilation_exception":
            self.errors.append(message.session_event.script_compilation_exception.message)
        elif kind == "script_finished" and message.script_finished == RERUN_FOLLOWS:
            if not whole and self._asked in self._running_fragments:
                # Either it wants the whole page, or a busy server says so of the end of a run that another one follows.
                self._asked, self._may_be_answered = "", True
        elif kind == "script_finished" and whole and self._running_whole:
            self._end_whole_run()
        elif kind == "script_finished" and not whole:
            self._end_fragments()

    def _end_whole_run(self):
        self.elements = dict(self._drawn)
        self._running_whole = False
        if self._asked:
            asyncio.get_running_loop().call_later(MERGED_SECONDS, self._stop_waiting, self._n_actions)
        else:
            self._answered.set()

    def _stop_waiting(self, action):
        if self._n_actions == action and self._asked not in self._running_fragments:
            self._answered.set()

    def _end_fragments(self):
        """Forget what fragments that were drawn alone show no more."""
        gone = [
            place
            for place, fragment in self._fragment_of_place.items()
            if fragment in self._running_fragments and place not in self._redrawn
        ]
        for place in gone:
            del self._fragment_of_place[place]
            self.elements.pop(place, None)
        if self._asked and self._asked in self._running_fragments:
            self._asked = ""
            self._answered.set()
        self._running_fragments, self._redrawn = frozenset(), set()

    def _take_delta(self, message):
        if message.delta.WhichOneof("type") != "new_element":
            return
        element = message.delta.new_element
        place, fragment = tuple(message.metadata.delta_path), message.delta.fragment_id
        (self._drawn if self._running_whole else self.elements)[place] = element
        self._fragment_of_place[place] = fragment
        self._redrawn.add(place)
        kind = element.WhichOneof("type")
        widget_id = getattr(getattr(element, kind), "id", "")
        if widget_id and fragment:
            self._fragment_of_widget[widget_id] = fragment
        if kind == "exception":
            self.errors.append(element.exception.message)
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self.errors.append(element.alert.body)

    def _poll(self, timer):
        self._stop_timer(timer.fragment_id)
        self._timers[timer.fragment_id] = asyncio.create_task(self._ask_again(timer.fragment_id, timer.interval))

    async def _ask_again(self, fragment, interval):
        while True:
            await asyncio.sleep(interval)
            with contextlib.suppress(Exception):
                await self.send(self._message(fragment=fragment, polls=True))

    def _stop_timer(self, fragment):
        timer = self._timers.pop(fragment, None)
        if timer is not None:
            timer.cancel()

    def _stop_timers(self):
        for fragment in list(self._timers):
            self._stop_timer(fragment)


def _state(widget_id, **value):
    """Return the state of a widget; lists go into the field's ``data``."""
    state = WidgetState(id=widget_id)
    for name, given in value.items():
        if isinstance(given, (list, tuple)):
            getattr(state, name).data.extend(given)
        else:
            setattr(state, name, given)
    return state


def _as_dict(query):
    return dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
