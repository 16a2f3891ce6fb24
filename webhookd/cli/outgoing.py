"""What a command goes out with that asks a server itself, instead of a daemon."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.authentication.keyring import Keyring
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.config.settings.process_settings import Settings
from webhookd.rules.redaction import Redactor
from webhookd.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webhookd.definitions import Definitions


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The way out, what authorizes requests, and what is hidden of all that comes back.

    The redactor of *secrets* is asked for when something is told: by then it knows tokens, too.
    """

    transport: Transport
    keyring: Keyring
    secrets: KnownSecrets


@asynccontextmanager
async def opened(definitions: Definitions) -> AsyncIterator[Outgoing]:
    """Go out as the daemon of *definitions* would, by the proxy that the environment names.

    No token request is counted: there is no database. Connections are closed at the end.
    """
    secrets = KnownSecrets()
    secrets.adopt(Redactor.of(definitions))
    transport = Transport(Settings.from_environment(os.environ).outgoing_proxy())
    keyring = Keyring(transport, lambda: definitions.egress, secrets, None, clock=clock.SYSTEM)
    try:
        yield Outgoing(transport, keyring, secrets)
    finally:
        await transport.aclose()
