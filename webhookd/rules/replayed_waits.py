"""Waits of records, followed through changes that are known: what is told at the end of each.

Of a record that waits only what `while` looks at is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from webhookd.model import Asked, ChangeKind, KnownRecord
from webhookd.rules import trigger as triggers
from webhookd.rules import usage, waits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from webhookd.definitions import Trigger, Wait
    from webhookd.model import Change, JsonText

Begun = TypeVar("Begun")


@dataclass(frozen=True, slots=True)
class EndedWait(Generic[Begun]):
    """A wait that is over, and what it began with; *kind* is what is told, None when nothing is."""

    begun_by: Begun
    record_id: str
    kind: ChangeKind | None = None


@dataclass(slots=True)
class _Record(Generic[Begun]):
    """A record that waits, as it was seen last."""

    begun_by: Begun
    waiting: waits.Waiting
    known: KnownRecord


class ReplayedWaits(Generic[Begun]):
    """The waits of one webhook's records; each is known by whatever its user began it with."""

    def __init__(self, trigger: Trigger, wait: Wait) -> None:
        self._wait = wait
        self._at_the_end = waits.trigger_at_the_end(trigger)
        self._looked_at = frozenset(usage.of_trigger(self._at_the_end))
        self._tells_deletions = ChangeKind.DELETED in trigger.changes
        self._records: dict[str, _Record[Begun]] = {}

    def is_under_way(self, record_id: str) -> bool:
        """Return whether a record waits."""
        return record_id in self._records

    def ended(self, change: Change, now: datetime) -> Iterator[EndedWait[Begun]]:
        """Yield the wait of a record that ended before its *change*, seen *now*."""
        there = self._records.get(change.record_id)
        if there is not None and there.waiting.at <= now:
            yield self._end(change.record_id, there)

    def follow(
        self, change: Change, now: datetime, begun_by: Begun, *, fires: bool
    ) -> Iterator[EndedWait[Begun]]:
        """Have a change begin a wait, or join one; yield a wait that was for nothing."""
        there = self._records.pop(change.record_id, None)
        if there is None and not fires:
            return
        known = self._known(change)
        waiting = waits.followed(
            None if there is None else there.waiting,
            replace(change, properties=known.properties, previous=None),
            self._wait,
            now,
            fires=fires,
            tells_deletions=self._tells_deletions,
        )
        begun_by = begun_by if there is None else there.begun_by
        if waiting is None:
            yield EndedWait(begun_by, change.record_id)
        else:
            self._records[change.record_id] = _Record(begun_by, waiting, known)

    def end_all(self) -> Iterator[EndedWait[Begun]]:
        """Yield all waits that are under way, as if each ended with what is known of its record."""
        for record_id, one in list(self._records.items()):
            yield self._end(record_id, one)

    def _end(self, record_id: str, one: _Record[Begun]) -> EndedWait[Begun]:
        self._records.pop(record_id, None)
        change = waits.ended(one.waiting, one.known, source="", object_="", record_id=record_id)
        if change is None or not triggers.fires(self._at_the_end, change, one.waiting.at):
            return EndedWait(one.begun_by, record_id)
        return EndedWait(one.begun_by, record_id, change.kind)

    def _known(self, change: Change) -> KnownRecord:
        kept: dict[str, JsonText] = {
            name: change.properties[name] for name in self._looked_at & change.properties.keys()
        }
        is_deleted = change.kind is ChangeKind.DELETED
        return KnownRecord(kept, deleted=is_deleted, asked=Asked(frozenset(), change.instants))
