"""Who has a waiting delivery: the lane that starts it, or the change that takes its place.

Both sides must claim a delivery first; the first claim wins (rule 7). So no delivery is superseded
whose attempt is under way, or has ended and is not on the disk; and none is started that a
transaction is about to supersede, until that has ended one way or the other.

    thread         claims when                        releases when
    event loop     `start`: an attempt begins         `settled`: its settlement is committed
    writer's       `claim`: a transaction is about    `release`, on the event loop: the lanes know
                   to supersede a delivery            of the commit, or that there was none
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


class ClaimTable:
    """The claims of both sides. *released* is called when a transaction's have ended.

    *prepare* returns, for webhooks by name, how many new deliveries of each there is room for, and
    the locks that storing some needs.
    """

    def __init__(
        self,
        released: Callable[[], None],
        prepare: Callable[[Iterable[str]], tuple[Mapping[str, int] | None, Locks]] = _nothing,
    ) -> None:
        self._released = released
        self._prepare = prepare
        # Held for a few instructions only: the event loop may wait for it.
        self._lock = Lock()
        self._started: set[str] = set()
        # Counted: two transactions in one group of the writer may claim the same delivery.
        self._claimed: Counter[str] = Counter()

    def start(self, delivery_id: str) -> bool:
        """Claim a delivery for an attempt, on the event loop; False while a transaction has it."""
        # Rule 7: to look and to claim is one step; the other thread may be between the two.
        with self._lock:
            if delivery_id in self._claimed:
                return False
            self._started.add(delivery_id)
            return True

    def settled(self, delivery_ids: Iterable[str]) -> None:
        """End the claims of attempts whose outcome is on the disk."""
        with self._lock:
            self._started.difference_update(delivery_ids)

    def transaction(self, webhooks: Iterable[str]) -> TransactionClaims:
        """Return the claims, none yet, of a transaction that stores deliveries of *webhooks*."""
        rooms, locks = self._prepare(webhooks)
        return TransactionClaims(self, rooms, locks)

    def claim(self, delivery_id: str) -> bool:
        """Claim a delivery for a transaction; return False while an attempt has it.

        The writer's thread calls it, inside the transaction.
        """
        with self._lock:
            if delivery_id in self._started:
                return False
            self._claimed[delivery_id] += 1
            return True

    def release(self, delivery_ids: set[str]) -> None:
        """End a transaction's claims; what it did not supersede may start."""
        with self._lock:
            self._claimed.subtract(delivery_ids)
            # Without those that have come to zero: `in` asks for the key.
            self._claimed = +self._claimed
        # Outside the lock, for it serves lanes, and those claim at once.
        self._released()


class TransactionClaims:
    """The claims of one transaction, which may run twice: its group first, then alone.

    It needs *locks*, and takes as many new deliveries for this daemon as *rooms* say by webhook.
    """

    def __init__(self, claims: ClaimTable, rooms: Mapping[str, int] | None, locks: Locks) -> None:
        self._claims = claims
        self.rooms = rooms
        self.locks = locks
        # Of both runs: the writer's thread adds, and the event loop reads it when that is done.
        # What only the first run claimed stays claimed until `release`.
        self._claimed: set[str] = set()

    def claim(self, delivery_id: str) -> bool:
        """Claim a delivery, on the writer's thread; return False while an attempt has it."""
        if delivery_id in self._claimed:
            return True
        if not self._claims.claim(delivery_id):
            return False
        self._claimed.add(delivery_id)
        return True

    def release(self) -> None:
        """Give all of them back, on the event loop, after what came of it is known there."""
        if self._claimed:
            self._claims.release(self._claimed)
