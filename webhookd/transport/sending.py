"""The transport itself: one request in, one answer out, and nothing behind anyone's back.

It follows no redirect, keeps no cookie, decompresses nothing and never sends a request twice.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from webhookd.transport.connecting import Connector
from webhookd.transport.failure import SendError
from webhookd.transport.limit import Limit
from webhookd.transport.origin import SendOptions, origin_of
from webhookd.transport.pool import Pool

if TYPE_CHECKING:
    from webhookd.transport.answer import Answer


class ReceivedResponse(httpx.Response):
    """A response whose body is all here, exactly as it came.

    httpx's own would unpack a body that calls itself gzip, and takes longer to hand out two
    bytes than sending the request did.
    """

    def __init__(self, answer: Answer, request: httpx.Request) -> None:
        self._body = answer.body
        super().__init__(
            answer.status,
            headers=answer.headers,
            stream=httpx.ByteStream(self._body),
            request=request,
            extensions={"answer_cut": answer.is_cut},
        )

    @property
    def content(self) -> bytes:
        """Return the body, at most 64 KiB of it."""
        return self._body

    def read(self) -> bytes:
        """Return the body, which has long been read."""
        return self._body

    async def aread(self) -> bytes:
        """Return the body, which has long been read."""
        return self._body


class Transport(httpx.AsyncBaseTransport):
    """Sends requests on connections that are kept alive.

    `request.extensions` holds `SendOptions` under `webhookd` and, to send a target exactly
    as it was signed, its bytes under `target` (httpx's own key for it). Used within one event
    loop.
    """

    def __init__(self) -> None:
        self._pool = Pool()
        self._connector = Connector(self._pool)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to *request*, or raise `SendError`.

        `response.content` is the body as it came, at most 64 KiB of it; whether that was not
        all of it, the extension `answer_cut` tells.
        """
        loop = asyncio.get_running_loop()
        options: SendOptions = request.extensions["webhookd"]
        limit = Limit(loop.time() + options.timeout, options.timeout, "timeout")
        payload = _payload(request)
        origin = origin_of(request.url, options)
        connection = self._pool.take(origin, options.egress, loop.time())
        if connection is None:
            connection = await self._connector.connect(origin, options, limit)
        answer = await connection.exchange(payload, limit, has_body=request.method != "HEAD")
        if connection.is_open:
            self._pool.put(origin, connection, answer, loop.time())
        return ReceivedResponse(answer, request)

    async def aclose(self) -> None:
        """Close every connection and wait until they are; what is under way fails."""
        await self._pool.aclose()


def _payload(request: httpx.Request) -> bytes:
    """Return the bytes of *request* as they go out."""
    if not isinstance(request.stream, httpx.ByteStream):
        raise TypeError("a request needs its body whole: as bytes, not as a stream")
    body = b"".join(request.stream)
    target = request.extensions.get("target") or request.url.raw_path
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += map(b": ".join, _complete(request, body))
    head = b"\r\n".join(lines)
    # One line break more than there are ends of lines would let a value write headers.
    breaks = len(lines) - 1
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise SendError("internal", "the request's target or a header holds a control character")
    return b"\r\n\r\n".join((head, body))


def _complete(request: httpx.Request, body: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of *request*, with those that HTTP/1.1 demands."""
    headers = request.headers.raw
    names = {name.lower() for name, _ in headers}
    if b"host" not in names:
        headers.insert(0, (b"Host", request.url.netloc))
    if b"content-length" not in names and (body or request.method in {"POST", "PUT", "PATCH"}):
        headers.append((b"Content-Length", b"%d" % len(body)))
    return headers
