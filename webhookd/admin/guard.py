"""Who may ask what: over TCP, `/v1` takes a token and a Host that names the address.

On the unix socket the file's permissions decide. The Host is checked because a browser can be
made to call a loopback port under a name of its choosing, and then holds no other secret.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from webhookd.model import Secret

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
UNAUTHORIZED, MISDIRECTED = 401, 421


class Guard:
    """Wraps an application that listens on TCP. Without a *token*, `/v1` answers nobody."""

    def __init__(self, app: ASGIApp, *, port: int, token: Secret | None) -> None:
        self._app = app
        self._hosts = {f"{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]")}
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or say why not."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(headers)
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: dict[bytes, str]) -> JSONResponse | None:
        if headers.get(b"host", "").lower() not in self._hosts:
            told = "the Host header does not name this address"
            return JSONResponse({"error": told}, MISDIRECTED)
        if self._is_known(headers.get(b"authorization", "")):
            return None
        told = "a bearer token is needed: that in WEBHOOKD_ADMIN_TOKEN or WEBHOOKD_ADMIN_TOKEN_FILE"
        return JSONResponse({"error": told}, UNAUTHORIZED, {"www-authenticate": "Bearer"})

    def _is_known(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        if self._token is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(token.strip().encode(), self._token.reveal().encode())
