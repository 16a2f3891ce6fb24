"""One poll of one type of object: what is to be read now, in order, each step committed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.sources.hubspot import cursor as cursors
from webhookd.sources.hubspot import first_read, properties, sweeps
from webhookd.sources.hubspot.answers import responses
from webhookd.sources.hubspot.archive import ArchiveReader
from webhookd.sources.hubspot.cursor import Sweep
from webhookd.sources.hubspot.merges import tombstones
from webhookd.sources.hubspot.novelty import unknown_is
from webhookd.sources.hubspot.property_catch_up import catch_up
from webhookd.sources.polling.refusals import nonsense
from webhookd.telemetry.events import PropertiesMissing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import HubspotObject, HubspotSource
    from webhookd.model import Observation
    from webhookd.sources.hubspot.answers.api import Api
    from webhookd.sources.hubspot.answers.pages import Fetcher, Found
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.polling.api_client import ApiAnswer
    from webhookd.sources.polling.checkpoint import Checkpoint
    from webhookd.telemetry.figures import PollFigures


@dataclass(frozen=True, slots=True)
class ReaderDependencies:
    """What the reading of one type of object works with."""

    settings: HubspotSource
    read: HubspotObject
    api: Api
    fetcher: Fetcher
    checkpoint: Checkpoint[Cursor]
    figures: PollFigures
    clock: Clock


class ObjectReader:
    """Reads one type of object. Every step may raise PollError; what was committed stays."""

    def __init__(self, dependencies: ReaderDependencies) -> None:
        self._dependencies = dependencies
        self._behind = sweeps.behind(dependencies.settings.overlap)
        self._timetable = sweeps.Timetable()
        self._archive = ArchiveReader(
            dependencies.settings, dependencies.fetcher, dependencies.checkpoint
        )
        self._refresh_at = 0.0
        self._missing: tuple[str, ...] = ()

    async def poll(self) -> None:
        """Read everything that there is to read now."""
        dependencies = self._dependencies
        date = await self._ask()
        cursor = await dependencies.checkpoint.cursor() or await self._begin(date)
        if cursor.listing is not None:
            cursor = await first_read.read_all(
                dependencies.settings,
                cursor,
                fetcher=dependencies.fetcher,
                checkpoint=dependencies.checkpoint,
                figures=dependencies.figures,
                clock=dependencies.clock,
            )
        cursor = await self._sweep(cursor)
        if dependencies.read.deletions:
            cursor = await self._archive.read(cursor)
        await catch_up(
            cursor,
            fetcher=dependencies.fetcher,
            checkpoint=dependencies.checkpoint,
            figures=dependencies.figures,
            tells_deletions=dependencies.read.deletions,
        )

    async def _ask(self) -> datetime | None:
        """Look up which properties there are, once an hour; return the server's time then."""
        dependencies, now = self._dependencies, self._dependencies.clock.monotonic()
        if now < self._refresh_at:
            return None
        answer = await dependencies.api.properties()
        types = _types(answer)
        dependencies.fetcher.asked = properties.asked(dependencies.read, types)
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
                if date is None:
                    date = (await dependencies.api.properties()).date or dependencies.clock.now()
                since, first_page = _milliseconds(date), ""
                cursor = cursors.beginning(since, listing=first_page)
            case _:
                cursor = cursors.beginning(_milliseconds(start), listing=None)
        cursor = replace(cursor, asked=properties.digest(dependencies.fetcher.asked))
        await dependencies.checkpoint.advance(cursor)
        return cursor

    async def _sweep(self, cursor: Cursor) -> Cursor:
        """Finish the sweep that is under way, or make the one that is due."""
        clock = self._dependencies.clock
        began = clock.monotonic()
        reach = self._timetable.due(began)
        sweep: Sweep | None = cursor.sweep or Sweep(reach, cursor.marks[reach])
        while sweep is not None:
            found = await self._dependencies.fetcher.found(sweep)
            if sweep.began is None:
                sweep = replace(sweep, began=self._server_time(found.date))
            following = sweeps.following(sweep, found.places, has_more=found.has_more)
            ended = cursor.swept(sweep, self._behind)
            cursor = replace(cursor, sweep=following) if following else ended
            observations = await self._observations(found, cursor)
            await self._dependencies.checkpoint.advance(cursor, observations)
            self._note_lag(following.at if following else sweep.began)
            reach, sweep = sweep.reach, following
        now = clock.monotonic()
        self._timetable.done(reach, seconds=now - began, now=now)
        return cursor

    async def _observations(self, found: Found, cursor: Cursor) -> list[Observation]:
        """Return what was *found* as it is now: the index may still have what is archived."""
        dependencies = self._dependencies
        known = await dependencies.checkpoint.known([record.id for record in found.records])
        reading = await dependencies.fetcher.read([id_ for id_, gone in known.items() if gone])
        records = [record for record in found.records if not known.get(record.id)]
        deletions = await tombstones(
            (*found.merged, *reading.merged),
            is_told=dependencies.read.deletions,
            fetcher=dependencies.fetcher,
            checkpoint=dependencies.checkpoint,
        )
        observations = [
            dependencies.fetcher.observation(
                record, unknown_is(dependencies.settings, cursor, record)
            )
            for record in (*records, *reading.found.values())
        ]
        return [*deletions, *observations]

    def _server_time(self, date: datetime | None) -> int:
        # The earlier of the two: a clock that runs ahead would make sweeps begin too late.
        now = self._dependencies.clock.now()
        return _milliseconds(min(date or now, now))

    def _note_lag(self, at: int | None) -> None:
        seen_at, figures = self._dependencies.clock.now(), self._dependencies.figures
        now = _milliseconds(seen_at)
        figures.lag_seconds, figures.lag_at = max(0, now - (at or now)) / 1000, seen_at


def _types(answer: ApiAnswer) -> Mapping[str, str]:
    try:
        return dict(responses.properties(answer.content))
    except TypeError as error:
        raise nonsense(f"the properties cannot be understood: {error}") from None


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
