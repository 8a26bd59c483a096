"""The gate before the pages: strangers' host names are refused, sessions counted, answers given safe headers.

It is ASGI middleware and knows nothing of the server behind it but the paths of its websocket and of its metrics.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from digitcore.hosting.hosts import AllowedHosts, host_name, is_loopback, network_of, plain_address
from digitcore.server_settings import ServerSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

STREAM_PATH, METRICS_PATH = "/_stcore/stream", "/_stcore/metrics"
# What the gate tells the pages of a session that is one too many: they show it and nothing else.
REFUSAL_HEADER = "x-digitcore-refusal"
VISITOR_COOKIE = "digitcore_visitor"
_VISITOR = re.compile(r"[0-9a-f]{32}")
_VISITOR_SECONDS = 30 * 24 * 3600
# Refused sessions that may be connected at a time, to be told why.
MAX_REFUSED = 50
# Uploaded files stay in the server's memory until the session ends.
MAX_FILES, MAX_FILE_SESSIONS = 8, 2000
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)$")

# Streamlit's pages draw charts with Vega, which compiles expressions ("unsafe-eval"), style themselves inline, and make
# pictures, workers and components' code from blobs and data.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' blob: {inline_scripts}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    # Addresses hold the settings of runs.
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Gate:
    """ASGI middleware that lets visitors in.

    Parameters
    ----------
    app : ASGI application
        What lies behind.
    settings : ServerSettings
        Allowed hosts, trusted proxies and the numbers of sessions.
    index : str
        HTML of the page that all visitors load: the scripts that stand in it, and no others, run in their browsers.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], settings: ServerSettings, index: str = ""
    ):
        self._app, self._settings = app, settings
        policy = CONTENT_SECURITY_POLICY.format(inline_scripts=" ".join(script_sources(index))).encode()
        self._security_headers = ((b"content-security-policy", policy), *SECURITY_HEADERS)
        self._hosts = AllowedHosts(settings.allowed_hosts)
        self._proxies = {plain_address(proxy) for proxy in settings.trusted_proxies}
        self._sessions: Counter[str] = Counter()
        self._n_refused = 0
        self._files: OrderedDict[str, set[str]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request here, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = _header(scope, b"host")
        if host not in self._hosts:
            await self._refuse(scope, send, 421, host_refusal(host))
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif scope["path"].rstrip("/").endswith(METRICS_PATH) and not self._is_from_here(scope):
            await self._refuse(scope, send, 403, "The metrics are shown on this machine only.")
        elif upload := _UPLOAD.search(scope["path"]):
            await self._pass_upload(scope, receive, send, *upload.groups())
        else:
            await self._app(scope, receive, self._with_headers(scope, send))

    async def _pass_upload(self, scope: Scope, receive: Receive, send: Send, session: str, file: str) -> None:
        """Pass an upload on unless its session holds too many files; note those that Streamlit has taken or removed."""
        held = self._files.get(session, set())
        if scope["method"] == "PUT" and file not in held and len(held) >= MAX_FILES:
            await self._refuse(scope, send, 429, f"A session may hold {MAX_FILES} files: remove one first.")
            return

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                self._note_file(scope["method"], session, file)
            await send(message)

        await self._app(scope, receive, self._with_headers(scope, note))

    def _note_file(self, method: str, session: str, file: str) -> None:
        files = self._files.setdefault(session, set())
        self._files.move_to_end(session)
        if method == "PUT":
            files.add(file)
        elif method == "DELETE":
            files.discard(file)
        # Only sessions that Streamlit knows come here, so those that go first have long ended.
        if len(self._files) > MAX_FILE_SESSIONS:
            self._files.popitem(last=False)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a session on, and count it while it lasts."""
        if not scope["path"].endswith(STREAM_PATH):
            await self._app(scope, receive, send)
            return
        network = network_of(self._address_of(scope))
        refusal = self._refusal(network)
        headers = [pair for pair in scope["headers"] if pair[0].decode("latin-1").lower() != REFUSAL_HEADER]
        if not refusal:
            self._sessions[network] += 1
            try:
                await self._app({**scope, "headers": headers}, receive, send)
            finally:
                self._sessions[network] -= 1
                self._sessions += Counter()  # drops the networks that have none
        elif self._n_refused < MAX_REFUSED:
            self._n_refused += 1
            try:
                told = (REFUSAL_HEADER.encode(), refusal.encode("latin-1"))
                await self._app({**scope, "headers": [*headers, told]}, receive, send)
            finally:
                self._n_refused -= 1
        else:
            await self._refuse(scope, send, 503, refusal)

    def _refusal(self, network: str) -> str:
        """Return why a further session from ``network`` is refused; empty if it is not."""
        most, most_here = self._settings.max_sessions, self._settings.max_sessions_per_address
        if self._sessions.total() >= most:
            return (
                f"All {most} places of this dashboard are taken: close a tab that you do not need, or reload this page "
                "in a few minutes."
            )
        if self._sessions[network] >= most_here:
            return (
                f"Your network has {most_here} tabs of this dashboard open, which is as many as one network may have: "
                "close a tab, then reload this page."
            )
        return ""

    def _address_of(self, scope: Scope) -> str:
        """Return the visitor's address: the peer's, or the one that trusted proxies name."""
        address = plain_address((scope.get("client") or ("",))[0])
        hops = [plain_address(hop.strip()) for hop in _header(scope, b"x-forwarded-for").split(",") if hop.strip()]
        while address in self._proxies and hops:
            address = hops.pop()
        return address

    def _is_from_here(self, scope: Scope) -> bool:
        """Return True if a request comes from this machine and through no proxy."""
        name = host_name(_header(scope, b"host")) or ""
        forwarded = any(_header(scope, name) for name in (b"forwarded", b"x-forwarded-for", b"x-real-ip"))
        own_name = name == "localhost" or is_loopback(name)
        return own_name and not forwarded and is_loopback((scope.get("client") or ("",))[0])

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        """Return ``send`` with the security headers, and a visitor's cookie for who comes to a page without one."""
        cookies = _header(scope, b"cookie")
        is_new = not re.search(rf"(?:^|;\s*){VISITOR_COOKIE}={_VISITOR.pattern}(?:;|$)", cookies)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                set_already = {name.lower() for name, _ in headers}
                headers += [pair for pair in self._security_headers if pair[0] not in set_already]
                if is_new and _is_page(headers):
                    headers.append((b"set-cookie", _visitor_cookie(scope)))
                message = {**message, "headers": headers}
            await send(message)

        return send_with_headers

    async def _refuse(self, scope: Scope, send: Send, status: int, sentence: str) -> None:
        if scope["type"] == "websocket":
            # 1008 is "policy violation"; before the handshake is over the browser sees the status 403.
            await send({"type": "websocket.close", "code": 1008, "reason": sentence[:100]})
            return
        body = f"{sentence}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            *self._security_headers,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def script_sources(html: str) -> list[str]:
    """Return the sources of a content security policy that allow the scripts in ``html``, one hash each."""
    scripts = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    return [f"'sha256-{each}'" for each in hashes]


def host_refusal(host: str) -> str:
    """Return the sentence that refuses a host name, and says which setting allows it."""
    shown = (host_name(host) or "a name that cannot be read")[:100]
    return (
        f"This dashboard is not served under {shown}. Its host can allow that name: with allowed_hosts in "
        "digitcore.toml, or with the environment variable DIGITCORE_ALLOWED_HOSTS."
    )


def visitor_in(cookies: MutableMapping[str, str] | dict[str, str]) -> str:
    """Return the visitor that a browser's cookies name, 32 hexadecimal digits; empty if they name none."""
    given = cookies.get(VISITOR_COOKIE, "")
    return given if _VISITOR.fullmatch(given) else ""


def _is_page(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in headers)


def _visitor_cookie(scope: Scope) -> bytes:
    forwarded = _header(scope, b"x-forwarded-proto")
    secure = "; Secure" if "https" in (scope.get("scheme"), forwarded) else ""
    value = f"{VISITOR_COOKIE}={secrets.token_hex(16)}; Path=/; Max-Age={_VISITOR_SECONDS}; HttpOnly; SameSite=Lax"
    return f"{value}{secure}".encode()


def _header(scope: Scope, name: bytes) -> str:
    values = [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]
    return ", ".join(values)
