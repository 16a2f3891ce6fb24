"""What a sighting of a record changes: the known record and the observation, compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.model import Change, ChangeKind, KnownRecord

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.model import Observation, Properties


@dataclass(frozen=True, slots=True)
class Noticed:
    """What an observation led to.

    *known* is the state to store, None when what is stored stays; *change* is what there is
    to report, None when that is nothing.
    """

    known: KnownRecord | None = None
    change: Change | None = None


NOTHING = Noticed()


def notice(
    known: KnownRecord | None, seen: Observation, *, source: str, seen_at: datetime
) -> Noticed:
    """Return what to store and what to report after *seen*, given what was *known*."""
    if known is not None and _is_older(seen, known):
        return NOTHING
    if seen.deleted:
        return _notice_absence(known, seen, source, seen_at)
    return _notice_presence(known, seen, source, seen_at)


def _notice_absence(
    known: KnownRecord | None, seen: Observation, source: str, seen_at: datetime
) -> Noticed:
    tombstone = KnownRecord({}, _modified_at(known, seen), deleted=True)
    if known is None:
        return Noticed(tombstone)
    if known.deleted:
        return NOTHING if tombstone == known else Noticed(tombstone)
    last = known.properties
    return Noticed(
        tombstone, _change(ChangeKind.DELETED, seen, last, last, source=source, seen_at=seen_at)
    )


def _notice_presence(
    known: KnownRecord | None, seen: Observation, source: str, seen_at: datetime
) -> Noticed:
    present = KnownRecord(seen.properties, _modified_at(known, seen))
    if known is None or known.deleted:
        kind, previous = ChangeKind.CREATED, None
    elif known.properties != seen.properties:
        kind, previous = ChangeKind.UPDATED, known.properties
    else:
        return NOTHING if present.modified_at == known.modified_at else Noticed(present)
    change = _change(kind, seen, seen.properties, previous, source=source, seen_at=seen_at)
    return Noticed(present, change)


def _is_older(seen: Observation, known: KnownRecord) -> bool:
    """Say whether *seen* is certainly a state from before the known one."""
    return (
        seen.modified_at is not None
        and known.modified_at is not None
        and seen.modified_at < known.modified_at
    )


def _modified_at(known: KnownRecord | None, seen: Observation) -> datetime | None:
    # A sighting without a time (most deletions) must not forget the time that is known:
    # an older state that turns up later would then pass for a new one.
    return seen.modified_at or (None if known is None else known.modified_at)


def _change(
    kind: ChangeKind,
    seen: Observation,
    properties: Properties,
    previous: Properties | None,
    *,
    source: str,
    seen_at: datetime,
) -> Change:
    return Change(
        kind=kind,
        source=source,
        object=seen.object,
        record_id=seen.record_id,
        properties=properties,
        previous=previous,
        occurred_at=seen.modified_at or seen_at,
    )
