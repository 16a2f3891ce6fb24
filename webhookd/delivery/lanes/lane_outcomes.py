"""What the outcome of one attempt means for the whole lane, as values.

    outcome               delivery is due    row of the lane          what waits in memory
    delivered, given up   never              -                        -
    retry                 at its time        -                        -
    retry, lane paused    at its time        quiet until that time    unloaded
    held (410)            when it is lifted  on hold, as gone         unloaded

`Lane.ended` applies the row at once, `Lane.settled` the rest when the settlement is on the disk.
`storage.deliveries.settle` writes the same for the row; the two must agree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.model import Delivered, GivenUp, Held, RetryAt

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.model import Settlement
    from webhookd.storage.deliveries.lanes import LaneRow


def row_after(row: LaneRow, settlement: Settlement) -> LaneRow:
    """Return a lane's row after an attempt: on hold, quiet for a while, or as it was."""
    match settlement.outcome:
        case Held(why=why):
            since = row.held_since or settlement.ended_at
            return replace(row, gone_reason=why, held_since=since)
        case RetryAt(lane_paused_until=until) if until is not None:
            # Of two attempts that ended close together, the longer pause holds.
            return replace(row, quiet_until=max(until, row.quiet_until or until))
        case _:
            return row


def changes_lane(settlement: Settlement) -> bool:
    """Return whether an attempt's outcome is one for its whole lane."""
    match settlement.outcome:
        case Delivered() | GivenUp():
            return False
        case Held():
            return True
        case RetryAt(lane_paused_until=until):
            return until is not None


def due_again(settlement: Settlement) -> datetime | None:
    """Return when a delivery is due after an attempt; None when that was its last."""
    match settlement.outcome:
        case Delivered() | GivenUp():
            return None
        case RetryAt(when=when):
            return when
        case Held():
            # Due when the hold ends; `due_at` returns nothing until then.
            return settlement.ended_at
