"""The own events of one transaction, from the writer's thread to the windows that count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.intake.decision import store
from webhookd.intake.own_events.drafts import joined, told
from webhookd.storage.deliveries import settle
from webhookd.telemetry.events import BatchTaken

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from webhookd.delivery.claims import TransactionClaims
    from webhookd.intake.own_events.drafts import Draft
    from webhookd.intake.own_events.event_windows import EventWindows
    from webhookd.model import Delivery
    from webhookd.storage.database.connection import Connection


@dataclass(frozen=True, slots=True)
class Stored:
    """The drafts that *happened*, and the deliveries that were stored of them."""

    happened: Sequence[Draft]
    deliveries: Sequence[Delivery]


class StoredEvents:
    """The own events of one transaction: see `delivery.caused_events.Caused`."""

    def __init__(self, drafts: Sequence[Draft], windows: EventWindows) -> None:
        self._drafts = drafts
        self._windows = windows
        self.webhooks: Collection[str] = frozenset(
            name for draft in drafts for name in told(draft.decision)
        )

    def store(self, connection: Connection, claims: TransactionClaims) -> Stored:
        """Store the deliveries of what happened; the writer's thread, behind what caused them."""
        # Rule C of `own_events`: asked within the transaction, which has just written it.
        settled = [draft.settlement for draft in self._drafts if draft.settlement is not None]
        given_up = settle.given_up(connection, settled) if settled else frozenset()
        happened = [
            draft
            for draft in self._drafts
            if draft.settlement is None or draft.settlement.delivery.id in given_up
        ]
        return Stored(happened, store(connection, joined(happened), claims))

    def committed(self, stored: Stored) -> Sequence[Delivery]:
        """Have windows count, and return what is to be offered; the event loop."""
        for draft in stored.happened:
            every = draft.listening.source.every
            for key in draft.opened:
                self._windows.open(key, every)
            for key in draft.counted:
                self._windows.count(key, draft.event, every)
        happened = {id(draft) for draft in stored.happened}
        self._abandon(draft for draft in self._drafts if id(draft) not in happened)
        first = [draft for draft in stored.happened if told(draft.decision)]
        if first:
            source = first[0].listening.source.name
            telemetry.report(BatchTaken(source, len(first), len(first), len(stored.deliveries)))
        return stored.deliveries

    def abandoned(self) -> None:
        """Forget windows that were opened for what never came about; the event loop."""
        self._abandon(self._drafts)

    def _abandon(self, drafts: Iterable[Draft]) -> None:
        for draft in drafts:
            for key in draft.opened:
                self._windows.abandon(key)
