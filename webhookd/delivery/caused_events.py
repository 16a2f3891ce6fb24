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

    from webhookd.definitions import Definitions
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
    """Makes own events of what attempts lead to, as announcements that only it looks into."""

    def listening(self, definitions: Definitions | None = None) -> Collection[str]:
        """Return the webhooks that are told of own events; any thread.

        As the *definitions* say, or those in force.
        """

    def of_attempt(self, settlement: Settlement, *, is_held: bool = False) -> Sequence[Any]:
        """Return the events of an attempt that ended; the event loop. Never raises.

        *is_held*: the attempt held its webhook, which was not held before.
        """

    def of_webhook(
        self, name: str, webhook: str, reason: str | None, definitions: Definitions | None = None
    ) -> Sequence[Any]:
        """Return the event *name* about a *webhook*, as one that a transaction causes; any thread.

        It is told as the *definitions* say that the transaction brings, or as those in force do.
        """

    def of_unattempted(self, broken: Sequence[tuple[Delivery, str]]) -> Sequence[Any]:
        """Return the events of deliveries that are stored as failed, with reasons; any thread."""

    def together(self, announcements: Sequence[Any]) -> Caused:
        """Return *announcements* as one transaction stores them; any thread."""


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
    """For daemons without a source of own events: no webhook receives any."""

    def listening(self, definitions: Definitions | None = None) -> Collection[str]:  # noqa: ARG002
        """Return nobody."""
        return ()

    def of_attempt(
        self,
        settlement: Settlement,  # noqa: ARG002 - none has any
        *,
        is_held: bool = False,  # noqa: ARG002
    ) -> Sequence[Any]:
        """Return nothing."""
        return ()

    def of_webhook(
        self,
        name: str,  # noqa: ARG002
        webhook: str,  # noqa: ARG002
        reason: str | None,  # noqa: ARG002
        definitions: Definitions | None = None,  # noqa: ARG002
    ) -> Sequence[Any]:
        """Return nothing."""
        return ()

    def of_unattempted(
        self,
        broken: Sequence[tuple[Delivery, str]],  # noqa: ARG002 - none has any
    ) -> Sequence[Any]:
        """Return nothing."""
        return ()

    def together(self, announcements: Sequence[Any]) -> Caused:  # noqa: ARG002 - there are none
        """Return nothing."""
        return NOTHING_CAUSED


NO_EVENTS: Final[CausedEvents] = NoEvents()
