"""The exact request of one attempt: what was frozen with the delivery, and what is in force now.

What is signed is what is sent: the target on the wire is the text that was signed, byte for
byte, and is never taken apart and put together again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import httpx

from webhookd import __version__
from webhookd.rules import render, signing

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.authentication.credentials import Authorization
    from webhookd.definitions import Request
    from webhookd.model import Rendered

USER_AGENT = f"webhookd/{__version__}"

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(slots=True)
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
        self._signatures = request.signatures
        self._fixed = (("user-agent", USER_AGENT), *request.headers)
        url = httpx.URL(request.url)
        self._host = url.netloc.decode("ascii")
        self._origin = f"{url.scheme}://{self._host}"
        # Few have a query of their own, and a key changes seldom: the latest one's is kept.
        self._key: tuple[str, str] | None = None
        is_bare = signing.needs_bare_semicolons(request.signatures)
        self._written = render.with_bare_semicolons if is_bare else render.without_bare_semicolons
        self._target = self._target_with("", None)

    def fill(
        self, rendered: Rendered, authorization: Authorization, *, delivery_id: str, at: datetime
    ) -> SignedRequest:
        """Return the request for one attempt that starts at *at*."""
        target = self._target_for(rendered.query, authorization.query)
        uri = self._origin + target
        body = rendered.body or b""
        identity = signing.identity(delivery_id, at)
        headers = [("host", self._host), *self._fixed, *authorization.headers, *identity]
        if rendered.body is not None:
            headers.append(("content-length", str(len(body))))
        if rendered.content_type is not None:
            headers.append(("content-type", rendered.content_type))
        for signature in self._signatures:
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

    def _target_for(self, query: str, key: tuple[str, str] | None) -> str:
        if query:
            return self._target_with(query, key)
        if key != self._key:
            self._key, self._target = key, self._target_with("", key)
        return self._target

    def _target_with(self, query: str, key: tuple[str, str] | None) -> str:
        """Return path and query of the URL, with *query* and the *key* that belongs there."""
        key_query = render.encode_query([key]) if key else ""
        whole = render.full_url(self._request.url, self._written(query), self._written(key_query))
        return whole[whole.index("/", whole.index("://") + len("://")) :]
