"""The deliveries of one lane that are in memory, and when to fetch the next.

    in database --take--> arriving --arrived--> ready --next--> in flight --ended--> settling
        |                                         ^  |                                  |
        '--------------- offer -------------------'  '--- unload, forget --> database   |
        ^                                                                               |
        '------------------------------- settled ---------------------------------------'

    prefetched   every id from arriving to settling: no fetch may return it (rule 2)
    next_at      when there is something to fetch; None while nothing waits in the database

Everything runs on the event loop and waits for nothing. A fetch runs elsewhere meanwhile, so its
answer may be news of a state that is over: `_is_overtaken` and `prefetched` are there for that.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

from webhookd.delivery.lanes.prefetched import Prefetched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from webhookd.model import Delivery


DENIED_SECONDS = 3.0
"""Seconds until a lane asks again of which other daemons have all slots.

Longer than membership takes to notice freed slots (two seconds), so it is the last resort.
"""


class LaneMemory:
    """What of a lane is in memory: *ready* to start, *arriving* from a fetch, or being attempted.

    In a lane that *is_ordered* at most one delivery of each record is.
    """

    def __init__(self, *, is_ordered: bool) -> None:
        self.ready: deque[Delivery] = deque()
        self.arriving: set[str] = set()
        self.next_at: datetime | None = None
        self.is_fetching = False
        self._prefetched = Prefetched(is_ordered=is_ordered)
        # Something was stored or released since the latest fetch was requested: its answer may not
        # know of it, so the lane asks again at once.
        self._is_overtaken = False
        # The latest fetch brought no slot: other daemons have all of the lane.
        self._is_denied = False

    def __contains__(self, delivery_id: str) -> bool:
        return delivery_id in self._prefetched

    def __iter__(self) -> Iterator[str]:
        return iter(self._prefetched)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of all that is in memory, attempts under way and settling included."""
        return self._prefetched.ids

    @property
    def waiting(self) -> int:
        """Return how many wait for a slot, or are on their way to wait for one."""
        return len(self.ready) + len(self.arriving)

    @property
    def is_busy(self) -> bool:
        """Return whether something waits in memory, or may come from a fetch."""
        return bool(self.ready or self.arriving or self.is_fetching or self._is_denied)

    def is_behind(self, now: datetime) -> bool:
        """Return whether older deliveries wait in the database, or are on their way from there."""
        return self.is_fetching or (self.next_at is not None and self.next_at <= now)

    def begin_fetch(self) -> None:
        """Note that the lane asks the database; `fetch_answered` or `fetch_failed` ends it."""
        self.is_fetching, self._is_overtaken = True, False

    def fetch_answered(self, next_at: datetime | None, now: datetime) -> None:
        """Note that a fetch was answered, and when the next one is worthwhile: at *next_at*."""
        self.is_fetching = self._is_denied = False
        # Rule 4: what was stored or released after the rows were read is not in the answer. Whether
        # it came before or after is not known here, so the lane asks again in either case.
        self.next_at = now if self._is_overtaken else next_at

    def fetch_denied(self, now: datetime) -> None:
        """Note that a fetch brought nothing, as other daemons have all slots of the lane."""
        self.is_fetching, self._is_denied = False, True
        # Nothing was claimed. A freed slot is notified, and `shares_freed` asks at once then.
        self.next_at = now + timedelta(seconds=DENIED_SECONDS)

    def fetch_failed(self, again_at: datetime) -> None:
        """Note that a fetch failed; the lane asks again at *again_at*."""
        self.is_fetching = False
        self.next_at = again_at

    def ask_at(self, at: datetime) -> None:
        """Ask the database at *at*, whatever the latest answer said."""
        self.next_at = at

    def take(self, found: Iterable[Delivery], room: int, now: datetime) -> list[Delivery]:
        """Take what a fetch *found*, of it no more than *room*; return what is new in memory.

        It arrives with the scheduler's next round.
        """
        fresh: list[Delivery] = []
        for delivery in found:
            # Rule 2: a delivery that was offered meanwhile is in memory already.
            if delivery.id in self._prefetched:
                continue
            if self._prefetched.is_refused(delivery):
                # Another of its record is in memory: `settled` of that one asks again.
                continue
            if len(fresh) < room:
                fresh.append(delivery)
                self._prefetched.add(delivery)
            else:
                # Offers took the room while the fetch was under way.
                self.next_at = now
        self.arriving.update(one.id for one in fresh)
        return fresh

    def arrived(self, delivery: Delivery) -> None:
        """Take a fetched delivery, unless it was unloaded on its way."""
        # Between `fetched` and this round of the scheduler a hold, a newer change or a person may
        # have taken it out of memory.
        if delivery.id in self.arriving:
            self.arriving.discard(delivery.id)
            self.ready.append(delivery)

    def leave(self, delivery: Delivery) -> None:
        """Leave a delivery just committed, which finds no room, to a fetch."""
        # Rule 4: a fetch under way may have read before this commit.
        self._is_overtaken = True
        self.wait_until(delivery.due_at)

    def offer(self, delivery: Delivery) -> bool:
        """Take a delivery just committed; return whether it is in memory."""
        # Rule 4, as in `leave`.
        self._is_overtaken = True
        if self._prefetched.is_refused(delivery):
            return False
        self._prefetched.add(delivery)
        self.ready.append(delivery)
        return True

    def replace(self, delivery: Delivery) -> bool:
        """Put a delivery just committed in the place of one that it superseded and that is ready.

        Return whether there was one; if not, none of those it superseded is in memory any more.
        """
        # At most one of them is in memory, for they are of one record in a lane with an order. It
        # was not started meanwhile: the transaction's claim (rule 7) ends after this call.
        for place, waiting in enumerate(self.ready):
            if waiting.id in delivery.supersedes and not delivery.is_behind:
                self._prefetched.discard(waiting.id)
                self._prefetched.add(delivery)
                self.ready[place] = delivery
                return True
        # On its way from a fetch, behind another, or not in memory at all.
        self.forget(set(delivery.supersedes))
        return False

    def next(self, may_start: Callable[[str], bool]) -> Delivery | None:
        """Return the first that is ready and *may_start*, which stays in memory as an attempt."""
        # Nearly always the first: claims of a transaction last for milliseconds.
        for place, delivery in enumerate(self.ready):
            if may_start(delivery.id):
                del self.ready[place]
                return delivery
        return None

    def refetch(self, now: datetime) -> None:
        """Ask the database anew, whatever a fetch under way is about to say (rule 4)."""
        self.next_at, self._is_overtaken = now, True

    def wait_until(self, due_at: datetime) -> None:
        """Note that something in the database is due at *due_at*."""
        self.next_at = due_at if self.next_at is None else min(self.next_at, due_at)

    def unload(self, now: datetime) -> None:
        """Drop what waits in memory: the database has it, and it is fetched when it may go.

        Attempts under way are not touched.
        """
        if self.ready or self.arriving:
            self.forget(self.arriving.union(delivery.id for delivery in self.ready))
            self.refetch(now)

    def forget(self, ids: set[str]) -> None:
        """Drop those of *ids* that wait in memory."""
        waiting = self.arriving.union(delivery.id for delivery in self.ready) & ids
        if waiting:
            for id_ in waiting:
                self._prefetched.discard(id_)
            self.arriving -= waiting
            kept = [delivery for delivery in self.ready if delivery.id not in ids]
            self.ready.clear()
            self.ready.extend(kept)

    def order(self, *, is_ordered: bool) -> None:
        """Keep an order from now on, or none."""
        self._prefetched.order(is_ordered=is_ordered)

    def settled(self, delivery_id: str, due_at: datetime | None, now: datetime) -> None:
        """Take a delivery out of memory, which is due again at *due_at*, or never (None)."""
        self._prefetched.discard(delivery_id)
        if self._prefetched.has_refused():
            # Perhaps for this one: what was refused then is first of its record now.
            self.refetch(now)
        if due_at is not None:
            # A fetch under way leaves it out, and may think that nothing waits.
            self._is_overtaken = True
            self.wait_until(due_at)
