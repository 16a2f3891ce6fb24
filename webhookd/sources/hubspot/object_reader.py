"""One poll of one type of object: what is to be read now, in order, each step committed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.sources.hubspot import cursor as cursors
from webhookd.sources.hubspot import properties, sweeps
from webhookd.sources.hubspot.api_time import ApiTime, milliseconds
from webhookd.sources.hubspot.cursor import Reach, Sweep
from webhookd.sources.hubspot.deletions.archive import ArchiveReader
from webhookd.sources.hubspot.deletions.erasures import Erasures
from webhookd.sources.hubspot.deletions.merges import MERGED, Merges
from webhookd.sources.hubspot.first_read import FirstRead
from webhookd.sources.hubspot.novelty import unknown_is
from webhookd.sources.hubspot.property_catch_up import catch_up
from webhookd.telemetry.events import PropertiesMissing

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import HubspotObject, HubspotSource
    from webhookd.model import Observation
    from webhookd.sources.hubspot.answers.api import Api
    from webhookd.sources.hubspot.answers.pages import Fetcher, Found
    from webhookd.sources.hubspot.api_time import ClockWatch
    from webhookd.sources.hubspot.carried.carrier import Carrier
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.hubspot.lists.all_lists import AllLists
    from webhookd.sources.polling.checkpoint import Checkpoint
    from webhookd.telemetry.figures import PollFigures


PAGES_AT_ONCE: Final = 400
"""Pages of a sweep that one poll reads: deletions must not wait for millions of changes."""

_CLOCKS_DIFFER_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class ReaderDependencies:
    """What the reading of one type of object works with."""

    settings: HubspotSource
    read: HubspotObject
    api: Api
    fetcher: Fetcher
    checkpoint: Checkpoint[Cursor]
    lists: AllLists
    carrier: Carrier | None
    figures: PollFigures
    clock: Clock
    watch: ClockWatch


class ObjectReader:
    """Reads one type of object. Every step may raise PollError; what was committed stays."""

    def __init__(self, dependencies: ReaderDependencies) -> None:
        self._dependencies = dependencies
        self._behind = sweeps.behind(dependencies.settings.overlap)
        self._timetable = sweeps.Timetable()
        self._api_time = ApiTime(dependencies.clock, dependencies.watch)
        self._sweep_began = _Beginning()
        fetcher, checkpoint = dependencies.fetcher, dependencies.checkpoint
        self._first_read = FirstRead(
            dependencies.settings,
            fetcher=fetcher,
            checkpoint=checkpoint,
            figures=dependencies.figures,
            clock=dependencies.clock,
            api_time=self._api_time,
        )
        self._merges = Merges(dependencies.read, fetcher, checkpoint)
        self._archive = ArchiveReader(dependencies.settings, fetcher, checkpoint, self._merges)
        self._erasures = Erasures(
            dependencies.settings,
            dependencies.read,
            fetcher,
            checkpoint,
            clock=dependencies.clock,
        )
        self._refresh_at = 0.0
        self._missing: tuple[str, ...] = ()

    def wake_lists(self) -> None:
        """End the rests of lists: somebody may have mended what they were refused for."""
        self._dependencies.lists.wake()

    async def poll(self) -> None:
        """Read everything that is new."""
        dependencies = self._dependencies
        if dependencies.carrier is not None:
            await dependencies.carrier.begin()
        date = await self._ask()
        cursor = await dependencies.checkpoint.cursor() or await self._begin(date)
        await dependencies.lists.first_passes()
        if cursor.listing is not None:
            cursor = await self._first_read.read_all(cursor)
        cursor = await self._sweep(cursor)
        if dependencies.read.reads_archive:
            cursor = await self._archive.read(cursor)
        cursor = await self._erasures.look(cursor)
        cursor = await catch_up(
            cursor,
            fetcher=dependencies.fetcher,
            checkpoint=dependencies.checkpoint,
            figures=dependencies.figures,
            merges=self._merges,
            carries=dependencies.carrier is not None,
        )
        await dependencies.lists.read(cursor)

    async def _ask(self) -> datetime | None:
        """Look up which properties there are, once an hour; return the server's time then."""
        dependencies, now = self._dependencies, self._dependencies.clock.monotonic()
        if now < self._refresh_at:
            return None
        answer = await dependencies.api.properties()
        types = properties.types(answer)
        carrier = dependencies.carrier
        of_others = {} if carrier is None else await carrier.learn()
        beside = {MERGED} if dependencies.read.deletions else set()
        dependencies.fetcher.ask_for(
            properties.asked(dependencies.read, types, of_others), frozenset(beside & types.keys())
        )
        missing = properties.missing(dependencies.read, types)
        if missing and missing != self._missing:
            telemetry.report(
                PropertiesMissing(
                    dependencies.figures.source, dependencies.figures.object, tuple(missing)
                )
            )
        self._missing = missing
        self._refresh_at = now + properties.REFRESHED_EVERY
        return answer.date

    async def _begin(self, date: datetime | None) -> Cursor:
        """Commit the first cursor: where reading starts is settled before anything is read."""
        dependencies, start = self._dependencies, self._dependencies.settings.start
        match start:
            case "now" | "beginning":
                date = date or (await dependencies.api.properties()).date
                now = milliseconds(dependencies.watch.earlier(date))
                mark = max(now - self._behind[Reach.HOUR], 0)
                since = now if start == "beginning" else await self._newest(now)
                cursor = cursors.beginning(since, mark=mark, listing="")
            case _:
                since = milliseconds(start)
                cursor = cursors.beginning(since, mark=since, listing=None)
        cursor = replace(cursor, asked=properties.digest(dependencies.fetcher.asked))
        await dependencies.checkpoint.advance(cursor)
        return cursor

    async def _newest(self, now: int) -> int:
        """Return *now*, or when the newest record was modified: clocks may be behind it."""
        sweep: Sweep | None = Sweep(Reach.FRESH, now + _CLOCKS_DIFFER_MS)
        newest = now
        for _ in range(PAGES_AT_ONCE):
            if sweep is None:
                break
            found = await self._dependencies.fetcher.found(sweep)
            newest = max([newest, *self._api_time.saw((at for at, _ in found.places), found.date)])
            sweep = sweeps.following(sweep, found.places, has_more=found.has_more)
        return newest

    async def _sweep(self, cursor: Cursor) -> Cursor:
        """Go on with the sweep that is under way, or make the one that is due."""
        clock = self._dependencies.clock
        began = clock.monotonic()
        reach = self._timetable.due(began)
        sweep: Sweep | None = cursor.sweep
        if sweep is None:
            sweep, self._sweep_began = Sweep(reach, cursor.marks[reach]), _Beginning(began)
        for _ in range(PAGES_AT_ONCE):
            found = await self._dependencies.fetcher.found(sweep)
            self._api_time.saw((at for at, _ in found.places), found.date)
            sweep = replace(sweep, began=self._began(sweep, found.date))
            following = sweeps.following(sweep, found.places, has_more=found.has_more)
            ended = cursor.swept(sweep, self._behind)
            cursor = replace(cursor, sweep=following) if following else ended
            observations = await self._observations(found, cursor)
            await self._dependencies.checkpoint.advance(cursor, observations)
            self._note_lag(following)
            if following is None:
                now = clock.monotonic()
                self._timetable.done(sweep.reach, seconds=now - began, now=now)
                break
            sweep = following
        return cursor

    def _began(self, sweep: Sweep, date: datetime | None) -> int | None:
        """Return what HubSpot's time was when *sweep* began, as far as is known by now."""
        beginning = self._sweep_began
        if beginning.at is None:  # by a daemon before this one
            return sweep.began
        if beginning.latest is None:
            beginning.latest = milliseconds(self._dependencies.watch.earlier(date))
        at_least = self._api_time.at_least(beginning.at)
        return None if at_least is None else min(at_least, beginning.latest)

    async def _observations(self, found: Found, cursor: Cursor) -> list[Observation]:
        """Return what was *found* as it is now: the index may still have what is archived.

        That may be a record which is known as deleted, or one from before the beginning.
        """
        dependencies = self._dependencies
        known = await dependencies.checkpoint.known([record.id for record in found.records])
        doubtful = {
            record.id
            for record in found.records
            if known.get(record.id, (record.modified or 0) <= cursor.since)
        }
        reading = await dependencies.fetcher.read(sorted(doubtful))
        records = [record for record in found.records if record.id not in doubtful]
        records += reading.found.values()
        deletions = await self._merges.tombstones(records, {**found.merged, **reading.merged})
        observations = [
            dependencies.fetcher.observation(
                record, unknown_is(dependencies.settings, cursor, record)
            )
            for record in records
        ]
        return [*deletions, *observations]

    def _note_lag(self, under_way: Sweep | None) -> None:
        seen_at = self._dependencies.clock.now()
        behind = 0 if under_way is None else milliseconds(seen_at) - under_way.at
        self._dependencies.figures.note_lag(behind / 1000, seen_at)


@dataclass(slots=True)
class _Beginning:
    """When the sweep under way began.

    That is *at* by the clock that never jumps, and at the *latest* by the others. *at* is None when
    an earlier daemon began it.
    """

    at: float | None = None
    latest: int | None = None
