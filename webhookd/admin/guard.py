"""Who may ask what: over TCP, `/v1` takes a token and a Host that names the address.

On the unix socket the file's permissions decide. The Host is checked because a browser can be
made to call a loopback port under a name of its choosing, and then holds no other secret.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

from webhookd.admin.probes import PATHS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from webhookd.model import Secret

OPEN_PATHS = frozenset(PATHS)
BAD, UNAUTHORIZED, MISDIRECTED = 400, 401, 421
ONCE: Final = (b"host", b"authorization")
"""Headers that may stand once: of two, a proxy may believe the first and this daemon the last."""


class Guard:
    """Wraps an application that listens on TCP. Without a *token*, `/v1` answers nobody."""

    def __init__(self, app: ASGIApp, *, port: int, token: Secret | None) -> None:
        self._app = app
        self._hosts = {f"{host}:{port}".encode() for host in ("127.0.0.1", "localhost", "[::1]")}
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or say why not."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope["headers"])
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Sequence[tuple[bytes, bytes]]) -> JSONResponse | None:
        names = [name for name, _ in headers]
        for name in ONCE:
            if names.count(name) > 1:
                told = f"the header {name.decode().title()} stands twice"
                return JSONResponse({"error": told}, BAD)
        given = dict(headers)
        if given.get(b"host", b"").lower() not in self._hosts:
            told = "the Host header does not name this address"
            return JSONResponse({"error": told}, MISDIRECTED)
        if self._is_known(given.get(b"authorization", b"")):
            return None
        told = "a bearer token is needed: that in WEBHOOKD_ADMIN_TOKEN or WEBHOOKD_ADMIN_TOKEN_FILE"
        return JSONResponse({"error": told}, UNAUTHORIZED, {"www-authenticate": "Bearer"})

    def _is_known(self, authorization: bytes) -> bool:
        scheme, _, token = authorization.partition(b" ")
        if self._token is None or scheme.lower() != b"bearer":
            return False
        # A variable of the environment may hold bytes that are no text.
        known = self._token.reveal().encode(errors="surrogateescape")
        return hmac.compare_digest(token.strip(), known)
