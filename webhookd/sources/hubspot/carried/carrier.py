"""Observations get what their records carry: of associated records, and of owners.

Every batch of a type of object passes `complete` before it is handed over, whichever way its
records were read. Only of those that differ from what is known (by the time of the modification, or
by what is asked for) it is looked up: the others keep the values they have, so that reading records
again costs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from webhookd import telemetry
from webhookd.definitions.hubspot.hubspot_source import OWNERS
from webhookd.model import text_of
from webhookd.sources.hubspot.carried import blocks, owners
from webhookd.sources.hubspot.carried.associated_records import UnreadableError
from webhookd.sources.polling.left_out import SHOWN, BadRecord
from webhookd.telemetry.events import AssociatedCut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from webhookd.clock import Clock
    from webhookd.definitions import HubspotAssociated, HubspotObject
    from webhookd.model import JsonText, KnownState, Observation
    from webhookd.sources.hubspot.carried.associations import Links
    from webhookd.sources.hubspot.carried.neighbours import Neighbour
    from webhookd.sources.hubspot.carried.owners import OwnerApi, OwnerList
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.polling.checkpoint import Completed
    from webhookd.sources.polling.left_out import LeftOut
    from webhookd.telemetry.figures import PollFigures

    States: TypeAlias = Callable[[Sequence[str]], Awaitable[Mapping[str, KnownState]]]
    Complete: TypeAlias = Callable[[Cursor, Sequence[Observation]], Awaitable[Completed]]

_TOLD_EVERY: Final = 3600.0
_AT_ONCE: Final = 10
"""Records that are read to find the first that is there, once the first of all is not."""


@dataclass(frozen=True, slots=True)
class OwnerReading:
    """The list of owners, and how it is asked for."""

    owners: OwnerList
    api: OwnerApi


class Carrier:
    """Looks up what records of the type *read* carry.

    *neighbours* are the types of records that are associated, by name. *states* is what is known of
    records.
    """

    def __init__(
        self,
        read: HubspotObject,
        *,
        neighbours: Mapping[str, Neighbour],
        owners: OwnerReading | None,
        states: States,
        left_out: LeftOut,
        figures: PollFigures,
        clock: Clock,
    ) -> None:
        self._read = read
        self._neighbours = neighbours
        self._owners = owners
        self._states = states
        self._left_out = left_out
        self._figures = figures
        self._clock = clock
        self._names = read.carried
        self._quiet_until: dict[str, float] = {}

    async def learn(self) -> Mapping[str, Mapping[str, str]]:
        """Look up which properties there are to carry; return their types by type of object.

        Called once an hour, and before the first record is read. PollError where that is refused.
        """
        types = {}
        for name, neighbour in self._neighbours.items():
            types[name] = await neighbour.learn(
                [one for one in self._read.associated if one.object == name]
            )
        return types

    async def begin(self) -> None:
        """Forget what the last poll read, and read owners where an hour has passed.

        PollError where there are none yet.
        """
        for neighbour in self._neighbours.values():
            neighbour.records.begin()
        if self._owners is not None:
            known = self._owners.owners
            await known.refresh(self._owners.api)
            if known.stale is None:
                self._figures.part_read(OWNERS, self._clock.now())
            else:
                self._figures.part_rests(OWNERS, known.stale, self._clock.now())

    def before(self, then: Complete | None) -> Complete:
        """Return what completes a batch: this first, and *then* whatever else does."""

        async def completed(cursor: Cursor, seen: Sequence[Observation]) -> Completed:
            carrying = await self.complete(seen)
            return (carrying, ()) if then is None else await then(cursor, carrying)

        return completed

    async def complete(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        """Return *observations* with what they carry; those are left out that cannot have it.

        PollError where that cannot be found out: then nothing of them may be told.
        """
        there = [one for one in observations if not one.deleted]
        if not there:
            return observations
        states = await self._states([one.record_id for one in there])
        moved = {
            one.record_id: one for one in there if not _is_as_known(one, states.get(one.record_id))
        }
        found = _Found()
        for name, neighbour in self._neighbours.items():
            await self._associate(neighbour, name, list(moved), found)
        await self._own(moved, found)
        self._left_out.note([BadRecord(id_, why) for id_, why in sorted(found.bad.items())])
        return [
            completed
            for one in observations
            if (completed := self._completed(one, moved, states, found)) is not None
        ]

    def _completed(
        self,
        seen: Observation,
        moved: Mapping[str, Observation],
        states: Mapping[str, KnownState],
        found: _Found,
    ) -> Observation | None:
        id_ = seen.record_id
        if seen.deleted:
            return seen
        if id_ not in moved:
            return replace(seen, kept=self._names)
        if id_ in found.bad:
            return None
        if id_ in found.gone:
            # It ended since it was read: what is known of it stays, and its end is told.
            state = states.get(id_)
            is_known = state is not None and not state.is_deleted
            return replace(seen, kept=self._names) if is_known else None
        return replace(seen, properties={**seen.properties, **found.values[id_]})

    async def _associate(
        self, neighbour: Neighbour, name: str, ids: Sequence[str], found: _Found
    ) -> None:
        """Look up what the records *ids* carry of records of another type."""
        if not ids:
            return
        links = await neighbour.links(ids)
        found.gone |= links.gone
        found.bad |= links.bad
        wanted = [id_ for id_ in ids if id_ not in links.gone and id_ not in links.bad]
        for block in self._read.associated:
            if block.object == name:
                await self._take(neighbour, block, wanted, links, found)

    async def _take(
        self,
        neighbour: Neighbour,
        block: HubspotAssociated,
        ids: Sequence[str],
        links: Links,
        found: _Found,
    ) -> None:
        all_ = {id_: blocks.candidates(block, links.of.get(id_, {}).values()) for id_ in ids}
        cut = {id_ for id_ in ids if id_ in links.cut}
        if block.take == "all":
            cut |= {id_ for id_, others in all_.items() if len(others) > blocks.MOST}
        if cut:
            self._tell_cut(block, sorted(cut))
        left = {id_: others[: blocks.MOST] for id_, others in all_.items()}
        at_once = blocks.MOST if block.take == "all" else 1
        while left:
            await neighbour.read(other for others in left.values() for other in others[:at_once])
            for id_, others in list(left.items()):
                try:
                    taken = _there(neighbour, others[:at_once])
                except UnreadableError as error:
                    found.bad[id_] = str(error)
                    del left[id_]
                    continue
                if taken or len(others) <= at_once:
                    found.values[id_] |= blocks.values(block, taken)
                    del left[id_]
                else:
                    left[id_] = others[at_once:]
            at_once = max(at_once, _AT_ONCE)

    async def _own(self, moved: Mapping[str, Observation], found: _Found) -> None:
        """Look up the owners of the records that *moved*."""
        if self._owners is None:
            return
        for id_, seen in moved.items():
            for read in self._read.owners:
                owner_id = text_of(seen.properties.get(read.of, '""'))
                if owner_id:
                    owner = await self._owners.owners.owner(owner_id, self._owners.api)
                    found.values[id_] |= owners.values(read, owner)

    def _tell_cut(self, block: HubspotAssociated, ids: Sequence[str]) -> None:
        now = self._clock.monotonic()
        if now < self._quiet_until.get(block.prefix, now):
            return
        self._quiet_until[block.prefix] = now + _TOLD_EVERY
        telemetry.report(
            AssociatedCut(
                self._figures.source,
                self._read.name,
                block.prefix,
                count=len(ids),
                record_ids=tuple(ids[:SHOWN]),
                most=blocks.MOST,
            )
        )


class _Found:
    """What was found out: the values by record, and of which records none can be told."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, JsonText]] = defaultdict(dict)
        self.gone: set[str] = set()
        self.bad: dict[str, str] = {}


def _there(neighbour: Neighbour, ids: Sequence[str]) -> list[blocks.OtherRecord]:
    """Return those of the records *ids* that are there, each once; UnreadableError of one."""
    found = (neighbour.records.of(id_) for id_ in ids)
    return list({one.id: one for one in found if one is not None}.values())


def _is_as_known(seen: Observation, state: KnownState | None) -> bool:
    """Return whether what the record carries is known: nothing of it moved since that was read."""
    if state is None or state.is_deleted or seen.asked is None or state.asked is None:
        return False
    if state.asked.names != seen.asked.names:
        return False
    at, known_at = seen.modified_at, state.modified_at
    return at is not None and known_at is not None and at <= known_at
