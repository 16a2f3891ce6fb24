"""Own events that attempts cause, as the delivery engine sees them.

    event loop        an attempt ended ─► of_attempt: matched and rendered
                      its group is about to be written ─► together
    writer's thread   store, in the transaction that settles the attempts
    event loop        committed: what was stored is offered

`intake.own_events` decides; here is only what an event being stored with its cause takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from webhookd.delivery.claims import TransactionClaims
    from webhookd.model import Delivery, Settlement
    from webhookd.storage.database.connection import Connection


class Caused(Protocol):
    """The own events of one transaction."""

    @property
    def webhooks(self) -> Collection[str]:
        """Return the webhooks whose deliveries are to be stored."""

    def store(self, connection: Connection, claims: TransactionClaims) -> Any:
        """Store the deliveries, behind what caused them; the writer's thread, perhaps twice."""

    def committed(self, stored: Any) -> Sequence[Delivery]:
        """Note what the last `store` returned; return the deliveries to offer; the event loop."""

    def abandoned(self) -> None:
        """Note that nothing was committed, nor will be; the event loop."""


class CausedEvents(Protocol):
    """Makes own events of what attempts lead to, as drafts that only it looks into."""

    @property
    def listening(self) -> Collection[str]:
        """Return the webhooks that are told of own events; any thread."""

    def of_attempt(self, settlement: Settlement) -> Sequence[Any]:
        """Return the events of an attempt that ended; the event loop. Never raises."""

    def of_unattempted(self, broken: Sequence[tuple[Delivery, str]]) -> Sequence[Any]:
        """Return the events of deliveries that are stored as failed, with reasons; any thread."""

    def together(self, drafts: Sequence[Any]) -> Caused:
        """Return *drafts* as one transaction stores them; any thread."""


class _Nothing:
    """No own events."""

    webhooks: Collection[str] = ()

    def store(self, connection: Connection, claims: TransactionClaims) -> Any:
        """Store nothing."""

    def committed(self, stored: Any) -> Sequence[Delivery]:  # noqa: ARG002
        """Return nothing."""
        return ()

    def abandoned(self) -> None:
        """Do nothing."""


NOTHING_CAUSED: Final[Caused] = _Nothing()


class NoEvents:
    """Nobody is told of own events."""

    listening: Collection[str] = ()

    def of_attempt(self, settlement: Settlement) -> Sequence[Any]:  # noqa: ARG002 - none has any
        """Return nothing."""
        return ()

    def of_unattempted(
        self,
        broken: Sequence[tuple[Delivery, str]],  # noqa: ARG002 - none has any
    ) -> Sequence[Any]:
        """Return nothing."""
        return ()

    def together(self, drafts: Sequence[Any]) -> Caused:  # noqa: ARG002 - there are none
        """Return nothing."""
        return NOTHING_CAUSED


NO_EVENTS: Final[CausedEvents] = NoEvents()
