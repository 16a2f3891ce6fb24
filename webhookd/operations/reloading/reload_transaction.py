"""The transaction of a reload: a comparison with what is known, and lanes brought in line.

It runs on the writer's thread while no reply is judged, and as the only one of a fleet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd import telemetry
from webhookd.operations.reloading.reload_refusals import (
    refuse_other_identities,
    refuse_with_older_daemons,
)
from webhookd.operations.reloading.timers_in_line import bring_timers_in_line
from webhookd.storage.deliveries import lanes
from webhookd.storage.fleet import members
from webhookd.storage.records import known_records
from webhookd.storage.webhooks.starts import recall
from webhookd.telemetry.events import MomentsFired

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from webhookd.definitions import Definitions
    from webhookd.delivery.caused_events import Caused, CausedEvents
    from webhookd.delivery.claims import TransactionClaims
    from webhookd.model import Delivery
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.deliveries.lanes import LaneRow

_LIFTED: Final = "its request was changed"


@dataclass(frozen=True, slots=True)
class BroughtInLine:
    """What the transaction left: the lanes, the late starts of those with a rate limit, and more.

    *dropped* counts, by webhook, the records that waited and are not looked at any more.
    """

    rows: list[LaneRow]
    starts: dict[str, list[datetime]]
    dropped: Mapping[str, int]
    caused: Caused
    stored: Any

    def committed(self) -> Sequence[Delivery]:
        """Report what was dropped, and return what is to be offered; on the event loop."""
        for webhook, number in self.dropped.items():
            telemetry.report(MomentsFired(webhook, {"dropped": number}))
        return self.caused.committed(self.stored)


def _bring_in_line(
    connection: Connection,
    definitions: Definitions,
    remembered: AbstractSet[str],
    configured: Iterable[lanes.ConfiguredLane],
    before: Definitions | None,
    now: datetime,
) -> tuple[list[LaneRow], dict[str, list[datetime]], dict[str, int]]:
    """Compare with what the database knows, and bring it in line, in one transaction.

    The lanes that are *remembered* know their late starts better than the disk, where some are
    still to come.
    """
    refuse_other_identities(definitions, known_records.identities(connection))
    for source in definitions.sources.values():
        known_records.introduce(connection, source.name, source.identity)
    refuse_with_older_daemons(connection, definitions)
    rows = lanes.adopt(connection, configured, now)
    dropped = bring_timers_in_line(connection, definitions, before, rows, now)
    members.set_config(connection, definitions.hash)
    paced = {
        webhook.name for webhook in definitions.webhooks.values() if webhook.delivery.rate_limit
    }
    starts = {
        row.webhook: recall(connection, row.number, now)
        for row in rows
        if row.webhook in paced - remembered
    }
    return rows, starts, dropped


def write(
    connection: Connection,
    definitions: Definitions,
    remembered: AbstractSet[str],
    configured: Iterable[lanes.ConfiguredLane],
    before: Definitions | None,
    now: datetime,
    events: CausedEvents,
    claims: TransactionClaims,
) -> BroughtInLine:
    """Bring the database in line, and tell of webhooks whose 410's hold that lifted."""
    gone = lanes.gone(connection)
    rows, starts, dropped = _bring_in_line(
        connection, definitions, remembered, configured, before, now
    )
    lifted = [row.webhook for row in rows if row.webhook in gone and row.gone_reason is None]
    announcements = [
        announcement
        for webhook in lifted
        for announcement in events.of_webhook("webhook.resumed", webhook, _LIFTED, definitions)
    ]
    caused = events.together(announcements)
    return BroughtInLine(rows, starts, dropped, caused, caused.store(connection, claims))
