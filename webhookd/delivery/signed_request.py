"""The exact request of one attempt: what was frozen with the delivery, and what is in force now.

What is signed is what is sent: the target on the wire is the text that was signed, byte for
byte, and is never taken apart and put together again.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import httpx

from webhookd import __version__
from webhookd.definitions import ApiKey, Basic, Bearer
from webhookd.rules import render, signing

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.definitions import Request
    from webhookd.model import Rendered

USER_AGENT = f"webhookd/{__version__}"

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One request as it goes on the wire, of plain values only: it may go to another process.

    *url* says where to connect, *target* what to ask for there (path and query), *uri* is the
    whole, which is what signatures cover.
    """

    method: str
    url: str
    target: bytes
    uri: str
    headers: Headers
    body: bytes

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as the bytes that are sent."""
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in self.headers]


class RequestTemplate:
    """What all requests of a webhook have in common, worked out once for many attempts."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._key = _query_key(request)
        self._fixed = (("user-agent", USER_AGENT), *request.headers, *_authentication(request))
        url = httpx.URL(request.url)
        self._host = url.netloc.decode("ascii")
        self._origin = f"{url.scheme}://{self._host}"
        self._target = self._target_with("")

    def fill(self, rendered: Rendered, *, delivery_id: str, at: datetime) -> SignedRequest:
        """Return the request for one attempt that starts at *at*."""
        target = self._target_with(rendered.query) if rendered.query else self._target
        uri = self._origin + target
        body = rendered.body or b""
        identity = signing.identity(delivery_id, at)
        headers = [("host", self._host), *self._fixed, *identity]
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
        return SignedRequest(
            rendered.method,
            self._request.url,
            target.encode("ascii"),
            uri,
            tuple(headers),
            body,
        )

    def _target_with(self, query: str) -> str:
        """Return path and query of the URL, with *query* and the key that belongs there."""
        whole = render.full_url(self._request.url, query, self._key)
        return whole[whole.index("/", whole.index("://") + len("://")) :]


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
