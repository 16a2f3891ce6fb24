"""A receiver to try things with: answers on loopback, and tells what came and whether it is signed.

It is behind `webhookd listen` and the demo, and checks signatures the way HubSpot's and the
Standard Webhooks' libraries do (`webhookd.rules.verification`).
"""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from webhookd import clock
from webhookd.errors import WebhookdError
from webhookd.rules import verification
from webhookd.serving import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from starlette.types import ASGIApp

    from webhookd.definitions import Hmac
    from webhookd.model import Secret
    from webhookd.rules.verification import Verification

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
LARGEST_BODY = 4 * 1024 * 1024


class ListenError(WebhookdError):
    """The receiver cannot listen where it was told to."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request as it came, and what it was answered.

    *verification* is None when there is no secret to check a signature with.
    """

    at: datetime
    method: str
    url: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    verification: Verification | None
    answered: int


class Answering:
    """Chooses the status of each answer: *status* for the first *times* requests, then 200."""

    def __init__(self, status: int = 200, times: int = 0) -> None:
        self._status = status
        self._left = times

    def status(self) -> int:
        """Return the status for one more request."""
        if self._left <= 0:
            return 200
        self._left -= 1
        return self._status


def application(
    *,
    secrets: Sequence[Secret],
    answer: Callable[[str], int],
    received: Callable[[Receipt], None],
    forms: Sequence[Hmac] = (),
) -> Starlette:
    """Return an application that takes any request on any path.

    *forms* are the signatures of the scheme `hmac` that it knows beside those of all others.
    *answer* gives the status for a path; *received* is told of each request.
    """

    async def take(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return PlainTextResponse("the body is too large\n", 413)
        status = answer(request.url.path)
        received(_receipt(request, body, secrets, forms, status))
        return PlainTextResponse("thank you\n" if status == 200 else "not now\n", status)  # noqa: PLR2004 - the one good status

    return Starlette(routes=[Route("/{path:path}", take, methods=METHODS)])


async def _body(request: Request) -> bytes | None:
    """Return the request's body, None when it is too large or its sender left."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_BODY:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def _receipt(
    request: Request, body: bytes, secrets: Sequence[Secret], forms: Sequence[Hmac], status: int
) -> Receipt:
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw
    )
    url, now = _url_as_received(request), clock.now()
    verified = None
    if secrets:
        verified = verification.verify(
            method=request.method,
            url=url,
            headers=dict(headers),
            body=body,
            secrets=secrets,
            forms=forms,
            now=now,
        )
    return Receipt(now, request.method, url, request.url.path, headers, body, verified, status)


def _url_as_received(request: Request) -> str:
    """Return the URL byte for byte: what a signature covers."""
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope["query_string"]
    target = raw_path + (b"?" + query if query else b"")
    host = request.headers.get("host", "localhost")
    return f"{request.url.scheme}://{host}{target.decode('latin-1')}"


@asynccontextmanager
async def receiving(app: ASGIApp, port: int) -> AsyncIterator[int]:
    """Serve *app* on loopback and give the port; 0 takes a free one.

    Raises ListenError when the port is taken.
    """
    listener = _listener(port)
    async with serving(app, listener):
        yield listener.getsockname()[1]


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ListenError(f"cannot listen on 127.0.0.1:{port}: {error}") from error
    listener.listen(128)
    return listener
