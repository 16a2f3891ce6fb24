"""The exact request of one attempt: what was frozen with the delivery, and what is in force now.

What is signed is what is sent: the URL is brought into the form that goes on the wire first,
and both the signature and the transport take it from there.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import httpx

from webhookd import __version__
from webhookd.rules import render, signing
from webhookd.rules.plan import ApiKey, Basic, Bearer

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.model import Rendered
    from webhookd.rules.plan import Request

USER_AGENT = f"webhookd/{__version__}"

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request as it goes on the wire. *uri* is the whole URL, query included."""

    method: str
    url: httpx.URL
    uri: str
    headers: Headers
    body: bytes

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as the bytes that are sent."""
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in self.headers]


class Outbound:
    """A webhook's request definition, prepared once for many attempts."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._key = _query_key(request)
        self._fixed = (("user-agent", USER_AGENT), *request.headers, *_authentication(request))
        self._url, self._uri = _wire_url(render.full_url(request.url, "", self._key))

    def prepare(self, rendered: Rendered, *, delivery_id: str, at: datetime) -> Outgoing:
        """Return the request for one attempt that starts at *at*."""
        url, uri = self._url, self._uri
        if rendered.query:
            url, uri = _wire_url(render.full_url(self._request.url, rendered.query, self._key))
        body = rendered.body or b""
        identity = signing.identity(delivery_id, at)
        headers = [("host", url.netloc.decode("ascii")), *self._fixed, *identity]
        if rendered.body is not None:
            headers.append(("content-length", str(len(body))))
        if rendered.content_type is not None:
            headers.append(("content-type", rendered.content_type))
        signature = self._request.signature
        if signature is not None:
            headers += signing.headers(
                signature,
                method=rendered.method,
                url=uri,
                body=body,
                delivery_id=delivery_id,
                at=at,
            )
        return Outgoing(rendered.method, url, uri, tuple(headers), body)


def _wire_url(text: str) -> tuple[httpx.URL, str]:
    """Return the URL, and its text in the very form that a receiver sees."""
    url = httpx.URL(text)
    origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
    return url, origin + url.raw_path.decode("ascii")


def _query_key(request: Request) -> tuple[str, str] | None:
    match request.authentication:
        case ApiKey(name=name, location="query", key=key):
            return name, key.reveal()
        case ApiKey() | Bearer() | Basic() | None:
            return None


def _authentication(request: Request) -> Headers:
    match request.authentication:
        case ApiKey(name=name, location="header", key=key):
            return ((name, key.reveal()),)
        case Bearer(token=token):
            return (("authorization", f"Bearer {token.reveal()}"),)
        case Basic(username=username, password=password):
            pair = f"{username}:{password.reveal()}".encode()
            return (("authorization", f"Basic {base64.b64encode(pair).decode('ascii')}"),)
        case ApiKey() | None:
            return ()
