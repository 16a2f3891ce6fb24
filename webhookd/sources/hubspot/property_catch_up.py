"""Properties that are asked for the first time: known records are read again, in silence.

Each known record remembers what was asked when it was read (`model.Asked`), so that its new
properties are no change; once all have been read again, every later change of them is one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.sources.hubspot.cursor import CatchUp
from webhookd.sources.hubspot.properties import digest
from webhookd.telemetry.events import PropertiesTakenOver

if TYPE_CHECKING:
    from webhookd.sources.hubspot.answers.pages import Fetcher
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.hubspot.deletions.merges import Merges
    from webhookd.sources.polling.checkpoint import Checkpoint
    from webhookd.telemetry.figures import PollFigures

READS_AT_ONCE: Final = 40
"""Batch reads of one poll: what changed must not wait for millions of records."""

_CHUNK: Final = 100
_CARRYING_CHUNK: Final = 1000
"""Records whose associations one request asks for."""


async def catch_up(
    cursor: Cursor,
    *,
    fetcher: Fetcher,
    checkpoint: Checkpoint[Cursor],
    figures: PollFigures,
    merges: Merges,
    carries: bool,
) -> Cursor:
    """Read the next slice of the known records that lack a property, if any do.

    Where a record *carries* something from elsewhere, more of them are read at once.
    """
    asked = digest(fetcher.asked)
    if cursor.asked == asked:
        return cursor
    done, count = cursor.takeover or CatchUp(), 0
    chunk = _CARRYING_CHUNK if carries else _CHUNK
    for _ in range(READS_AT_ONCE * _CHUNK // chunk):
        ids = await checkpoint.outdated(fetcher.asked.names, after=done.after, limit=chunk)
        if not ids:
            cursor = replace(cursor, asked=asked, takeover=None)
            await checkpoint.advance(cursor)
            if done.after:
                telemetry.report(PropertiesTakenOver(figures.summary(), read=count))
            return cursor
        done = CatchUp(ids[-1])
        reading = await fetcher.read(ids)
        deletions = await merges.tombstones(reading.found.values(), reading.merged)
        records = [fetcher.observation(one, None) for one in reading.found.values()]
        cursor = replace(cursor, takeover=done)
        await checkpoint.advance(cursor, [*deletions, *records])
        count += len(records)
    return cursor
