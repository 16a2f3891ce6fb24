"""Sending through an HTTP proxy: httpx's own transport, held to our limits.

The proxy connects, so the guard can look only at what is handed to it: a literal address, and
a name as it resolves here. The proxy picks among a name's addresses, so all must be permitted;
a name that does not resolve here is the proxy's affair, whose rules decide in the end.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from webhookd.model import revealed
from webhookd.transport import proxy_failure
from webhookd.transport.answer import HEAD_LIMIT
from webhookd.transport.failure import SendError
from webhookd.transport.origin import Origin
from webhookd.transport.payload import body_of, headers_of, target_of
from webhookd.transport.pool import IDLE_SECONDS
from webhookd.transport.resolver import permitted
from webhookd.transport.response import ReceivedResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webhookd.definitions import Proxy, Tls
    from webhookd.transport.limit import Limit
    from webhookd.transport.origin import SendOptions
    from webhookd.transport.resolver import Resolver
    from webhookd.transport.tls import Contexts

# httpx's pool looks at every connection for every request, so few are kept.
_MOST_IDLE = 16

# httpx would make one of its own for plain http, in tens of milliseconds.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

_FIRST_FINAL = 200
_PROXY_AUTHENTICATION_REQUIRED = 407


class Proxies:
    """Sends through proxies, each with connections of its own that are kept for a while."""

    def __init__(self, resolver: Resolver, contexts: Contexts) -> None:
        self._resolver = resolver
        self._contexts = contexts
        self._routes: dict[tuple[Proxy, Tls | None], _Route] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Timeout] = set()
        self._none_under_way = asyncio.Event()
        self._is_closed = False

    async def send(
        self,
        request: httpx.Request,
        origin: Origin,
        proxy: Proxy,
        options: SendOptions,
        limit: Limit,
    ) -> ReceivedResponse:
        """Return the answer to *request* that came through *proxy*, or raise `SendError`."""
        place = _place(proxy)
        if ":" in origin.host:
            message = f"{origin.name} cannot be asked of a proxy: use a name, not an IPv6 address"
            raise SendError("protocol", message)
        inner = _inner(request, origin, options)
        answer = _Kept(request, options.answer_limit)
        try:
            async with self._until(limit.at):
                await self._check(origin, options)
                await self._resolver.addresses(place)
                context = await self._contexts.verifying(origin.tls) if origin.tls else None
                async with self._route(proxy, origin.tls, context) as transport:
                    await answer.take(await transport.handle_async_request(inner))
        except TimeoutError:
            if answer.status == 0:
                if self._is_closed:
                    raise _ended() from None
                what = f"nothing came from {origin.name} through the proxy {place.name}"
                raise limit.passed(what) from None
        except httpx.TransportError as error:
            if isinstance(error, SendError):
                raise
            if answer.status == 0:
                raise proxy_failure.of(error, origin, place, options) from None
        return answer.response(origin, place)

    async def aclose(self) -> None:
        """Close every connection; what is under way fails, however far it has come."""
        self._is_closed = True
        self._none_under_way.clear()
        for timeout in self._under_way:
            if not timeout.expired():
                timeout.reschedule(0)
        if self._under_way:
            await self._none_under_way.wait()
        for route in self._routes.values():
            route.keep()
            self._close(route)
        self._routes.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    @asynccontextmanager
    async def _until(self, at: float) -> AsyncIterator[None]:
        """Give what is under way until *at*, or until all is closed."""
        if self._is_closed:
            raise _ended()
        async with asyncio.timeout_at(at) as timeout:
            self._under_way.add(timeout)
            try:
                yield
            finally:
                self._under_way.discard(timeout)
                if not self._under_way:
                    self._none_under_way.set()

    async def _check(self, origin: Origin, options: SendOptions) -> None:
        """Refuse what `egress` does, as far as names resolve here and in good time."""
        try:
            async with asyncio.timeout(options.connect_timeout):
                addresses = await self._resolver.addresses(origin)
        except (SendError, TimeoutError):
            return
        for address in addresses:
            permitted([address], origin, options.egress)

    @asynccontextmanager
    async def _route(
        self, proxy: Proxy, tls: Tls | None, context: ssl.SSLContext | None
    ) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        """Lend the transport for *proxy* and *tls*; it is closed some time after its last use."""
        key = (proxy, tls)
        route = self._routes.get(key)
        if route is None:
            route = self._routes[key] = _Route(_transport(proxy, context))
        route.users += 1
        route.keep()
        try:
            yield route.transport
        finally:
            route.users -= 1
            if route.users == 0 and not self._is_closed:
                loop = asyncio.get_running_loop()
                route.timer = loop.call_later(IDLE_SECONDS, self._retire, key)

    def _retire(self, key: tuple[Proxy, Tls | None]) -> None:
        self._close(self._routes.pop(key))

    def _close(self, route: _Route) -> None:
        task = asyncio.get_running_loop().create_task(route.transport.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@dataclass(slots=True)
class _Route:
    """A transport through one proxy under one TLS setting, and how many use it now."""

    transport: httpx.AsyncHTTPTransport
    users: int = 0
    timer: asyncio.TimerHandle | None = None

    def keep(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class _Kept:
    """What is kept of an answer: the final status and headers decide, the body is capped."""

    def __init__(self, request: httpx.Request, room: int) -> None:
        self._request = request
        self._room = room
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._is_complete = False
        self.status = 0

    async def take(self, response: httpx.Response) -> None:
        """Read *response* as far as it is kept; an exception leaves what had come by then."""
        self.status, self._headers = response.status_code, response.headers.raw
        try:
            # Its raw bytes: httpx would unpack them.
            async for piece in response.stream:  # type: ignore[union-attr] # an asynchronous one
                self._body += piece
                if len(self._body) > self._room:
                    return
            self._is_complete = True
        finally:
            with suppress(httpx.TransportError):
                await response.aclose()

    def response(self, origin: Origin, place: Origin) -> ReceivedResponse:
        """Return the response, or raise `SendError` when what came is none."""
        if self.status == _PROXY_AUTHENTICATION_REQUIRED:
            raise proxy_failure.unauthenticated(origin, place)
        if self.status < _FIRST_FINAL:
            what = f"its status {self.status} is none that was asked for"
            raise SendError("protocol", f"{origin.name} gave a broken answer: {what}")
        if sum(len(name) + len(value) + 4 for name, value in self._headers) > HEAD_LIMIT:
            what = f"its headers are longer than {HEAD_LIMIT} bytes"
            raise SendError("protocol", f"{origin.name} gave a broken answer: {what}")
        return ReceivedResponse(
            self.status,
            self._headers,
            bytes(self._body[: self._room]),
            self._request,
            is_cut=not self._is_complete,
        )


class _ExactUrl(httpx.URL):
    """A URL whose target is the very bytes that were signed; httpx would escape some.

    Its extension `target` will not do: it would also replace what CONNECT asks for.
    """

    def __init__(self, url: httpx.URL, target: bytes) -> None:
        super().__init__(url)
        self._target = target

    @property
    def raw_path(self) -> bytes:
        """Return path and query."""
        return self._target


def _inner(request: httpx.Request, origin: Origin, options: SendOptions) -> httpx.Request:
    """Return *request* as httpx's own transport is to send it."""
    body = body_of(request)
    inner = httpx.Request(
        request.method,
        request.url,
        headers=headers_of(request, body),
        stream=httpx.ByteStream(body),
        extensions={"timeout": {"connect": options.connect_timeout}},
    )
    # The host is also the name that the certificate must have, which has no dot at its end.
    host = origin.certificate_name if origin.tls else origin.host
    inner.url = _ExactUrl(request.url.copy_with(host=host), target_of(request))
    return inner


def _ended() -> SendError:
    return SendError("reset", "sending has ended")


def _place(proxy: Proxy) -> Origin:
    url = httpx.URL(proxy.url)
    # `url.host` would decode an xn-- name, which is then one that no resolver takes.
    return Origin(url.raw_host.decode("ascii"), url.port or 80, None)


def _transport(proxy: Proxy, context: ssl.SSLContext | None) -> httpx.AsyncHTTPTransport:
    basic = proxy.authentication
    auth = (revealed(basic.username), basic.password.reveal()) if basic is not None else None
    return httpx.AsyncHTTPTransport(
        verify=context or _NO_TLS,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=None,
            max_keepalive_connections=_MOST_IDLE,
            keepalive_expiry=IDLE_SECONDS,
        ),
        proxy=httpx.Proxy(proxy.url, auth=auth),
    )
