"""The lanes of this daemon, by webhook and by number: what a reload makes and changes.

A lane is never removed: attempts of a webhook that is no longer in force finish in it, and it
has the webhook's state when that comes back. Everything runs on the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.delivery.lanes.lane import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from webhookd.delivery.breaker import Probed
    from webhookd.delivery.peers import Peers
    from webhookd.delivery.prepared_webhook import PreparedWebhook
    from webhookd.model import Delivery
    from webhookd.storage.deliveries.lanes import LaneRow


class LaneTable:
    """All lanes; *peers* say what of each is this daemon's."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self.by_name: dict[str, Lane] = {}
        self.by_number: dict[int, Lane] = {}

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self.by_name.values()))

    @property
    def rate_limited(self) -> frozenset[str]:
        """Return the webhooks whose late starts are in memory."""
        return frozenset(lane.name for lane in self if lane.window is not None)

    def is_prefetched(self, delivery: Delivery) -> bool:
        """Return whether *delivery* is in memory: waiting for a slot, under way or settling."""
        lane = self.by_name.get(delivery.webhook)
        return lane is not None and delivery.id in lane.memory

    def in_flight(self, webhook: str) -> int:
        """Return how many attempts of a webhook are under way at this daemon."""
        lane = self.by_name.get(webhook)
        return 0 if lane is None else lane.in_flight

    def probed(self, webhook: str) -> Probed | None:
        """Return since when, and why, a webhook is probed; None where it is not."""
        lane = self.by_name.get(webhook)
        return None if lane is None else lane.breaker.probed

    def token_age(self, webhook: str) -> float | None:
        """Return how many seconds ago a webhook's token came; None where there is none."""
        lane = self.by_name.get(webhook)
        return None if lane is None else lane.definition.credentials.age()

    def forget(self, ids: Iterable[str]) -> None:
        """Drop deliveries that wait in memory: a person changed them in the database."""
        gone = set(ids)
        for lane in self:
            lane.memory.forget(gone)

    def adopt(
        self,
        rows: Iterable[LaneRow],
        definitions: Mapping[str, PreparedWebhook],
        starts: Mapping[str, Sequence[datetime]],
        now: datetime,
    ) -> None:
        """Put a configuration in force: *rows* as the database has them, all at once.

        *starts* are the late starts of rate-limited lanes that are not in memory yet. Nothing is
        served: the caller does that when all lanes are as the configuration says.
        """
        # Rule 5: called while nothing is judged, so *rows* are as new as what is in memory.
        for row in rows:
            if row.webhook in definitions:
                self._adopt(row, definitions[row.webhook], starts.get(row.webhook, ()), now)
            else:
                self._retire(row, now)
        for lane in self.by_name.values():
            lane.limit_memory(len(self.by_name))

    def _adopt(
        self, row: LaneRow, definition: PreparedWebhook, starts: Sequence[datetime], now: datetime
    ) -> None:
        lane = self.by_name.get(row.webhook)
        if lane is None:
            lane = Lane(row, definition, self._peers.new_share())
            self.by_name[row.webhook] = self.by_number[row.number] = lane
            lane.memory.refetch(now)
        self._peers.limit_starts(lane, definition.webhook.delivery.rate_limit, starts)
        lane.put_in_force(row, definition, now)
        self._peers.share_changed(lane)

    def _retire(self, row: LaneRow, now: datetime) -> None:
        """Hold a lane whose webhook is not in force; attempts under way finish."""
        lane = self.by_name.get(row.webhook)
        if lane is not None:
            lane.retire(row, now)
            self._peers.share_changed(lane)
