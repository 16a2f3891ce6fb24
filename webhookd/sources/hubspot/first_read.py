"""The first read: every record that is there, page by page, wherever it was left.

What leads to the next page is stored, and HubSpot may refuse it for ever, or answer with pages that
lead in a circle. Then the read begins anew: what it met is known by then, so that nothing of it is
told a second time, and sweeps begin where they were to begin from the start, so that nothing is
lost. A page may be refused for another reason that passes, and a million records are ten thousand
requests; so that happens only after some polls, and each time after twice as many.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.sources.hubspot import sweeps
from webhookd.sources.hubspot.cursor import CIRCLE, NOWHERE, Reach
from webhookd.sources.hubspot.novelty import unknown_is
from webhookd.sources.polling.refusals import PollError, nonsense
from webhookd.telemetry.events import FirstReadDone, FirstReadProgressed

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import HubspotSource
    from webhookd.sources.hubspot.answers.pages import Fetcher
    from webhookd.sources.hubspot.answers.responses import Page
    from webhookd.sources.hubspot.api_time import ApiTime
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.polling.checkpoint import Checkpoint
    from webhookd.telemetry.figures import PollFigures

PATIENCE: Final = 3
"""Polls that a page may fail in before the read begins anew for the first time."""

_REPORTED_EVERY: Final = 10.0
"""Seconds between two lines of the log about a long first read."""


class FirstRead:
    """Reads the whole list of one type of object, once."""

    def __init__(
        self,
        settings: HubspotSource,
        *,
        fetcher: Fetcher,
        checkpoint: Checkpoint[Cursor],
        figures: PollFigures,
        clock: Clock,
        api_time: ApiTime,
    ) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._checkpoint = checkpoint
        self._figures = figures
        self._clock = clock
        self._api_time = api_time
        self._patience = PATIENCE
        self._dead_end = ""
        self._failures = 0

    async def read_all(self, cursor: Cursor) -> Cursor:
        """Read what is left of the list; return the cursor when all of it is committed."""
        began = reported_at = self._clock.monotonic()
        count, seen, newest = 0, {cursor.listing}, 0
        is_whole = cursor.listing == ""
        while cursor.listing is not None:
            page, date = await self._page(cursor, cursor.listing, seen)
            newest = max([newest, *self._api_time.saw((at for at, _ in page.places), date)])
            seen.add(page.after)
            observations = [
                self._fetcher.observation(
                    one, unknown_is(self._settings, cursor, one, is_first_read=True)
                )
                for one in page.records
            ]
            cursor = replace(cursor, listing=page.after)
            if page.after is None and (is_whole or newest):
                # Where clocks are ahead, the records know better what was there from the start.
                behind = sweeps.behind(self._settings.overlap)[Reach.HOUR]
                mark = (self._api_time.at_least(began) or 0) - behind
                cursor = cursor.listed(newest, max(mark, 0))
            await self._checkpoint.advance(cursor, observations)
            count += len(observations)
            now = self._clock.monotonic()
            if now - reported_at >= _REPORTED_EVERY:
                rate = count / (now - began)
                summary = self._figures.summary()
                telemetry.report(FirstReadProgressed(summary, read=count, per_second=rate))
                reported_at = now
        seconds = self._clock.monotonic() - began
        telemetry.report(FirstReadDone(self._figures.summary(), read=count, seconds=seconds))
        return cursor

    async def _page(
        self, cursor: Cursor, place: str, seen: Collection[str | None]
    ) -> tuple[Page, datetime | None]:
        """Return the page that *place* leads to, and the answer's time."""
        try:
            page, date = await self._fetcher.listed(place)
            if page.after in seen:
                raise nonsense("the list's pages lead in a circle", CIRCLE)
        except PollError as error:
            if place and error.refusal.status in NOWHERE:
                await self._note_dead_end(
                    cursor, CIRCLE if error.refusal.status == CIRCLE else place
                )
            raise
        return page, date

    async def _note_dead_end(self, cursor: Cursor, dead_end: str) -> None:
        """Count that the read came no further; where it stays so, let it begin anew.

        A circle is one dead end, at whichever of its pages it is noticed.
        """
        self._failures = self._failures + 1 if dead_end == self._dead_end else 1
        self._dead_end = dead_end
        if self._failures >= self._patience:
            self._patience, self._failures = self._patience * 2, 0
            await self._checkpoint.advance(replace(cursor, listing=""))
