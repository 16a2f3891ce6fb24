"""The exact request of one attempt: what was frozen with the delivery, and what is in force now.

What is signed is what is sent: the target on the wire is the text that was signed, byte for
byte, and is never taken apart and put together again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import httpx

from webhookd import __version__
from webhookd.rules import signing
from webhookd.rules.templating.bodies import with_secrets
from webhookd.rules.templating.live_parts import LiveParts
from webhookd.rules.url_encoding import (
    encode_query,
    full_url,
    with_bare_semicolons,
    without_bare_semicolons,
)
from webhookd.transport.payload import written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from webhookd.authentication.credentials import Authorization
    from webhookd.definitions import Request
    from webhookd.model import Delivery, Secret

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

    def written(self) -> bytes:
        """Return the request as the bytes that are sent, head and body.

        Its headers hold all that HTTP/1.1 demands. Raises `SendError` for a value that would write
        headers of its own.
        """
        lines = [f"{self.method} {self.target.decode('ascii')} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return written(lines, self.body)

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as the bytes that are sent."""
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in self.headers]


class RequestTemplate:
    """What all requests of a webhook have in common, worked out once for many attempts.

    *secrets* are those of the configuration by their names: what was stored may ask for any.
    """

    def __init__(self, request: Request, secrets: Mapping[str, Secret]) -> None:
        self._secrets = secrets
        self._signatures = request.signatures
        live = request.live
        filled = () if live is None else live.headers
        own = [header for header in request.headers if header[0] not in filled]
        self._fixed = (("user-agent", USER_AGENT), *own)
        address = f"{request.origin}/" if live is not None and live.url else request.address
        url = httpx.URL(address)
        self._host = url.netloc.decode("ascii")
        self._origin = f"{url.scheme}://{self._host}"
        self._url = address
        is_bare = signing.needs_bare_semicolons(request.signatures)
        self._written = with_bare_semicolons if is_bare else without_bare_semicolons
        self._live = None if live is None else LiveParts(live, self._written)
        # Few have a query of their own, and a key changes seldom: the latest one's is kept.
        self._key: tuple[str, str] | None = None
        self._target = self._target_with(address, "", None)

    def fill(
        self, delivery: Delivery, authorization: Authorization, *, at: datetime
    ) -> SignedRequest:
        """Return the request for one attempt at *delivery* that starts at *at*.

        Raises an `UnfilledError` where a value or a secret that it asks for is not there.
        """
        rendered, live, secrets = delivery.rendered, self._live, self._secrets
        address: str | None = None
        live_headers: Iterable[tuple[str, str]] = ()
        if live is not None:
            scope = live.scope(delivery)
            address, live_headers = live.url(scope, secrets), live.headers(scope, secrets)
        if address is None:
            target = self._target_for(rendered.query, authorization.query)
        else:
            target = self._target_with(address, rendered.query, authorization.query)
        uri = self._origin + target
        body = rendered.body or b""
        if rendered.holes:
            body = with_secrets(body, rendered.holes, rendered.content_type or "", secrets)
        identity = signing.identity(delivery.id, at)
        headers = [("host", self._host), *self._fixed, *authorization.headers, *identity]
        headers += live_headers
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
                delivery_id=delivery.id,
                at=at,
            )
        return SignedRequest(
            rendered.method, self._url, target.encode("ascii"), uri, tuple(headers), body
        )

    def _target_for(self, query: str, key: tuple[str, str] | None) -> str:
        if query:
            return self._target_with(self._url, query, key)
        if key != self._key:
            self._key, self._target = key, self._target_with(self._url, "", key)
        return self._target

    def _target_with(self, url: str, query: str, key: tuple[str, str] | None) -> str:
        """Return path and query of *url*, with *query* and the *key* that belongs there."""
        key_query = encode_query([key]) if key else ""
        whole = full_url(url, self._written(query), self._written(key_query))
        return whole[whole.index("/", whole.index("://") + len("://")) :]
