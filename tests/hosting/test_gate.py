"""The gate before a small application of Starlette's that answers as Streamlit does."""

import contextlib

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from digitcore.hosting.gate import (
    MAX_FILES,
    METRICS_PATH,
    REFUSAL_HEADER,
    STREAM_PATH,
    VISITOR_COOKIE,
    Gate,
    visitor_in,
)
from digitcore.server_settings import ServerSettings

STREAM = f"ws://localhost{STREAM_PATH}"
INDEX = "<html><head><script>\n window.ready = false\n</script><script src='x.js'></script></head></html>"


async def stream(websocket):
    await websocket.accept()
    await websocket.send_json([websocket.client.host, websocket.headers.get(REFUSAL_HEADER, "")])
    with contextlib.suppress(WebSocketDisconnect):
        await websocket.receive_text()


def client(address="10.0.0.7", base_url="http://localhost", **settings):
    routes = [
        Route("/", lambda request: HTMLResponse(INDEX)),
        Route("/picture", lambda request: PlainTextResponse("picture")),
        Route(METRICS_PATH, lambda request: PlainTextResponse("sessions 3")),
        Route(
            "/_stcore/upload_file/{session}/{file}", lambda request: PlainTextResponse("ok"), methods=["PUT", "DELETE"]
        ),
        WebSocketRoute(STREAM_PATH, stream),
    ]
    gate = Gate(Starlette(routes=routes), ServerSettings(**settings), INDEX)
    return TestClient(gate, base_url=base_url, client=(address, 50000))


def test_a_strangers_name_is_refused_in_a_sentence_that_names_the_setting():
    answer = client(base_url="http://evil.example").get("/")
    assert answer.status_code == 421
    assert "not served under evil.example" in answer.text
    assert "DIGITCORE_ALLOWED_HOSTS" in answer.text
    assert client(base_url="http://evil.example", allowed_hosts=["evil.example"]).get("/").status_code == 200


def test_a_websocket_to_a_strangers_name_is_refused():
    stream = f"ws://evil.example{STREAM_PATH}"
    with pytest.raises(WebSocketDisconnect) as refused, client().websocket_connect(stream):
        pass
    assert "not served under evil.example" in refused.value.reason


def test_metrics_are_for_this_machine():
    assert client("127.0.0.1").get(METRICS_PATH).text == "sessions 3"
    assert client("10.0.0.7").get(METRICS_PATH).status_code == 403
    assert client("127.0.0.1").get(METRICS_PATH, headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 403
    proxied = client("127.0.0.1", base_url="http://digits.example", allowed_hosts=["digits.example"])
    assert proxied.get(METRICS_PATH).status_code == 403
    assert proxied.get(f"/prefix{METRICS_PATH}").status_code == 403


def test_every_answer_carries_the_security_headers():
    for answer in (client().get("/"), client().get("/picture"), client(base_url="http://evil.example").get("/")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]


def test_only_the_scripts_of_the_page_run():
    policy = client().get("/").headers["content-security-policy"]
    (scripts,) = (rule for rule in policy.split("; ") if rule.startswith("script-src"))
    # openssl dgst -sha256 -binary | base64, of "\n window.ready = false\n"
    assert scripts.count("'sha256-") == 1
    assert "'sha256-1K1YYx0KPJT9jIrkFQ7HmHuSTex+hlBqUJAwO/Rn0mI='" in scripts
    assert "unsafe-inline" not in scripts


def test_a_browser_gets_a_name_once_and_with_a_page():
    browser = client()
    assert VISITOR_COOKIE not in browser.get("/picture").cookies
    name = browser.get("/").cookies[VISITOR_COOKIE]
    assert visitor_in({VISITOR_COOKIE: name}) == name
    assert VISITOR_COOKIE not in browser.get("/").cookies


def test_a_cookie_is_not_for_scripts_and_over_https_not_for_http():
    assert "HttpOnly; SameSite=Lax" in client().get("/").headers["set-cookie"]
    assert "Secure" not in client().get("/").headers["set-cookie"]
    assert "Secure" in client().get("/", headers={"X-Forwarded-Proto": "https"}).headers["set-cookie"]


@pytest.mark.parametrize("forged", ["", "x" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n"])
def test_a_forged_cookie_names_nobody(forged):
    assert visitor_in({VISITOR_COOKIE: forged}) == ""


def test_sessions_are_limited_in_all_and_told_why():
    visitor = client(max_sessions=2)
    with visitor.websocket_connect(STREAM) as first, visitor.websocket_connect(STREAM) as second:
        assert [first.receive_json()[1], second.receive_json()[1]] == ["", ""]
        with visitor.websocket_connect(STREAM) as third:
            assert "All 2 places of this dashboard are taken" in third.receive_json()[1]
    with visitor.websocket_connect(STREAM) as later:
        assert later.receive_json()[1] == ""


def test_sessions_are_limited_for_each_address():
    visitor = client(max_sessions_per_address=1, trusted_proxies=["10.0.0.7"])
    first, second = ({"X-Forwarded-For": address} for address in ("1.1.1.1", "2.2.2.2"))
    with visitor.websocket_connect(STREAM, headers=first):
        with visitor.websocket_connect(STREAM, headers=first) as again:
            assert "Your network has 1 tabs" in again.receive_json()[1]
        with visitor.websocket_connect(STREAM, headers=second) as other:
            assert other.receive_json()[1] == ""


def test_the_addresses_of_one_ipv6_network_count_as_one():
    visitor = client(max_sessions_per_address=1, trusted_proxies=["10.0.0.7"])
    addresses = ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:3::1")
    first, same, other = ({"X-Forwarded-For": address} for address in addresses)
    with visitor.websocket_connect(STREAM, headers=first):
        with visitor.websocket_connect(STREAM, headers=same) as again:
            assert "Your network has" in again.receive_json()[1]
        with visitor.websocket_connect(STREAM, headers=other) as third:
            assert third.receive_json()[1] == ""


def test_a_visitor_cannot_choose_an_address():
    visitor = client(max_sessions_per_address=1)
    first, second = ({"X-Forwarded-For": address} for address in ("1.1.1.1", "2.2.2.2"))  # named by no proxy of ours
    with (
        visitor.websocket_connect(STREAM, headers=first),
        visitor.websocket_connect(STREAM, headers=second) as again,
    ):
        assert "Your network has" in again.receive_json()[1]


def test_a_visitor_cannot_forge_or_hide_a_refusal():
    visitor = client(max_sessions=1)
    with visitor.websocket_connect(STREAM, headers={REFUSAL_HEADER: "forged"}) as first:
        assert first.receive_json()[1] == ""
        with visitor.websocket_connect(STREAM, headers={REFUSAL_HEADER: ""}) as second:
            assert "places" in second.receive_json()[1]


def test_refused_sessions_are_limited_too(monkeypatch):
    monkeypatch.setattr("digitcore.hosting.gate.MAX_REFUSED", 1)
    visitor = client(max_sessions=1)
    with (
        visitor.websocket_connect(STREAM),
        visitor.websocket_connect(STREAM),
        pytest.raises(WebSocketDisconnect) as refused,
        visitor.websocket_connect(STREAM),
    ):
        pass
    assert "All 1 places" in refused.value.reason


def test_a_session_holds_a_few_files():
    visitor = client()
    status = [visitor.put(f"/_stcore/upload_file/one/{number}").status_code for number in range(MAX_FILES + 1)]
    assert status == [200] * MAX_FILES + [429]
    assert visitor.put("/_stcore/upload_file/one/0").status_code == 200
    assert visitor.put("/_stcore/upload_file/two/0").status_code == 200
    visitor.delete("/_stcore/upload_file/one/0")
    assert visitor.put("/_stcore/upload_file/one/new").status_code == 200
