"""Which deliveries of a lane are in memory: waiting for a slot, under way, or being settled."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.model import Delivery


class Prefetched:
    """The deliveries of one lane that are in memory, by id.

    In a lane that keeps an order, at most one of a record is: what the database says is first may
    have to wait for an attempt that began under another order, or was cancelled.
    """

    def __init__(self, *, is_ordered: bool) -> None:
        self._deliveries: dict[str, Delivery] = {}
        self._records: Counter[tuple[str, str, str]] = Counter()
        self._is_ordered = is_ordered
        self._has_refused = False

    def __contains__(self, delivery_id: str) -> bool:
        return delivery_id in self._deliveries

    def __iter__(self) -> Iterator[str]:
        return iter(self._deliveries)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of all."""
        return tuple(self._deliveries)

    def is_refused(self, delivery: Delivery) -> bool:
        """Return whether another of its record is in memory; it has to be looked for again then."""
        is_refused = self._is_ordered and delivery.record in self._records
        self._has_refused |= is_refused
        return is_refused

    def has_refused(self) -> bool:
        """Return whether one was refused since this was asked last."""
        has_refused, self._has_refused = self._has_refused, False
        return has_refused

    def add(self, delivery: Delivery) -> None:
        """Note that a delivery is in memory."""
        self._deliveries[delivery.id] = delivery
        if self._is_ordered:
            self._records[delivery.record] += 1

    def discard(self, delivery_id: str) -> None:
        """Note that a delivery is not in memory any more, if it was."""
        delivery = self._deliveries.pop(delivery_id, None)
        if delivery is None or not self._is_ordered:
            return
        record = delivery.record
        self._records[record] -= 1
        if self._records[record] <= 0:
            del self._records[record]

    def order(self, *, is_ordered: bool) -> None:
        """Keep an order from now on, or none."""
        self._is_ordered = is_ordered
        self._records = Counter(one.record for one in self._deliveries.values() if is_ordered)
