"""The ledger of files that tells of those which failed, in the transaction that says so."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from webhookd.intake.claimed_write import ClaimedWriter
from webhookd.storage.records.files import Files, forget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from webhookd.delivery.caused_events import Caused
    from webhookd.delivery.claims import ClaimTable, TransactionClaims
    from webhookd.intake.own_events.own_events import OwnEvents
    from webhookd.model import Delivery, LatestFile, PutAway
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.fleet.exclusive import ExclusiveWriter


class ToldFiles(Files):
    """The ledger of a source's files; *events* tell of what fails."""

    def __init__(
        self,
        writer: ExclusiveWriter,
        events: OwnEvents,
        *,
        for_all: Writer,
        claims: ClaimTable,
        offer: Callable[[Iterable[Delivery]], None],
    ) -> None:
        super().__init__(writer, for_all=for_all)
        self._events = events
        self._claimed = ClaimedWriter(writer, claims=claims, offer=offer)

    async def forget(
        self, claim: str, put_away: PutAway | None = None, latest: LatestFile | None = None
    ) -> None:
        """Do as `Files.forget`, and tell of a file that failed with the last of it."""
        if put_away is None or put_away.error is None:
            await super().forget(claim, put_away, latest)
            return
        caused = self._events.together(self._events.of_file(put_away))
        unit = partial(_forget_and_tell, claim, put_away, latest, caused)
        try:
            is_done = False
            while not is_done:
                written = self._claimed.write(caused.webhooks, unit, partial(_to_offer, caused))
                # Shielded: a source that is stopped must not cancel what may be committed.
                is_done, _ = await asyncio.shield(written)
        except Exception:
            # The source tries it again, and this is told anew.
            caused.abandoned()
            raise


def _forget_and_tell(
    claim: str,
    put_away: PutAway,
    latest: LatestFile | None,
    caused: Caused,
    connection: Connection,
    claims: TransactionClaims,
) -> tuple[bool, Any]:
    if not forget(connection, claim, put_away, latest):
        return False, None
    return True, caused.store(connection, claims)


def _to_offer(caused: Caused, written: tuple[bool, Any]) -> Sequence[Delivery]:
    is_done, stored = written
    return caused.committed(stored) if is_done else ()
