"""One transaction that stores deliveries: claim, write, offer what was stored, end the claims.

    event loop        claims of the transaction ─► queued          offered to lanes ─► claims ended
                                                     │                 ▲
    writer's thread                                  └─► unit ─► committed

The claims keep the event loop from starting what the unit supersedes (rule 7), from the first
`TransactionClaims.claim` in the unit until the lanes know of the commit, or that there was none.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from webhookd.delivery.claims import ClaimTable, TransactionClaims
    from webhookd.model import Delivery
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.fleet.exclusive import ExclusiveWriter

Result = TypeVar("Result")

ClaimingUnit: TypeAlias = "Callable[[Connection, TransactionClaims], Result]"


class ClaimedWriter:
    """Writes under *claims*, and gives to *offer* what was just committed."""

    def __init__(
        self,
        writer: Writer | ExclusiveWriter,
        *,
        claims: ClaimTable,
        offer: Callable[[Iterable[Delivery]], None],
    ) -> None:
        self._writer = writer
        self._claims = claims
        self._offer = offer

    def write(
        self,
        webhooks: Iterable[str],
        unit: ClaimingUnit[Result],
        committed: Callable[[Result], Iterable[Delivery]],
    ) -> asyncio.Future[Result]:
        """Run *unit*, which stores deliveries of *webhooks*, in the writer's next transaction.

        *unit* runs on the writer's thread, perhaps twice (see `Writer.write`). *committed* is
        called on the event loop with its result, when that is on the disk, and returns the
        deliveries to offer. Await the future under `asyncio.shield`: it is the writer's.
        """
        claims = self._claims.transaction(webhooks)
        written = self._writer.write(lambda connection: unit(connection, claims), claims.locks)
        # A callback, and nothing after an await: whoever asked for it may be gone by then, and
        # the lanes must hear of what was committed all the same.
        written.add_done_callback(partial(self._written, claims, committed))
        return written

    def _written(
        self,
        claims: TransactionClaims,
        committed: Callable[[Result], Iterable[Delivery]],
        written: asyncio.Future[Result],
    ) -> None:
        """Offer and end the claims; the event loop calls it, in the order of the commits."""
        # Rule 1: offered only now. Rule 7: the claims end behind the offer.
        if not written.cancelled() and written.exception() is None:
            self._offer(committed(written.result()))
        claims.release()
