"""Sending one request: plain values go in, a plain value comes out.

A `Sender` is given nothing that lives in this process (no transport, no lane, no lock), so that
another one may send from another process; it must pass on by itself what refuses to be pickled,
the secrets among the options. `LocalSender` sends from this one; its module is the
deliveries' door to httpx.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

import httpx

from webhookd.model import Reply, Response, Unreachable
from webhookd.transport import PreparedRequest, SendError, Transport
from webhookd.transport.origin import origin_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhookd.definitions import Tls
    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.transport import SendOptions
    from webhookd.transport.origin import Origin

URLS_REMEMBERED = 4096
"""So many URLs are not taken apart again: as many as there may be webhooks, nearly always."""

_REDIRECTS: Final = range(300, 400)

_url = lru_cache(URLS_REMEMBERED)(httpx.URL)


class Sender(Protocol):
    """Sends requests and says what came back."""

    async def send(self, request: SignedRequest, options: SendOptions) -> Reply:
        """Send *request* once and return the receiver's response, or why there was none.

        It raises nothing that the receiver or the network may cause.
        """


class LocalSender:
    """Sends over a transport of this process, on its event loop."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self._own = transport if isinstance(transport, Transport) else None
        # By URL and TLS settings, which are kept so that no others get their `id`.
        self._origins: dict[tuple[str, int], tuple[Tls, Origin]] = {}

    async def send(self, request: SignedRequest, options: SendOptions) -> Reply:
        """Send *request* once and return the receiver's response, or why there was none.

        The request goes past httpx's objects, straight to the receiver, where no proxy is in
        between.
        """
        if self._own is None or not self._own.is_direct(options):
            return await self._send_by_seam(request, options)
        try:
            origin = self._origin(request.url, options.tls)
            answer = await self._own.exchange(request.written(), request.method, origin, options)
        except SendError as error:
            return Unreachable(error.reason, error.detail)
        headers, is_redirect = answer.headers, answer.status in _REDIRECTS
        return Response(
            answer.status,
            _value(headers, b"retry-after"),
            answer.body,
            answer.is_cut,
            _value(headers, b"location") if is_redirect else None,
            headers,
        )

    async def _send_by_seam(self, request: SignedRequest, options: SendOptions) -> Reply:
        """Send *request* as one of httpx.

        The transport is called directly: httpx's client would follow redirects, and time and pool
        a second time.
        """
        prepared = PreparedRequest(
            request.method,
            _url(request.url),
            request.raw_headers(),
            request.body,
            {"webhookd": options, "target": request.target.encode("ascii")},
        )
        try:
            response = await self._transport.handle_async_request(prepared)
        except SendError as error:
            return Unreachable(error.reason, error.detail)
        body = await response.aread()
        return Response(
            response.status_code,
            response.headers.get("retry-after"),
            body,
            is_cut=bool(response.extensions.get("answer_cut")),
            location=response.headers.get("location") if response.is_redirect else None,
            headers=response.headers.raw,
        )

    def _origin(self, url: str, tls: Tls) -> Origin:
        """Return where *url* connects to; raises `SendError` where that is nowhere."""
        known = self._origins.get((url, id(tls)))
        if known is None:
            if len(self._origins) >= URLS_REMEMBERED:
                self._origins.clear()
            known = self._origins[url, id(tls)] = tls, origin_of(_url(url), tls)
        return known[1]


def _value(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str | None:
    """Return the value of a header as text, several joined by commas (RFC 9110, 5.3)."""
    size = len(name)
    # Most answers have no such header, and a length tells so at once.
    found = [value for other, value in headers if len(other) == size and other.lower() == name]
    if not found:
        return None
    joined = b", ".join(found)
    try:
        return joined.decode()
    except UnicodeDecodeError:
        return joined.decode("latin-1")
