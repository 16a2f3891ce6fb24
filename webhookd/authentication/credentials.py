"""Credentials: how the daemon shows a receiver, or an API, who it is.

Webhooks and sources ask the same objects, before every request. `Fixed` ones come from the
configuration as they are and never wait. Others may have to fetch a token first: then several
requests may wait for it at once, and one whose token the server refused is told whether another
token is to be had.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from webhookd.definitions import ApiKey, Basic, Bearer, OAuth2
from webhookd.model import revealed

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.definitions import Authentication


@dataclass(frozen=True, slots=True)
class Authorization:
    """What one request carries: *headers*, and a name and value for the end of its *query*.

    *serial* tells the credentials which of their tokens it was, if the server refuses it.
    """

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    query: tuple[str, str] | None = field(default=None, repr=False)
    serial: int = 0


Renewal: TypeAlias = Literal["at_once", "later"] | None
"""When a request may be tried with another authorization, if it may be at all."""


class Credentials(Protocol):
    """Authorizes requests. Used on the event loop."""

    async def authorize(self, at: datetime) -> Authorization:
        """Return what a request carries that is sent at *at*; it may wait for a token.

        Whatever is returned must be hidden before (`KnownSecrets.learn`). Raises TokenError when
        there is none to be had.
        """

    def refused(self, serial: int, status: int) -> Renewal:
        """Note that a request with *serial* was answered *status*; return whether to try again.

        Called for every answer. Anything but None only when the next authorization is another one;
        `at_once` never for ever, for whoever hears it tries again at once.
        """

    def age(self) -> float | None:
        """Return how many seconds ago the token in use came; None where there is none."""


class Fixed:
    """Credentials that the configuration has: an API key, a bearer token, or name and password.

    None at all are fixed, too.
    """

    def __init__(self, authentication: Authentication | None) -> None:
        self._authorization = _authorization(authentication)

    async def authorize(self, _at: datetime) -> Authorization:
        """Return what every request carries.

        A coroutine that awaits nothing costs its caller no turn of the event loop.
        """
        return self._authorization

    def refused(self, _serial: int, _status: int) -> Renewal:
        """Return None: there are no others."""
        return None

    def age(self) -> float | None:
        """Return None: what the configuration has did not come from a server."""
        return None


def fixed(authentication: Authentication | None, *_way: object) -> Credentials:
    """Return the credentials for *authentication*, whichever way its requests take.

    TypeError where they have to be asked for: those come from a `Keyring`.
    """
    return Fixed(authentication)


def _authorization(authentication: Authentication | None) -> Authorization:
    match authentication:
        case ApiKey(name=name, location="query", key=key):
            return Authorization(query=(name, key.reveal()))
        case ApiKey(name=name, key=key):
            return Authorization(((name, key.reveal()),))
        case Bearer(token=token, prefix=prefix):
            return Authorization((("authorization", f"{prefix}{token.reveal()}"),))
        case Basic(username=username, password=password):
            pair = base64.b64encode(f"{revealed(username)}:{password.reveal()}".encode()).decode(
                "ascii"
            )
            return Authorization((("authorization", f"Basic {pair}"),))
        case OAuth2():
            raise TypeError("a token is not fixed")
        case None:
            return Authorization()
