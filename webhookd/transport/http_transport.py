"""The transport itself: one request in, one answer out, and nothing behind anyone's back.

It follows no redirect, keeps no cookie, decompresses nothing and never sends a request twice.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from webhookd.definitions import Proxy
from webhookd.transport.connector import Connector
from webhookd.transport.limit import Limit
from webhookd.transport.origin import SendOptions, origin_of
from webhookd.transport.payload import payload
from webhookd.transport.pool import MOST_IDLE, Pool
from webhookd.transport.proxy_connections import Proxies
from webhookd.transport.resolver import Resolver
from webhookd.transport.response import ReceivedResponse
from webhookd.transport.tls import Contexts

if TYPE_CHECKING:
    from webhookd.transport.answer import Answer
    from webhookd.transport.origin import Origin


class Transport(httpx.AsyncBaseTransport):
    """Sends requests on connections that are kept alive.

    `request.extensions` holds `SendOptions` under `webhookd` and, to send a target exactly
    as it was signed, its bytes under `target` (httpx's own key for it). *proxy* is for requests
    whose options name none. Used within one event loop.
    """

    def __init__(self, proxy: Proxy | None = None, *, most_idle: int = MOST_IDLE) -> None:
        resolver, contexts = Resolver(), Contexts()
        self._proxy = proxy
        self._pool = Pool(most_idle)
        self._connector = Connector(self._pool, resolver, contexts)
        self._proxies = Proxies(resolver, contexts)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to *request*, or raise `SendError`.

        `response.content` is the body as it came, up to the limit in its options; whether that
        was not all of it, the extension `answer_cut` tells.
        """
        options: SendOptions = request.extensions["webhookd"]
        # Whichever way it takes: what writes headers of its own is refused.
        written = payload(request)
        origin = origin_of(request.url, options.tls)
        proxy = options.proxy or self._proxy
        if isinstance(proxy, Proxy):
            limit = _limit(options, asyncio.get_running_loop().time())
            return await self._proxies.send(request, origin, proxy, options, limit)
        answer = await self.exchange(written, request.method, origin, options)
        return ReceivedResponse(
            answer.status, answer.headers, answer.body, request, is_cut=answer.is_cut
        )

    def is_direct(self, options: SendOptions) -> bool:
        """Return whether a request with *options* goes to its receiver without a proxy."""
        return not isinstance(options.proxy or self._proxy, Proxy)

    async def exchange(
        self, written: bytes, method: str, origin: Origin, options: SendOptions
    ) -> Answer:
        """Return the answer to a request *written* whole, or raise `SendError`.

        Only where the way `is_direct`. It is what `handle_async_request` does, without the objects
        of httpx, which cost more than the exchange itself.
        """
        time = asyncio.get_running_loop().time
        now = time()
        limit = _limit(options, now)
        connection = self._pool.take(origin, options.egress, now)
        if connection is None:
            connection = await self._connector.connect(origin, options, limit)
        answer = await connection.exchange(
            written, limit, has_body=method != "HEAD", room=options.answer_limit
        )
        if connection.is_open:
            self._pool.put(origin, connection, answer, time())
        return answer

    async def reach(self, url: str, options: SendOptions) -> None:
        """Connect as a request to *url* would, TLS and all, and send nothing.

        Only where the way `is_direct`. Raises `SendError`.
        """
        limit = _limit(options, asyncio.get_running_loop().time())
        origin = origin_of(httpx.URL(url), options.tls)
        connection = await self._connector.connect(origin, options, limit)
        connection.close()

    async def aclose(self) -> None:
        """Close every connection and wait until they are; what is under way fails."""
        await self._pool.aclose()
        await self._proxies.aclose()


def _limit(options: SendOptions, now: float) -> Limit:
    """Return until when all of a request may take that begins *now*."""
    return Limit(now + options.timeout, options.timeout, "timeout")
