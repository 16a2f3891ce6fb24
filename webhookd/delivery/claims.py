"""Who has a waiting delivery: the lane that starts it, or the change that takes its place.

The event loop starts attempts; the writer's thread supersedes deliveries. Each claims a delivery
before, and of two the first one has it. So no delivery is superseded whose attempt is under way,
or has ended and is not on the disk; and none is started that a transaction is about to supersede,
until that has ended one way or the other.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from webhookd.storage.database.connection import NO_LOCKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from webhookd.storage.database.connection import Locks


def _nothing(_webhooks: Iterable[str]) -> tuple[Mapping[str, int] | None, Locks]:
    """Return room for all, and no locks."""
    return None, NO_LOCKS


class Claims:
    """The claims of both sides. *given_back* is called when a transaction's have ended.

    *prepare* returns, for webhooks by name, how many new deliveries of each there is room for, and
    the locks that storing some needs.
    """

    def __init__(
        self,
        given_back: Callable[[], None],
        prepare: Callable[[Iterable[str]], tuple[Mapping[str, int] | None, Locks]] = _nothing,
    ) -> None:
        self._given_back = given_back
        self._prepare = prepare
        self._lock = Lock()
        self._started: set[str] = set()
        self._taken: Counter[str] = Counter()

    def start(self, delivery_id: str) -> bool:
        """Claim a delivery for an attempt; return False while a transaction has it."""
        with self._lock:
            if delivery_id in self._taken:
                return False
            self._started.add(delivery_id)
            return True

    def settled(self, delivery_id: str) -> None:
        """End the claim of an attempt whose outcome is on the disk."""
        with self._lock:
            self._started.discard(delivery_id)

    def taking(self, webhooks: Iterable[str]) -> Taking:
        """Return the claims, none yet, of a transaction that stores deliveries of *webhooks*."""
        rooms, locks = self._prepare(webhooks)
        return Taking(self, rooms, locks)

    def take(self, delivery_id: str) -> bool:
        """Claim a delivery for a transaction; return False while an attempt has it."""
        with self._lock:
            if delivery_id in self._started:
                return False
            self._taken[delivery_id] += 1
            return True

    def give_back(self, delivery_ids: set[str]) -> None:
        """End a transaction's claims; what it did not supersede may start."""
        with self._lock:
            self._taken.subtract(delivery_ids)
            self._taken = +self._taken
        self._given_back()


class Taking:
    """The claims of one transaction, which may run twice: its group first, then alone.

    It needs *locks*, and takes as many new deliveries for this daemon as *rooms* say by webhook.
    """

    def __init__(self, claims: Claims, rooms: Mapping[str, int] | None, locks: Locks) -> None:
        self._claims = claims
        self.rooms = rooms
        self.locks = locks
        self._taken: set[str] = set()

    def take(self, delivery_id: str) -> bool:
        """Claim a delivery, on the writer's thread; return False while an attempt has it."""
        if delivery_id in self._taken:
            return True
        if not self._claims.take(delivery_id):
            return False
        self._taken.add(delivery_id)
        return True

    def end(self) -> None:
        """Give all of them back, on the event loop, after what came of it is known there."""
        if self._taken:
            self._claims.give_back(self._taken)
