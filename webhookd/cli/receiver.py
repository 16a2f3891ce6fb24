"""A receiver to try things with: answers on loopback, and tells what came and whether it is signed.

It is behind `webhookd listen` and the demo, and checks signatures the way HubSpot's and the
Standard Webhooks' libraries do (`webhookd.rules.verification`).
"""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from webhookd import clock
from webhookd.errors import WebhookdError
from webhookd.rules import verification
from webhookd.serving import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from starlette.types import ASGIApp

    from webhookd.cli.desk import PassedOn
    from webhookd.definitions import Hmac
    from webhookd.model import Secret
    from webhookd.rules.resigning import Resigned
    from webhookd.rules.verification import Verification

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
LARGEST_BODY = 16 * 1024 * 1024
GOOD = range(200, 300)
WITHOUT_BODY = frozenset({204, 205, 304})

Headers: TypeAlias = tuple[tuple[str, str], ...]


class ListenError(WebhookdError):
    """The receiver cannot listen where it was told to."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it came; *target* is its path and query as they stood in it."""

    at: datetime
    url: str
    target: str
    path: str
    method: str
    headers: Headers
    body: bytes
    verification: Verification


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered; *passed_on* where it went to a desk, with *signed* headers."""

    status: int
    body: bytes
    headers: Headers = (("content-type", "text/plain; charset=utf-8"),)
    passed_on: PassedOn | None = None
    signed: Resigned | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request, and what it was answered."""

    arrival: Arrival
    answer: Answer


class Answering:
    """Chooses the status of each answer: *status* for the first *times* requests, then 200."""

    def __init__(self, status: int = 200, times: int = 0) -> None:
        self._status = status
        self._left = times

    def status(self) -> int:
        """Return the status for one more request."""
        return 200 if self.failure() is None else self._status

    def failure(self) -> int | None:
        """Return the status for one more request while it is to fail, then None."""
        if self._left <= 0:
            return None
        self._left -= 1
        return self._status


def plain(status: int) -> Answer:
    """Return an answer that says little: whether it is a good one."""
    return Answer(status, b"thank you\n" if status in GOOD else b"not now\n")


def application(
    *,
    secrets: Sequence[Secret],
    answer: Callable[[Arrival], Awaitable[Answer]],
    received: Callable[[Receipt], None],
    forms: Sequence[Hmac] = (),
) -> Starlette:
    """Return an application that takes any request on any path.

    *forms* are the signatures of the scheme `hmac` that it knows beside those of all others.
    *answer* gives what a request is answered; *received* is told of each, when that is known.
    """

    async def take(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return PlainTextResponse("the body is too large\n", 413)
        arrival = _arrival(request, body, secrets, forms)
        given = await answer(arrival)
        received(Receipt(arrival, given))
        return _response(given)

    return Starlette(routes=[Route("/{path:path}", take, methods=METHODS)])


def _response(answer: Answer) -> Response:
    is_empty = answer.status in WITHOUT_BODY
    response = Response(b"" if is_empty else answer.body, answer.status)
    response.raw_headers += [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers
        if not (is_empty and name.lower() == "content-type")
    ]
    return response


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


def _arrival(
    request: Request, body: bytes, secrets: Sequence[Secret], forms: Sequence[Hmac]
) -> Arrival:
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw
    )
    url, target = _as_received(request)
    now = clock.now()
    verified = verification.verify(
        method=request.method,
        url=url,
        headers=dict(headers),
        body=body,
        secrets=secrets,
        forms=forms,
        now=now,
    )
    return Arrival(now, url, target, request.url.path, request.method, headers, body, verified)


def _as_received(request: Request) -> tuple[str, str]:
    """Return the URL, which a signature covers, and its path and query, byte for byte."""
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope["query_string"]
    target = (raw_path + (b"?" + query if query else b"")).decode("latin-1")
    host = request.headers.get("host", "localhost")
    return f"{request.url.scheme}://{host}{target}", target


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
        why = error.strerror if isinstance(error, OSError) else error
        hint = "--port chooses another port, and 0 a free one"
        raise ListenError(f"cannot listen on 127.0.0.1:{port}: {why}; {hint}") from error
    listener.listen(128)
    return listener
