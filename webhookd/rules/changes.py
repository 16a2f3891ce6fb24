"""What a sighting of a record changes: the known record and the observation, compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.model import Change, ChangeKind, KnownRecord, marked

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.model import Asked, Observation, Properties


@dataclass(slots=True)
class Noticed:
    """What an observation led to.

    *known* is the state to store, None when what is stored stays; *change* is what there is
    to report, None when that is nothing.
    """

    known: KnownRecord | None = None
    change: Change | None = None


NOTHING = Noticed()

_NO_INSTANTS: frozenset[str] = frozenset()


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
    change = _change(
        ChangeKind.DELETED, seen, last, last, asked=known.asked, source=source, seen_at=seen_at
    )
    return Noticed(tombstone, change)


def _notice_presence(
    known: KnownRecord | None, seen: Observation, source: str, seen_at: datetime
) -> Noticed:
    if known is not None and _is_as_known(known, seen):
        return NOTHING
    properties = _properties(known, seen)
    present = KnownRecord(properties, _modified_at(known, seen), seen.deleted, seen.asked)
    kind: ChangeKind | None
    previous: Properties | None
    if known is None:
        kind, previous = seen.unknown_is, None
    elif known.deleted:
        kind, previous = ChangeKind.CREATED, None
    else:
        previous = _comparable(known, seen)
        kind = ChangeKind.UPDATED if _differs(previous, properties, seen) else None
    if kind is None:
        return NOTHING if present == known else Noticed(present)
    change = _change(
        kind, seen, properties, previous, asked=seen.asked, source=source, seen_at=seen_at
    )
    return Noticed(present, change)


def _is_as_known(known: KnownRecord, seen: Observation) -> bool:
    """Say whether nothing is to be stored: found out at once for the many that are as they were."""
    return (
        known.properties == seen.properties
        and not (known.deleted or seen.is_partial)
        and (seen.modified_at is None or seen.modified_at == known.modified_at)
        and known.asked == seen.asked
    )


def _properties(known: KnownRecord | None, seen: Observation) -> Properties:
    """Return all properties that the record now has: a partial sighting adds to the known ones."""
    if known is None or known.deleted:
        return seen.properties
    if not seen.is_partial:
        kept = {name: known.properties[name] for name in seen.kept if name in known.properties}
        return {**seen.properties, **kept} if kept else seen.properties
    kept = {name: value for name, value in known.properties.items() if name not in seen.cleared}
    return kept | dict(seen.properties)


def _comparable(known: KnownRecord, seen: Observation) -> Properties:
    """Return the values before, as far as they can be compared with those of *seen*.

    What is asked for the first time is taken over, and what is asked no more is left out. A source
    that asks for nothing gives all there is; what that has not may have been asked for by a name
    that only the question had.
    """
    before, asked, was = known.properties, seen.asked, known.asked
    if asked is was or (asked is not None and was is not None and asked.names == was.names):
        return before
    there = seen.properties.keys() if asked is None else asked.names
    kept = {name: value for name, value in before.items() if name in there}
    if was is None:
        return kept
    others = _others(was, asked)
    new = {
        name: value
        for name, value in seen.properties.items()
        if (name not in was.names or name.startswith(others))
        and (asked is None or name in asked.names)
    }
    return {name: value for name, value in kept.items() if not name.startswith(others)} | new


def _others(was: Asked, asked: Asked | None) -> tuple[str, ...]:
    """Return what those properties begin with that are found in another way than they were."""
    return () if asked is None else tuple(map(marked, asked.marks - was.marks))


def _differs(before: Properties, now: Properties, seen: Observation) -> bool:
    unwatched = seen.unwatched if seen.asked is None else seen.unwatched | seen.asked.unwatched
    if before == now or not unwatched:
        return before != now
    names = (before.keys() | now.keys()) - unwatched
    return any(before.get(name) != now.get(name) for name in names)


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
    asked: Asked | None,
    source: str,
    seen_at: datetime,
) -> Change:
    # By position: with names, a class takes three times as long to make a value.
    return Change(
        kind,
        source,
        seen.object,
        seen.record_id,
        properties,
        previous,
        seen.occurred_at or seen.modified_at or seen_at,
        _NO_INSTANTS if asked is None else asked.instants,
        seen.deletion,
    )
