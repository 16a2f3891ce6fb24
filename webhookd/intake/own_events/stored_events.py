"""The own events of one transaction, from the writer's thread to the windows that count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.intake.decision import store
from webhookd.intake.own_events.announcements import joined, told
from webhookd.storage.deliveries import settle
from webhookd.telemetry.events import BatchTaken

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from webhookd.delivery.claims import TransactionClaims
    from webhookd.intake.own_events.announcements import Announcement
    from webhookd.intake.own_events.event_windows import EventWindows
    from webhookd.model import Delivery
    from webhookd.storage.database.connection import Connection


@dataclass(frozen=True, slots=True)
class Stored:
    """The announcements that *happened*, and the deliveries that were stored of them."""

    happened: Sequence[Announcement]
    deliveries: Sequence[Delivery]


class StoredEvents:
    """The own events of one transaction: see `delivery.caused_events.Caused`."""

    def __init__(self, announcements: Sequence[Announcement], windows: EventWindows) -> None:
        self._announcements = announcements
        self._windows = windows
        self.webhooks: Collection[str] = frozenset(
            name for announcement in announcements for name in told(announcement.decision)
        )

    def store(self, connection: Connection, claims: TransactionClaims) -> Stored:
        """Store the deliveries of what happened; the writer's thread, behind what caused them."""
        # Rule C of `own_events`: asked within the transaction, which has just written it.
        settled = [
            announcement.settlement
            for announcement in self._announcements
            if announcement.settlement is not None
        ]
        given_up = settle.given_up(connection, settled) if settled else frozenset()
        happened = [
            announcement
            for announcement in self._announcements
            if announcement.settlement is None or announcement.settlement.delivery.id in given_up
        ]
        return Stored(happened, store(connection, joined(happened), claims))

    def committed(self, stored: Stored) -> Sequence[Delivery]:
        """Have windows count, and return what is to be offered; the event loop."""
        for announcement in stored.happened:
            every = announcement.listening.source.every
            for key in announcement.opened:
                self._windows.open(key, every)
            for key in announcement.counted:
                self._windows.count(key, announcement.event, every)
        happened = {id(announcement) for announcement in stored.happened}
        self._abandon(
            announcement for announcement in self._announcements if id(announcement) not in happened
        )
        first = [announcement for announcement in stored.happened if told(announcement.decision)]
        if first:
            source = first[0].listening.source.name
            telemetry.report(BatchTaken(source, len(first), len(first), len(stored.deliveries)))
        return stored.deliveries

    def abandoned(self) -> None:
        """Forget windows that were opened for what never came about; the event loop."""
        self._abandon(self._announcements)

    def _abandon(self, announcements: Iterable[Announcement]) -> None:
        for announcement in announcements:
            for key in announcement.opened:
                self._windows.abandon(key)
