"""What one pass of a member reads of its fleet: one transaction, on the writer's thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.storage.deliveries import lanes, record_order
from webhookd.storage.deliveries.due import owned
from webhookd.storage.fleet import members, shares

if TYPE_CHECKING:
    from webhookd.fleet.database_clock import SharedClock
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.deliveries.lanes import LaneRow
    from webhookd.storage.fleet.members import Daemon, Expired


@dataclass(frozen=True, slots=True)
class FleetPass:
    """What one pass read of the fleet.

    *owned* are the deliveries that are this daemon's: ids, each with its lane, and whether the
    delivery is open.
    """

    expired: tuple[Expired, ...]
    freed: frozenset[int]
    daemons: tuple[Daemon, ...]
    rows: tuple[LaneRow, ...]
    contested: frozenset[int]
    owned: tuple[tuple[str, int, bool], ...]
    is_ordering_unfinished: bool


def read(connection: Connection, *, shared_clock: SharedClock, may_expire: bool) -> FleetPass:
    """Set *shared_clock*, expire members where that may be, and return what the fleet is then."""
    shared_clock.compare(connection)
    # Expired first: what they had may be free in the same transaction.
    expired = members.expire(connection) if may_expire else []
    return FleetPass(
        tuple(expired),
        members.free(connection),
        tuple(members.daemons(connection)),
        tuple(lanes.all_rows(connection)),
        shares.contested(connection),
        tuple(owned(connection)),
        record_order.is_unfinished(connection),
    )
