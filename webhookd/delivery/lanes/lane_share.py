"""What this daemon has of a lane: attempts that may be in flight, and starts of a rate limit.

Everything here runs on the event loop. `fleet.share_client` requests shares from the database; a
lane only asks its share how many attempts it may have in flight.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from webhookd.storage.fleet import shares

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.definitions import RateLimit
    from webhookd.delivery.breaker import Breaker
    from webhookd.storage.fleet.shares import Grant


FETCHED_AHEAD: Final = 40_000
"""Deliveries that all lanes together keep waiting in memory, where no other daemon may want them.

A fetch passes over all that is in memory: the more it brings, the less each delivery costs.
"""

USED_REMEMBERED = 1_000
"""Used starts that can still be given back: more than a lane has attempts in flight, nearly always.
"""


class LaneShare:
    """This daemon's share of a lane that other daemons have in force, too.

    It may have up to *slots* attempts in flight. The database counts *counted* as this daemon's;
    *wanted* is what it requested. *rate* is the lane's rate limit, and *tokens* are the
    starts of it that the database has granted.

    While a request for a new share is on its way, at most *promised* attempts may be in flight:
    the number that the request reported. The database may already have given the rest to another
    daemon. None: no request is on its way.
    """

    def __init__(self, rate: RateLimit | None = None) -> None:
        self.slots = 0
        self.counted = 0
        self.wanted = 0
        self.rate = rate
        self.tokens: deque[str] = deque()
        # Those used lately, each with its time; and of them those of attempts that sent nothing.
        self._used: deque[tuple[str, float]] = deque(maxlen=USED_REMEMBERED)
        self._unused: list[str] = []
        self.promised: int | None = None
        # In boot time, in seconds: until then the rate limit has no start for this daemon.
        self.no_start_before = 0.0
        # A request is needed that takes in what has happened since the latest one was begun.
        self._is_stale = False
        # A task of `ShareClient` sends requests for this share: a second one would overtake it.
        self._is_requesting = False
        # The database's clock, in microseconds, when the latest tokens were granted; and boot
        # time, in seconds, when they were requested, which is never later.
        self._granted_at = 0
        self._requested_at = 0.0

    def room(self, concurrency: int, lanes: int) -> int:  # noqa: ARG002 - of an unlimited share
        """Return how many deliveries may wait in memory, in one of so many *lanes*.

        Not more than keeps its slots busy: other daemons have slots, too.
        """
        return shares.room(self.slots)

    def is_due(self, room: int, waiting: int) -> bool:
        """Return whether a fetch is worthwhile where *waiting* fill a part of the *room*."""
        return room - waiting >= room // 2

    def may_have(self, most: int) -> int:
        """Return how many attempts may be in flight here, of *most* at all daemons together."""
        # Both: a breaker may have narrowed *most* before the database knows.
        mine = self.slots if self.promised is None else min(self.slots, self.promised)
        return min(mine, most)

    def sync_breaker(self, breaker: Breaker, since: datetime | None, reason: str) -> None:
        """Have *breaker* follow what the daemons of the fleet know together: the lane's row."""
        breaker.follow(since, reason)

    def renewed(self) -> LaneShare:
        """Return a share of nothing yet, for a daemon that goes on as another member."""
        return LaneShare(self.rate)

    def limit_starts(self, rate: RateLimit | None) -> None:
        """Put a rate limit in force, or none; the next start may be requested at once."""
        self.rate, self.no_start_before = rate, 0.0

    def use_start(self, now: float) -> tuple[str, int]:
        """Use one of the *tokens*, at *now* in boot time.

        Return it with the time of its start, in microseconds of the database's clock: rather a
        little late than early, for a start counts from that time.
        """
        passed = round((now - self._requested_at) * 1_000_000)
        token = self.tokens.popleft()
        self._used.append((token, now))
        return token, self._granted_at + passed

    def give_back(self, started_at: float) -> None:
        """Return the start nearest to *started_at*, in boot time, with the next request."""
        if self._used:
            used = min(self._used, key=lambda one: abs(one[1] - started_at))
            self._used.remove(used)
            self._unused.append(used[0])

    def return_tokens(self, *, all_of_them: bool) -> tuple[str, ...]:
        """Return starts that nobody used, for the request that reports it.

        With *all_of_them*, the *tokens* are given up, too.
        """
        tokens = (*self._unused, *(self.tokens if all_of_them else ()))
        self._unused.clear()
        if all_of_them:
            self.tokens.clear()
        return tokens

    def call_for_request(self) -> bool:
        """Note that a new request is needed; return whether the caller must begin to send them.

        Where requests are being sent already, one more follows.
        """
        self._is_stale = True
        if self._is_requesting:
            return False
        self._is_requesting = True
        return True

    def begin_request(self, in_flight: int) -> bool:
        """Promise not to exceed *in_flight*, if a request is needed; return whether one is."""
        if not self._is_stale:
            return False
        self._is_stale = False
        self.promised = in_flight
        return True

    def end_promise(self) -> None:
        """Note what became of the request: it was answered, or cannot have been granted."""
        self.promised = None

    def requests_ended(self) -> None:
        """Note that nobody sends requests any more."""
        self._is_requesting = False

    def granted(self, grant: Grant, now: float) -> None:
        """Take over what the database granted, at *now* in boot time."""
        self.slots, self.counted, self.wanted = grant.slots, grant.counted, grant.wanted
        if grant.at:
            self._granted_at, self._requested_at = grant.at, grant.requested_at
        self.tokens.extend(grant.tokens)
        self.no_start_before = now + grant.wait


class UnlimitedShare(LaneShare):
    """The share of a daemon that no other daemon shares lanes with: all of each lane."""

    def room(self, concurrency: int, lanes: int) -> int:
        """Return some times what keeps all slots busy, unless there are very many lanes."""
        busy = shares.room(concurrency)
        return max(busy, min(4 * busy, FETCHED_AHEAD // max(lanes, 1)))

    def is_due(self, room: int, waiting: int) -> bool:
        """Return whether most of the room is free: a fetch brings that much at once."""
        return waiting <= room // 3

    def may_have(self, most: int) -> int:
        """Return *most*: all slots are this daemon's."""
        return most

    def sync_breaker(self, breaker: Breaker, since: datetime | None, reason: str) -> None:
        """Do nothing: only this daemon's breaker knows anything, and it is not stored."""

    def renewed(self) -> LaneShare:
        """Return this share: there is nothing to lose."""
        return self


UNLIMITED = UnlimitedShare()
"""One for all lanes: it has no state of its own."""
