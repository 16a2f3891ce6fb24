"""A developer's desk: where requests are passed on to, beside the receivers of the configuration.

Loopback may always be reached. Any other address goes through the guard that the receivers' do:
private ones, and plain http, only inside `egress.allow` of the configuration, if there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.config import urls
from webhookd.definitions import DIRECT, Egress, Tls
from webhookd.errors import WebhookdError
from webhookd.rules.url_encoding import full_url
from webhookd.transport import SendError, SendOptions, Transport
from webhookd.transport.relay import RelayedAnswer, relay, target_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_SECONDS = 60.0
CONNECT_SECONDS = 10.0
LARGEST_ANSWER = 4 * 1024 * 1024
NOT_PASSED_ON = frozenset({"host", "connection", "content-length", "transfer-encoding"})
"""Headers of one connection, which the next one has its own of."""

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class DeskError(WebhookdError):
    """A request cannot be passed on to where it should."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The desk did not answer, and *why*."""

    why: str


@dataclass(frozen=True, slots=True)
class PassedOn:
    """What came of a request that went to *url* with *headers*, and how long it took."""

    url: str
    headers: tuple[tuple[str, str], ...]
    answer: RelayedAnswer | NoAnswer
    seconds: float


class Desk:
    """Where requests are passed on to. Raises a DeskError for a URL that cannot be one."""

    def __init__(self, url: str, egress: Egress) -> None:
        _check(url, egress)
        self.url = url
        self._egress = Egress((*_LOOPBACK, *egress.allow), egress.deny)
        self._transport = Transport()

    def address(self, target: str) -> str:
        """Return where a request that came for *target*, a path with its query, goes to.

        Its path is kept where the desk's URL has none, its query always.
        """
        path, _, query = target.partition("?")
        url = self.url
        if target_of(url) == "/":
            url = url.rstrip("/") + path
        return full_url(url, query)

    async def pass_on(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> PassedOn:
        """Send a request to *url*, one of this desk's addresses."""
        passed = tuple(pair for pair in headers if pair[0].lower() not in NOT_PASSED_ON)
        options = SendOptions(
            timeout=LONGEST_SECONDS,
            connect_timeout=CONNECT_SECONDS,
            tls=Tls(),
            egress=self._egress,
            proxy=DIRECT,
            answer_limit=LARGEST_ANSWER,
        )
        began = clock.monotonic()
        answer: RelayedAnswer | NoAnswer
        try:
            answer = await relay(self._transport, method, url, passed, body, options)
        except SendError as error:
            answer = NoAnswer(f"{error.reason}: {error.detail}")
        return PassedOn(url, passed, answer, clock.monotonic() - began)

    async def close(self) -> None:
        """Close its connections."""
        await self._transport.aclose()


def _check(url: str, egress: Egress) -> None:
    try:
        parsed = urls.parse(url)
    except urls.UrlError as error:
        raise DeskError(f"{error} (a desk is like http://localhost:3000/hook)") from None
    if parsed.scheme == "http" and not _is_near(parsed.host, egress):
        raise DeskError(
            f"plain http to {parsed.host} can be read and changed on its way; use https, this"
            " machine (localhost), or an address inside egress.allow of the configuration"
        )


def _is_near(host: str, egress: Egress) -> bool:
    """Return whether *host* is this machine, or an address that the configuration allows."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in (*_LOOPBACK, *egress.allow))
