"""What a request must pass before a page sees it, and what every answer carries.

In this order: the Host names this console (else another site's name was made to point here: DNS
rebinding); the path is open, or the cookie is that of a session; a request that may change
something comes from a page of this console. Whether the role may act, and whether the form is one
of this session's, the routes look at (`routes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse

from webhookd import clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from webhookd.console.access.sessions import Sessions

    Refuse = Callable[[Scope, Receive, Send, int], Awaitable[None]]

MISDIRECTED, UNAUTHORIZED, FORBIDDEN = 421, 401, 403
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        *("script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"),
        *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
        *("require-trusted-types-for 'script'", "trusted-types webhookd"),
    )
)
HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""On every answer. A policy of `no-referrer` would make browsers send `Origin: null`."""


class Gate:
    """Wraps the pages. *refuse* answers with a page that says why not."""

    def __init__(
        self, app: ASGIApp, *, sessions: Sessions, port: int, label: str, refuse: Refuse
    ) -> None:
        self._app = app
        self._sessions = sessions
        names = ("127.0.0.1", "localhost", "[::1]", f"{label}.localhost")
        self._hosts = {f"{name}:{port}".encode() for name in names}
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or say why not."""
        if scope["type"] != "http":
            return
        send = _with_headers(send, is_static=scope["path"].startswith("/static/"))
        host = self._host(scope)
        if host is None:
            told = "the Host header does not name this console\n"
            await PlainTextResponse(told, MISDIRECTED)(scope, receive, send)
            return
        if scope["path"].startswith("/static/") or scope["path"] == "/enter":
            await self._app(scope, receive, send)
            return
        cookies = [value for name, value in scope["headers"] if name == b"cookie"]
        session = self._sessions.find(cookies, clock.monotonic())
        if session is None:
            await self._refuse(scope, receive, send, UNAUTHORIZED)
            return
        if scope["method"] not in SAFE_METHODS and not _is_from_here(scope, host):
            await self._refuse(scope, receive, send, FORBIDDEN)
            return
        scope["session"] = session
        await self._app(scope, receive, send)

    def _host(self, scope: Scope) -> bytes | None:
        given = [value.lower() for name, value in scope["headers"] if name == b"host"]
        return given[0] if len(given) == 1 and given[0] in self._hosts else None


def _is_from_here(scope: Scope, host: bytes) -> bool:
    """Return whether the browser says that a page of this console sent the request.

    Another port of the same host is the same site, and not the same origin.
    """
    sites = [value for name, value in scope["headers"] if name == b"sec-fetch-site"]
    if sites:
        return sites == [b"same-origin"]
    origins = [value.lower() for name, value in scope["headers"] if name == b"origin"]
    return origins == [b"http://" + host]


def _with_headers(send: Send, *, is_static: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers["cache-control"] = "no-cache" if is_static else "no-store"
        await send(message)

    return sending
