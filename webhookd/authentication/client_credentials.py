"""OAuth2 client credentials: one token for all who authorize alike, asked for once.

    no token ──authorize: asks, the others wait for the same answer──> token
    token    ──a fifth of its life is left: the first asks, the others use the old one──> token
             ──its life ended, or somebody was answered 401 with it──> no token
    asking   ──no token came──> a pause (1 s, doubling to 60 s) in which nobody asks

Everything runs on the event loop. A token is in memory only. What one attempt may wait is bounded;
the request itself goes on for the others. Requests are counted before they are made
(`storage.token_requests`), so that no restart and no bug asks a server without end; a renewal ahead
of time leaves half of them for when there is no token at all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from webhookd import telemetry
from webhookd.authentication.credentials import Authorization
from webhookd.definitions import BEARER
from webhookd.errors import StorageError, TokenError
from webhookd.rules import token_exchange
from webhookd.rules.token_exchange import Grant, NoGrant
from webhookd.storage.token_requests import MOST
from webhookd.telemetry.events import TokenFailed, TokenReceived

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from webhookd.authentication.credentials import Renewal
    from webhookd.authentication.token_server import TokenServer
    from webhookd.clock import Clock
    from webhookd.model import Secret

LONGEST_WAIT: Final = 15.0
"""Seconds that one attempt waits for a token: those of its request, and some for the database."""

_UNAUTHORIZED: Final = 401
_AHEAD_MOST: Final = MOST // 2
_REMEMBERED: Final = 8
"""Tokens, the newest, of which it is known whether they were ever accepted."""


class Admission(Protocol):
    """Counts token requests."""

    def __call__(self, at: datetime, most: int) -> Awaitable[datetime | None]:
        """Count a request at *at*; return None, or when the next may be made if *most* were.

        Raises StorageError.
        """


@dataclass(slots=True, eq=False)
class _Token:
    """A token; times are of the clock that never jumps, None where the server named no life."""

    authorization: Authorization
    came_at: float
    renew_at: float | None
    ends_at: float | None
    is_accepted: bool = field(default=False)

    def is_alive(self, now: float) -> bool:
        return self.ends_at is None or now < self.ends_at

    def is_to_renew(self, now: float) -> bool:
        return self.renew_at is not None and now >= self.renew_at


class ClientCredentials:
    """Authorizes requests with a token of *server*, named *host* in what is told.

    *prefix* stands before the token in its header; *admit* counts token requests; *learn* hides a
    token before anything can carry it.
    """

    def __init__(
        self,
        host: str,
        server: TokenServer,
        *,
        prefix: str = BEARER,
        admit: Admission,
        learn: Callable[[Secret], None],
        clock: Clock,
    ) -> None:
        self._host = host
        self._prefix = prefix
        self._server = server
        self._admit = admit
        self._learn = learn
        self._now = clock.now
        self._monotonic = clock.monotonic
        self._token: _Token | None = None
        # By serial, the newest last: answers to attempts with former ones still come.
        self._known: dict[int, _Token] = {}
        self._serial = 0
        self._asking: asyncio.Task[_Token | NoGrant | None] | None = None
        self._failures = 0
        self._failure: NoGrant | None = None
        self._not_before = 0.0

    async def authorize(self, _at: datetime) -> Authorization:
        """Return the header with the token; wait for one where there is none.

        Raises TokenError when none is to be had now.
        """
        now, token = self._monotonic(), self._token
        if token is not None and token.is_alive(now):
            if token.is_to_renew(now) and self._asking is None and now >= self._not_before:
                found = await self._asked(_AHEAD_MOST)
                if isinstance(found, _Token):
                    return found.authorization
            # Where no new one came the old one serves until its end, unless it was dropped.
            if token is self._token:
                return token.authorization
        if self._asking is None and now < self._not_before and self._failure is not None:
            raise self._error(self._failure)
        found = None
        while found is None:
            found = await self._asked(MOST)
        if isinstance(found, NoGrant):
            raise self._error(found)
        return found.authorization

    def _error(self, failure: NoGrant) -> TokenError:
        return TokenError(f"no token from {self._host}: {failure.why}")

    def refused(self, serial: int, status: int) -> Renewal:
        """Note an answer; drop the token that was answered 401, and say when to try another."""
        token = self._known.get(serial)
        if status != _UNAUTHORIZED:
            if token is not None:
                token.is_accepted = True
            return None
        if token is not None and token is self._token:
            self._token = None
        # One that was never accepted waits: its successor may be refused as well, for ever.
        return "at_once" if token is not None and token.is_accepted else "later"

    def age(self) -> float | None:
        """Return how many seconds ago the token in use came; None where there is none."""
        now, token = self._monotonic(), self._token
        return None if token is None or not token.is_alive(now) else now - token.came_at

    async def _asked(self, most: int) -> _Token | NoGrant | None:
        """Return what comes of the request under way, or of one that begins now.

        None: it was one ahead of time, and not made, for too many were before it.
        """
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask(most))
        try:
            # An attempt that is cut off, or waits no longer, ends nobody else's request.
            async with asyncio.timeout(LONGEST_WAIT):
                return await asyncio.shield(self._asking)
        except TimeoutError:
            return NoGrant(f"nothing came within {LONGEST_WAIT:g} s", "unreachable")

    async def _ask(self, most: int) -> _Token | NoGrant | None:
        try:
            now, began = self._now(), self._monotonic()
            until = await self._admit(now, most)
            if until is None:
                found = await self._server.ask()
                return (
                    self._received(found, began)
                    if isinstance(found, Grant)
                    else self._failed(found)
                )
            if most < MOST:
                if self._token is not None:
                    self._token.renew_at = None
                return None
            return self._failed(_too_many(until, now))
        except StorageError as error:
            return self._failed(NoGrant(f"its request cannot be counted: {error}", "limited"))
        finally:
            # No await between the outcome and this line: a task that asks next finds the outcome,
            # and does not wait for a request that has ended.
            self._asking = None

    def _received(self, grant: Grant, began: float) -> _Token:
        # Hidden first: from here on attempts carry it, and receivers echo.
        self._learn(grant.token)
        self._serial += 1
        header = ("authorization", f"{self._prefix}{grant.token.reveal()}")
        life = grant.lifetime
        token = _Token(
            Authorization((header,), serial=self._serial),
            self._monotonic(),
            # The server counts from when it answered, which was later.
            None if life is None else began + token_exchange.renew_after(life),
            None if life is None else began + life,
        )
        self._known[self._serial] = token
        self._known.pop(self._serial - _REMEMBERED, None)
        self._token, self._failure, self._failures, self._not_before = token, None, 0, 0.0
        telemetry.report(TokenReceived(self._host, token.came_at - began, life))
        return token

    def _failed(self, found: NoGrant) -> NoGrant:
        self._failures += 1
        self._failure = found
        wait = token_exchange.pause(self._failures, found.asked_wait)
        self._not_before = self._monotonic() + wait
        telemetry.report(TokenFailed(self._host, found.failure, found.why, wait))
        return found


def _too_many(until: datetime, now: datetime) -> NoGrant:
    why = (
        f"it was asked {MOST} times within 10 minutes, and is not asked again before"
        f" {until:%Y-%m-%d %H:%M:%S} UTC"
    )
    return NoGrant(why, "limited", (until - now).total_seconds())
