"""What is waited for of a record: changes that join one another until the wait is over.

Pure: a record that waits, and the next of its changes, make what waits then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from webhookd.definitions import Enroll, Trigger
from webhookd.model import OBSERVED, Change, ChangeKind
from webhookd.rules.coalescing import Untold, followed_by, told, untold

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.definitions import Wait
    from webhookd.model import Deletion, KnownRecord, Properties


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that waits until *at*, since *first_at*.

    *untold* is what its receiver has not been told, *occurred_at* when the last of it happened.
    *last* are the last properties of a record that was deleted meanwhile, *deletion* is how.
    """

    at: datetime
    first_at: datetime
    untold: Untold
    occurred_at: datetime
    last: Properties | None = None
    deletion: Deletion | None = None


def followed(
    waiting: Waiting | None,
    change: Change,
    wait: Wait,
    now: datetime,
    *,
    fires: bool,
    tells_deletions: bool,
) -> Waiting | None:
    """Return what waits of a record behind *change*, given what was *waiting* before it.

    *fires* says whether the trigger takes the change; *tells_deletions* whether it takes any.
    """
    is_deletion = change.kind is ChangeKind.DELETED
    if waiting is None:
        if not fires:
            return None
        return Waiting(
            end_of(wait, now, now),
            now,
            untold(change),
            change.occurred_at,
            last=change.properties if is_deletion else None,
            deletion=change.deletion,
        )
    if is_deletion:
        # Nobody was told of a record that was created within the wait, and nobody need be.
        if waiting.untold.is_new or not tells_deletions:
            return None
    elif not fires:
        return waiting
    return replace(
        waiting,
        at=end_of(wait, waiting.first_at, now) if fires else waiting.at,
        untold=followed_by(waiting.untold, untold(change)),
        occurred_at=change.occurred_at,
        last=change.properties if is_deletion else None,
        deletion=change.deletion,
    )


def end_of(wait: Wait, first_at: datetime, now: datetime) -> datetime:
    """Return when a wait ends whose first change came at *first_at*, and whose last comes *now*."""
    if wait.since == "first":
        return first_at + wait.length
    end = now + wait.length
    return end if wait.at_most is None else min(end, first_at + wait.at_most)


def ended(
    waiting: Waiting,
    known: KnownRecord | None,
    *,
    source: str,
    object_: str,
    record_id: str,
) -> Change | None:
    """Return the change to report of a record whose wait is over, as the record is then.

    None when there is nothing to report: the record is gone, and its deletion did not wait. A
    deletion that waited is reported with the last properties of before, whatever the record is now:
    its trigger took nothing that came after.
    """
    properties = waiting.last
    if properties is None:
        if known is None or known.deleted:
            return None
        properties = known.properties
    asked = None if known is None else known.asked
    change = Change(
        kind=waiting.untold.kind,
        source=source,
        object=object_,
        record_id=record_id,
        properties=properties,
        previous=None,
        occurred_at=waiting.occurred_at,
        instants=frozenset() if asked is None else asked.instants,
        deletion=waiting.deletion,
    )
    return told(change, waiting.untold)


@lru_cache(maxsize=1000)
def trigger_at_the_end(trigger: Trigger) -> Trigger:
    """Return what decides at the end of a wait: `while`, and whether the record was told before.

    What the change itself had to meet was looked at when it came.
    """
    enroll = Enroll.ONCE if trigger.enroll is Enroll.ONCE else Enroll.EVERY_CHANGE
    return Trigger(OBSERVED, when=trigger.still, enroll=enroll)
