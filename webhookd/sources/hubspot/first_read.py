"""The first read: every record that is there, page by page, wherever it was left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.sources.hubspot import sweeps
from webhookd.sources.hubspot.cursor import Reach
from webhookd.sources.hubspot.novelty import unknown_is
from webhookd.sources.polling.refusals import nonsense
from webhookd.telemetry.events import FirstReadDone, FirstReadProgressed

if TYPE_CHECKING:
    from webhookd.clock import Clock
    from webhookd.definitions import HubspotSource
    from webhookd.sources.hubspot.answers.pages import Fetcher
    from webhookd.sources.hubspot.api_time import ApiTime
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.polling.checkpoint import Checkpoint
    from webhookd.telemetry.figures import PollFigures

_REPORTED_EVERY: Final = 10.0
"""Seconds between two lines of the log about a long first read."""


async def read_all(
    settings: HubspotSource,
    cursor: Cursor,
    *,
    fetcher: Fetcher,
    checkpoint: Checkpoint[Cursor],
    figures: PollFigures,
    clock: Clock,
    api_time: ApiTime,
) -> Cursor:
    """Read what is left of the list; return the cursor when all of it is committed."""
    began = reported_at = clock.monotonic()
    count, seen, newest = 0, {cursor.listing}, 0
    is_whole = cursor.listing == ""
    while cursor.listing is not None:
        page, date = await fetcher.listed(cursor.listing)
        newest = max([newest, *api_time.saw((at for at, _ in page.places), date)])
        if page.after in seen:
            raise nonsense("the list's pages lead in a circle")
        seen.add(page.after)
        observations = [
            fetcher.observation(one, unknown_is(settings, cursor, one, is_first_read=True))
            for one in page.records
        ]
        cursor = replace(cursor, listing=page.after)
        if page.after is None and (is_whole or newest):
            # Where clocks are ahead, the records know better what was there from the start.
            mark = (api_time.at_least(began) or 0) - sweeps.behind(settings.overlap)[Reach.HOUR]
            cursor = cursor.listed(newest, max(mark, 0))
        await checkpoint.advance(cursor, observations)
        count += len(observations)
        now = clock.monotonic()
        if now - reported_at >= _REPORTED_EVERY:
            telemetry.report(
                FirstReadProgressed(figures.summary(), read=count, per_second=count / (now - began))
            )
            reported_at = now
    telemetry.report(
        FirstReadDone(figures.summary(), read=count, seconds=clock.monotonic() - began)
    )
    return cursor
