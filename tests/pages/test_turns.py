"""Pages are drawn one at a time, first come, first served, and none keeps the others waiting for long."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import turns
from pages.parts.turns import Turns

LONG = 60.0
SECONDS = 10


def started(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Page:
    """A page in a thread of its own, which has its turn until it is ended."""

    def __init__(self, queue):
        self.goes, self.ends = threading.Event(), threading.Event()
        self.thread = started(lambda: self.draw(queue))

    def draw(self, queue):
        with queue.turn():
            self.goes.set()
            assert self.ends.wait(SECONDS)

    def end(self):
        self.ends.set()
        self.thread.join(SECONDS)


def test_no_more_go_at_once_than_may():
    queue, lock = Turns(2, LONG), threading.Lock()
    now, most = 0, 0

    def draw(_):
        nonlocal now, most
        with queue.turn():
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.005)
            with lock:
                now -= 1

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(draw, range(40)))
    assert most == 2


def test_those_who_wait_go_in_the_order_in_which_they_came():
    queue, order = Turns(1, LONG), []
    first = Page(queue)
    assert first.goes.wait(SECONDS)

    def draw(number):
        with queue.turn():
            order.append(number)

    threads = []
    for number in range(10):
        threads.append(started(lambda number=number: draw(number)))
        wait_for(lambda number=number: len(queue._waiting) == number + 1)
    first.end()
    for thread in threads:
        thread.join(SECONDS)
    assert order == list(range(10))


def test_a_part_of_a_page_goes_with_it():
    queue = Turns(1, LONG)
    with queue.turn(), queue.turn():
        pass
    with queue.turn():
        pass


def test_a_page_that_fails_ends_its_turn():
    queue = Turns(1, LONG)
    with pytest.raises(RuntimeError, match="no store"), queue.turn():
        raise RuntimeError("no store")
    page = Page(queue)
    assert page.goes.wait(SECONDS)
    page.end()


def test_a_page_that_takes_long_keeps_nobody_waiting_any_more():
    queue = Turns(1, 0.05)
    slow, other = Page(queue), Page(queue)
    assert slow.goes.wait(SECONDS)
    assert other.goes.wait(SECONDS)
    slow.end()
    other.end()


def test_while_a_page_waits_for_something_others_go():
    queue = Turns(1, LONG)
    with queue.turn():
        with queue.pause():
            page = Page(queue)
            assert page.goes.wait(SECONDS)
            page.end()
        # It has its turn again.
        later = Page(queue)
        assert not later.goes.wait(0.05)
    assert later.goes.wait(SECONDS)
    later.end()


def test_who_has_no_turn_can_pause_all_the_same():
    queue = Turns(1, LONG)
    with queue.pause():
        pass
    assert not queue._since


def test_a_fragment_waits_for_its_turn():
    def page():
        import threading

        import streamlit as st

        from pages.parts import turns, view

        @view.fragment
        def draw():
            st.write("has its turn" if threading.get_ident() in turns._pages._since else "goes without")

        draw()

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.markdown[0].value == "has its turn"
    assert not turns._pages._since
