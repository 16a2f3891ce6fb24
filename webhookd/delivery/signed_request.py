"""The exact request of one attempt: what was frozen with the delivery, and what is in force now.

What is signed is what is sent: the target on the wire is the text that was signed, byte for
byte, and is never taken apart and put together again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import httpx

from webhookd import __version__
from webhookd.model import Secret, trace_context
from webhookd.rules import signing
from webhookd.rules.literal_secrets import shown_url
from webhookd.rules.redaction import MARK
from webhookd.rules.signers import signer
from webhookd.rules.templating.bodies import with_secrets
from webhookd.rules.templating.live_parts import LiveParts
from webhookd.rules.url_encoding import (
    encode_query,
    full_url,
    percent_encoded,
    with_bare_semicolons,
    without_bare_semicolons,
)
from webhookd.transport.payload import checked, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from webhookd.authentication.credentials import Authorization
    from webhookd.definitions import Request
    from webhookd.model import Delivery, Rendered
    from webhookd.model.trace_context import Sampling
    from webhookd.rules.signers import Sign

USER_AGENT = f"webhookd/{__version__}"

_AT_OWN = 3
"""Where lines begin that say more than what all requests begin with, the id and the time."""

_ENCODED_MARK = percent_encoded(MARK)

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class SignedRequest:
    """One request as it goes on the wire, of plain values only: it may go to another process.

    *url* says where to connect, *target* what to ask for there (path and query), *uri* is the
    whole, which is what signatures cover. *head* is the request line and the headers as they are
    sent, in so many *lines*. *shown* is the URL for showing: without the secrets that templates
    put there, and of a URL that is a secret no more than its origin. *begun* is how
    the head begins, the same text for all requests to one target; *own* are the lines behind id and
    time, for showing, where those that templates made (*is_templated*) may hold secrets.
    """

    method: str
    url: str
    target: str
    uri: str
    head: str
    lines: int
    body: bytes
    shown: str = ""
    begun: str = ""
    own: Sequence[str] = ()
    is_templated: bool = False

    def written(self) -> bytes:
        """Return the request as the bytes that are sent, head and body.

        Its headers hold all that HTTP/1.1 demands. Raises `SendError` for a value that would write
        headers of its own.
        """
        return written(self.head, self.lines, self.body)

    @property
    def headers(self) -> Headers:
        """Return the headers; raises `SendError` likewise."""
        checked(self.head, self.lines)
        pairs = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return tuple((name, value) for name, _, value in pairs)

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as the bytes that are sent."""
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in self.headers]


def head_of(method: str, target: str, headers: Iterable[tuple[str, str]]) -> tuple[str, int]:
    """Return the head of a request, as `SignedRequest` has it, and how many lines it has."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines), len(lines)


class RequestTemplate:
    """What all requests of a webhook have in common, worked out once for many attempts.

    *secrets* are those of the configuration by their names: what was stored may ask for any.
    With *tracing*, each carries `traceparent`, unless the definition has a header of that name.
    """

    def __init__(
        self, request: Request, secrets: Mapping[str, Secret], tracing: Sampling | None = None
    ) -> None:
        self._secrets = secrets
        has_own = any(name.lower() == trace_context.HEADER for name, _ in request.headers)
        self._traced = None if tracing is None or has_own else tracing.header
        self._signers = [signer(signature) for signature in request.signatures]
        live = request.live
        filled = () if live is None else live.headers
        own = [header for header in request.headers if header[0] not in filled]
        address = f"{request.origin}/" if live is not None and live.url else request.address
        url = httpx.URL(address)
        host = url.netloc.decode("ascii")
        self._fixed = (("host", host), ("user-agent", USER_AGENT), *own)
        self._origin = f"{url.scheme}://{host}"
        self._url = address
        is_bare = signing.needs_bare_semicolons(request.signatures)
        self._written = with_bare_semicolons if is_bare else without_bare_semicolons
        self._live = None if live is None else LiveParts(live, self._written)
        is_secret = isinstance(request.url, Secret)
        self._secret_url = shown_url(request.url) if is_secret else ""
        self._masks = {name: Secret(MARK) for name in (() if live is None else live.secrets)}
        # Few have a query of their own, and an authorization changes seldom: nearly all attempts
        # begin as the one before.
        self._latest: _Begun | None = None

    def fill(
        self, delivery: Delivery, authorization: Authorization, *, at: datetime
    ) -> SignedRequest:
        """Return the request for one attempt at *delivery* that starts at *at*.

        Raises an `UnfilledError` where a value or a secret that it asks for is not there.
        """
        rendered, secrets = delivery.rendered, self._secrets
        filled = _NOTHING if self._live is None else self._filled(delivery, secrets)
        begun = self._begun(rendered, authorization, filled.address)
        body = rendered.body or b""
        if rendered.holes:
            body = with_secrets(body, rendered.holes, rendered.content_type or "", secrets)
        seconds, milliseconds = map(str, signing.since_epoch(at))
        lines = [begun.head, f"webhook-id: {delivery.id}", f"webhook-timestamp: {seconds}"]
        lines += filled.lines
        if rendered.body is not None:
            lines.append(f"content-length: {len(body)}")
        if rendered.content_type is not None:
            lines.append(f"content-type: {rendered.content_type}")
        for sign in begun.signs:
            lines += sign(body, delivery.id, seconds, milliseconds)
        if self._traced is not None:
            line = self._traced(delivery.id, delivery.attempts_made + 1)
            if line is not None:
                lines.append(line)
        shown, own = self._secret_url or begun.uri, lines[_AT_OWN:]
        if self._live is not None:
            shown, own = self._masked(shown, own, filled, delivery, authorization)
        return SignedRequest(
            rendered.method,
            self._url,
            begun.target,
            begun.uri,
            "\r\n".join(lines),
            begun.lines + len(lines) - 1,
            body,
            shown,
            begun.head,
            own,
            self._live is not None,
        )

    def _filled(self, delivery: Delivery, secrets: Mapping[str, Secret]) -> _Filled:
        """Return what the templates of URL and headers make of *delivery*."""
        if self._live is None:
            return _NOTHING
        scope = self._live.scope(delivery)
        address = self._live.url(scope, secrets)
        headers = self._live.headers(scope, secrets)
        return _Filled(address, [f"{name}: {value}" for name, value in headers])

    def _masked(
        self,
        shown: str,
        own: list[str],
        filled: _Filled,
        delivery: Delivery,
        authorization: Authorization,
    ) -> tuple[str, list[str]]:
        """Return URL and headers as they may be shown: `***` where templates put secrets."""
        masked = self._filled(delivery, self._masks) if self._masks else filled
        if masked.address is not None and not self._secret_url:
            target = self._target_with(masked.address, delivery.rendered.query, authorization.query)
            shown = f"{self._origin}{target}".replace(_ENCODED_MARK, MARK)
        return shown, masked.lines + own[len(filled.lines) :]

    def _begun(
        self, rendered: Rendered, authorization: Authorization, address: str | None
    ) -> _Begun:
        """Return how the request for *rendered* begins; *address* is its URL where that is live."""
        begun = self._latest
        if (
            begun is not None
            and begun.method == rendered.method
            and begun.query == rendered.query
            and begun.address == address
            and (begun.authorization is authorization or begun.authorization == authorization)
        ):
            return begun
        method, query = rendered.method, rendered.query
        target = self._target_with(address or self._url, query, authorization.query)
        uri = self._origin + target
        # Signed as UTF-8 and sent as Latin-1: the two are the same for ASCII only.
        target.encode("ascii")
        head, lines = head_of(method, target, [*self._fixed, *authorization.headers])
        signs = [signer(method, uri) for signer in self._signers]
        begun = _Begun(method, query, address, authorization, target, uri, head, lines, signs)
        self._latest = begun
        return begun

    def _target_with(self, url: str, query: str, key: tuple[str, str] | None) -> str:
        """Return path and query of *url*, with *query* and the *key* that belongs there."""
        key_query = encode_query([key]) if key else ""
        whole = full_url(url, self._written(query), self._written(key_query))
        return whole[whole.index("/", whole.index("://") + len("://")) :]


class _Filled(NamedTuple):
    """What templates make of a delivery: its URL, None without one, and the lines of headers."""

    address: str | None
    lines: list[str]


_NOTHING = _Filled(None, [])


class _Begun(NamedTuple):
    """What requests of a *method* to one target begin with, under one *authorization*."""

    method: str
    query: str
    address: str | None
    authorization: Authorization
    target: str
    uri: str
    head: str
    lines: int
    signs: list[Sign]
