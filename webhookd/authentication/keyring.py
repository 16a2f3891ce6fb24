"""Credentials by what they are made of: who authorizes alike has the same, over reloads too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias
from weakref import WeakValueDictionary

from webhookd.authentication.client_credentials import ClientCredentials
from webhookd.authentication.credentials import Fixed
from webhookd.authentication.token_server import TokenClient, TokenServer
from webhookd.definitions import OAuth2
from webhookd.rules import digests
from webhookd.storage import token_requests
from webhookd.storage.deliveries import lanes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.authentication.credentials import Credentials
    from webhookd.authentication.known_secrets import KnownSecrets
    from webhookd.authentication.token_server import TokenTransport
    from webhookd.clock import Clock
    from webhookd.definitions import Authentication, Egress, Proxy, Tls
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.writer import Writer

CredentialsOf: TypeAlias = (
    "Callable[[Authentication | None, Tls, Proxy | Literal['direct'] | None], Credentials]"
)
"""Gives what authorizes requests that take this way: webhooks' and sources' alike."""


class Keyring:
    """Has the credentials of all requests.

    *transport* sends token requests, by the rules that *egress* returns; *writer* counts them.
    Tokens live as long as somebody holds their credentials.
    """

    def __init__(
        self,
        transport: TokenTransport,
        egress: Callable[[], Egress],
        secrets: KnownSecrets,
        writer: Writer | None,
        *,
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._egress = egress
        self._secrets = secrets
        self._writer = writer
        self._clock = clock
        self._clients: WeakValueDictionary[TokenClient, ClientCredentials] = WeakValueDictionary()

    def of(
        self,
        authentication: Authentication | None,
        tls: Tls,
        proxy: Proxy | Literal["direct"] | None,
    ) -> Credentials:
        """Return what authorizes requests by *authentication*.

        *tls* and *proxy* are the requests' own: a token server is reached in the same way.
        """
        if not isinstance(authentication, OAuth2):
            return Fixed(authentication)
        client = TokenClient(authentication, tls, proxy)
        found = self._clients.get(client)
        if found is None:
            found = self._client(client)
            self._clients[client] = found
        return found

    def _client(self, client: TokenClient) -> ClientCredentials:
        return ClientCredentials(
            client.host,
            TokenServer(client, self._transport, self._egress, self._secrets, self._clock),
            prefix=client.authentication.prefix,
            admit=partial(self._admit, client),
            learn=partial(self._secrets.learn, of=client),
            clock=self._clock,
        )

    async def _admit(self, client: TokenClient, at: datetime, most: int) -> datetime | None:
        """Count a token request; where there is no database, as in `test`, all are admitted."""
        if self._writer is None:
            return None
        return await self._writer.write(partial(_admit, client, at, most))


def _admit(client: TokenClient, at: datetime, most: int, connection: Statements) -> datetime | None:
    digest = digests.client_digest(
        client.authentication, client.tls, client.proxy, lanes.digest_key(connection)
    )
    return token_requests.admit(connection, client=digest, at=at, most=most)
