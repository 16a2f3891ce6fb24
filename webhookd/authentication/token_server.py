"""One request to a token server, and what its answer means.

It takes the way of the webhook's own requests (egress, proxy, TLS), and follows no redirect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import httpx

from webhookd import __version__
from webhookd.rules.token_exchange import LARGEST_ANSWER, Grant, NoGrant, basic_pair, form, meaning
from webhookd.transport import SendError, SendOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.authentication.known_secrets import KnownSecrets
    from webhookd.clock import Clock
    from webhookd.definitions import Egress, OAuth2, Proxy, Tls

TokenTransport: TypeAlias = httpx.AsyncBaseTransport
"""What sends a token request: the daemon's transport, or one that a test has."""

TIMEOUT: Final = 10.0
"""Seconds that a token request may take, its answer included."""

CONNECT_TIMEOUT: Final = 5.0
"""Seconds until there must be a connection."""


_WORDS_LIMIT: Final = 1_024
"""Bytes of a server's own words that are looked at; fewer are shown."""


@dataclass(frozen=True, slots=True)
class TokenClient:
    """All that makes one token another one: two webhooks with equal clients share their token."""

    authentication: OAuth2
    tls: Tls
    proxy: Proxy | Literal["direct"] | None

    @property
    def host(self) -> str:
        """Return where the token server is, as texts show it: a URL's path may hold a secret."""
        return httpx.URL(self.authentication.token_url).netloc.decode("ascii")


class TokenServer:
    """Asks the token server of *client* for tokens; *egress* returns the rules in force.

    *secrets* are hidden in what the server says.
    """

    def __init__(
        self,
        client: TokenClient,
        transport: TokenTransport,
        egress: Callable[[], Egress],
        secrets: KnownSecrets,
        clock: Clock,
    ) -> None:
        self._client = client
        self._transport = transport
        self._egress = egress
        self._secrets = secrets
        self._now = clock.now

    async def ask(self) -> Grant | NoGrant:
        """Return what came of one request."""
        try:
            response = await self._transport.handle_async_request(self._request())
        except SendError as error:
            return NoGrant(f"{error.reason}: {error.detail}", "unreachable")
        return meaning(
            response.status_code,
            await response.aread(),
            is_cut=bool(response.extensions.get("answer_cut")),
            retry_after=response.headers.get("retry-after"),
            now=self._now(),
            hide=self._hidden,
            refresh_token=self._client.authentication.refresh_token,
        )

    def _hidden(self, text: str) -> str:
        """Return a server's words without secrets: it may repeat what it was sent, in any form."""
        words = text.encode(errors="replace")
        return self._secrets.redactor.answer(words, limit=_WORDS_LIMIT, is_cut=False)

    def _request(self) -> httpx.Request:
        client = self._client
        headers = {
            "user-agent": f"webhookd/{__version__}",
            "accept": "application/json",
            "content-type": "application/x-www-form-urlencoded",
        }
        if client.authentication.client_authentication == "basic":
            headers["authorization"] = f"Basic {basic_pair(client.authentication)}"
        options = SendOptions(
            timeout=TIMEOUT,
            connect_timeout=CONNECT_TIMEOUT,
            tls=client.tls,
            egress=self._egress(),
            proxy=client.proxy,
            answer_limit=LARGEST_ANSWER,
        )
        return httpx.Request(
            "POST",
            client.authentication.token_url,
            headers=headers,
            stream=httpx.ByteStream(form(client.authentication)),
            extensions={"webhookd": options},
        )
