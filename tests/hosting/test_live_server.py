"""What strangers send to a real server changes nothing for the others."""

import random
import urllib.error
import urllib.request

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import InvalidStatus

from benchmarks.live_server import LiveServer
from benchmarks.streamlit_client import Visitor, act
from digitcore.hosting.gate import VISITOR_COOKIE
from digitcore.runs import Store

FORGED = [
    {"double_array_value": [float("nan")]},
    {"double_array_value": [1e308]},
    {"double_array_value": []},
    {"double_array_value": [1.0, 2.0, 3.0]},
    {"string_value": "x" * 100_000},
    {"string_value": "\0<b>"},
    {"int_value": -5},
    {"int_array_value": [99]},
    {"string_array_value": ["no such option"]},
    {"bool_value": True},
    {"json_value": "{not json"},
    {"bytes_value": b"\xff"},
    {"double_value": float("inf")},
]
WIDGETS = ("slider", "selectbox", "button_group", "text_input", "number_input", "bidi_component")
# What a page may say of values that none of its widgets can have.
SENTENCES = ("must be", "Something unexpected went wrong", "must have at most 200 characters", "Unknown")


async def trained(visitor):
    (button,) = visitor.find("button", "Train")
    await visitor.press(button)
    await visitor.wait_until(lambda: any(each.label == "Training time" for each in visitor.find("metric")), 60)


def n_hosts(server):
    return sum("digitcore.worker_host" in child.cmdline() for child in server.children())


def test_emptied_caches_start_no_second_engine(live_server, visit):
    async def visit_it(visitor):
        for _ in range(5):
            await visitor.send(BackMsg(clear_cache=True))
            await visitor.rerun()
        await trained(visitor)

    visit(visit_it, query={"model": "softmax", "epochs": "3", "seed": "1"})
    assert n_hosts(live_server) == 1


# Sooner, Streamlit itself may drop the press: see pages/parts/press.py.
@pytest.mark.parametrize("pause", [0.02, 0.04])
def test_a_press_is_not_lost_when_the_page_is_drawn_again_at_once(visit, pause):
    async def press_it(visitor):
        (button,) = visitor.find("button", "Train")
        await visitor.press_and_rerun(button, pause)
        await visitor.wait_until(lambda: any(each.label == "Training time" for each in visitor.find("metric")), 60)

    visit(press_it, query={"model": "softmax", "epochs": "3", "seed": str(40 + round(1000 * pause))})


def test_a_page_of_strangers_cannot_connect(live_server):
    with pytest.raises(InvalidStatus, match="403"):
        act(Visitor(live_server.url, headers={"Origin": "http://evil.example"}).open())


def test_a_name_that_strangers_gave_this_machine_is_refused(live_server):
    request = urllib.request.Request(live_server.url, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="421") as refused:
        urllib.request.urlopen(request)
    assert "not served under evil.example" in refused.value.read().decode()


def test_metrics_are_closed_to_who_comes_through_a_proxy(live_server):
    address = f"{live_server.url}/_stcore/metrics"
    assert b"session" in urllib.request.urlopen(address).read()
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(address, headers={"X-Forwarded-For": "1.2.3.4"}))


def test_pages_come_with_the_security_headers(live_server):
    headers = urllib.request.urlopen(live_server.url).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]


def test_forged_values_of_widgets_end_in_one_sentence_and_change_nothing(live_server, visit):
    before = {run.digest for run in Store(home=live_server.home).recent()}

    async def widgets_of(visitor):
        return [each.id for kind in WIDGETS for each in visitor.find(kind) if each.id]

    choose = random.Random(0)
    for page in ("", "predict", "experiments"):
        ids = visit(widgets_of, page)
        for widget in choose.sample(ids, min(len(ids), 8)):
            for forged in choose.sample(FORGED, 3):

                async def forge(visitor, widget=widget, forged=forged):
                    await visitor.set(WidgetState(id=widget), **forged)
                    return visitor.errors

                errors = visit(forge, page)
                assert len(errors) <= 1, (page, forged, errors)
                assert all(any(words in error for words in SENTENCES) for error in errors), (page, forged, errors)
    assert {run.digest for run in Store(home=live_server.home).recent()} == before
    visit(trained, query={"model": "softmax", "epochs": "3", "seed": "2"})


def test_a_message_of_no_known_kind_ends_its_own_session_only(live_server, visit):
    async def visit_it(visitor):
        await visitor._socket.send(b"\xff\xff\xff\xff")
        await visitor._socket.wait_closed()

    visit(visit_it)
    visit(trained, query={"model": "softmax", "epochs": "3", "seed": "3"})


def test_a_visitor_too_many_reads_why(tmp_path):
    with LiveServer(tmp_path, DIGITCORE_MAX_SESSIONS="1") as server:

        async def both():
            async with Visitor(server.url) as first, Visitor(server.url) as second:
                return first.errors, second.errors, second.find("button")

        first, second, buttons = act(both())
    assert first == []
    assert "All 1 places of this dashboard are taken" in second[0]
    assert buttons == []


def test_a_server_with_invalid_settings_does_not_start_and_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="cannot start: The server setting max_sessions .* got 'many'") as refused:
        LiveServer(tmp_path, DIGITCORE_MAX_SESSIONS="many")
    assert "Traceback" not in str(refused.value)


def test_a_training_is_stopped_by_who_started_it_and_a_reload_changes_nothing(live_server):
    link = {"model": "mlp", "epochs": "90000", "batch_size": "64", "seed": "4"}
    ann, bob = ({"Cookie": f"{VISITOR_COOKIE}={digit * 32}"} for digit in "ab")

    def stop_button(visitor):
        return visitor.find("button", "Stop")[0]

    async def both_visit():
        async with Visitor(live_server.url, query=link, headers=ann) as starter:
            await starter.press(starter.find("button", "Train")[0])
            async with Visitor(live_server.url, query=link, headers=bob) as other:
                assert stop_button(other).disabled
                assert "Another visitor started this" in other.texts()
        async with Visitor(live_server.url, query=link, headers=ann) as again:
            assert not stop_button(again).disabled
            await again.press(stop_button(again))
            await again.wait_until(lambda: "what was learned is kept" in again.texts())

    act(both_visit())
