"""From an origin to an open connection: resolve, guard, connect, shake hands."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.transport import certificates, failure
from webhookd.transport.failure import SendError
from webhookd.transport.happy_eyeballs import connect_first
from webhookd.transport.http_connection import Connection
from webhookd.transport.limit import Limit
from webhookd.transport.resolver import permitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhookd.definitions import Egress
    from webhookd.transport.certificates import Certificate
    from webhookd.transport.happy_eyeballs import Connected
    from webhookd.transport.origin import Origin, SendOptions
    from webhookd.transport.pool import Pool
    from webhookd.transport.resolver import Address, Resolver
    from webhookd.transport.tls import Contexts

_INSPECTION_SECONDS = 2.0


class Connector:
    """Opens connections for *pool*."""

    def __init__(self, pool: Pool, resolver: Resolver, contexts: Contexts) -> None:
        self._pool = pool
        self._resolver = resolver
        self._contexts = contexts

    async def connect(self, origin: Origin, options: SendOptions, limit: Limit) -> Connection:
        """Return a new connection to *origin*, or raise `SendError`, within *limit*.

        The connect timeout is for connecting and the TLS handshake together.
        """
        addresses, context = await self._prepare(origin, limit)
        allowed = permitted(addresses, origin, options.egress)
        sooner = asyncio.get_running_loop().time() + options.connect_timeout
        if sooner < limit.at:
            limit = Limit(sooner, options.connect_timeout, "connect_timeout")
        connected = await self._reach(allowed, origin, options.egress, limit)
        if context is None:
            connected.connection.listen()
        else:
            await self._secure(connected, context, origin, limit)
        self._pool.add(connected.connection)
        return connected.connection

    async def _prepare(
        self, origin: Origin, limit: Limit
    ) -> tuple[list[Address], ssl.SSLContext | None]:
        try:
            async with asyncio.timeout_at(limit.at):
                addresses = await self._resolver.addresses(origin)
                context = await self._contexts.verifying(origin.tls) if origin.tls else None
        except TimeoutError:
            raise limit.passed(f"the name {origin.host} was not resolved") from None
        return addresses, context

    async def _reach(
        self, addresses: Sequence[Address], origin: Origin, egress: Egress, limit: Limit
    ) -> Connected:
        try:
            async with asyncio.timeout_at(limit.at) as timeout:
                return await connect_first(
                    addresses, lambda: Connection(origin.name, egress, self._pool)
                )
        except OSError as error:
            if timeout.expired():
                raise limit.passed(f"{origin.name} did not accept the connection") from None
            raise failure.from_connecting(error, origin.name) from None

    async def _secure(
        self, connected: Connected, context: ssl.SSLContext, origin: Origin, limit: Limit
    ) -> None:
        """Shake hands, or say what went wrong."""
        try:
            async with asyncio.timeout_at(limit.at):
                await connected.connection.secure(context, origin.certificate_name)
        except ssl.SSLCertVerificationError as error:
            certificate = await self._presented(error, connected, origin)
            raise certificates.from_verification(
                error, origin.name, certificate, clock.now()
            ) from None
        except ssl.SSLError as error:
            raise certificates.from_handshake(error, origin.name) from None
        except TimeoutError:
            raise limit.passed(f"{origin.name} did not finish the TLS handshake") from None
        except OSError as error:
            words = f"{origin.name} broke off the TLS handshake: {failure.words_of(error)}"
            raise SendError("reset", words) from None

    async def _presented(
        self, error: ssl.SSLCertVerificationError, failed: Connected, origin: Origin
    ) -> Certificate:
        """Return the certificate that caused *error*, where that explains something.

        Python shows none that did not verify, so it is fetched once more, from the same
        address and without sending anything.
        """
        if certificates.explains_itself(error) or origin.tls is None:
            return {}
        egress, pool = failed.connection.egress, self._pool
        try:
            async with asyncio.timeout(_INSPECTION_SECONDS):
                context = await self._contexts.inspecting(origin.tls)
                again, _ = await connect_first(
                    [failed.address], lambda: Connection(origin.name, egress, pool)
                )
                await again.secure(context, origin.certificate_name)
        except (OSError, SendError):
            return {}
        certificate = again.certificate
        again.abort()
        return certificate
