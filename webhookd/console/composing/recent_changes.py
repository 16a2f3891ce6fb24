"""The changes that drafts are held against: the newest of an object, or those of a week.

Whoever writes a webhook looks at it at every pause; the journal is read once for all of that, and
kept for half a minute. A week is read when somebody asks for it. Used on the event loop; what
computes long runs on a thread.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from webhookd import clock
from webhookd.rules.journaled_changes import JournalWalk, all_replayed
from webhookd.rules.replay import Listener, Replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from webhookd.console.daemon_link import DaemonLink
    from webhookd.definitions import Webhook
    from webhookd.rules.replay import Replayed, Tally

MOST: Final = 5_000
PAGE: Final = 1_000
MOST_PAGES: Final = 16
"""A page is about 1 MiB at the most, whatever it was asked for."""
SECONDS: Final = 30.0
LONGEST: Final = 1.0
"""Seconds that one draft is held against changes: a preview is asked for at every pause."""
OBJECTS_KEPT: Final = 2
WEEK: Final = timedelta(days=7)
LONGEST_REPLAY: Final = 10.0
"""Seconds for a week of changes, which a person waits for."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest changes of an object, oldest first, and the properties that its records have.

    *left_out* is how many more there were of it in that time, which the journal did not keep.
    """

    changes: tuple[Replayed, ...]
    properties: tuple[dict[str, Any], ...]
    left_out: int = 0

    @property
    def since(self) -> datetime | None:
        """Return when the first of them was seen."""
        return self.changes[0].seen_at if self.changes else None


@dataclass(frozen=True, slots=True)
class Week:
    """What a draft would have made of the changes of seven days.

    *left_out* is how many more its source saw, which the journal did not keep. *until* is when the
    last of them was seen that there was time for, None where that was all.
    """

    tally: Tally
    left_out: int
    until: datetime | None


class RecentChanges:
    """Keeps the newest changes of the objects that were asked for last."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[float, Recent]] = {}
        self._reading = asyncio.Lock()
        self._counting = asyncio.Lock()
        self._replaying = asyncio.Lock()

    async def of(self, daemon: DaemonLink, source: str, object_: str) -> Recent:
        """Return the newest changes of an object, at most half a minute old."""
        key = source, object_
        async with self._reading:
            at, recent = self._kept.pop(key, (0.0, None))
            if recent is None or clock.monotonic() - at > SECONDS:
                at, recent = clock.monotonic(), await _read(daemon, source, object_)
            self._kept[key] = at, recent
            while len(self._kept) > OBJECTS_KEPT:
                del self._kept[next(iter(self._kept))]
        return recent

    async def tally(self, webhook: Webhook, recent: Recent) -> Tally:
        """Return what a webhook would have made of changes; one is counted at a time."""
        async with self._counting:
            return await asyncio.to_thread(tally, webhook, recent)

    async def week(self, daemon: DaemonLink, webhook: Webhook) -> Week:
        """Return what a webhook would have made of the last seven days; one is counted at a time.

        The oldest changes come first. What there is no time for is left out, and told.
        """
        async with self._replaying:
            replay, end = _replay(webhook), clock.monotonic() + LONGEST_REPLAY
            since, walk = (clock.now() - WEEK).isoformat(), JournalWalk(replay)
            while not walk.is_over:
                page = await daemon.get("/v1/changes", since=since, after=walk.after, limit=PAGE)
                await asyncio.to_thread(walk.take, page)
                if clock.monotonic() > end:
                    break
            if not walk.is_over:
                await asyncio.to_thread(replay.finish)
        left_out = _left_out(walk.left_out, webhook.source)
        until = None if walk.is_over else walk.seen_at
        return Week(replay.tallies[webhook.name], left_out, until)


async def _read(daemon: DaemonLink, source: str, object_: str) -> Recent:
    told = await daemon.get("/v1/properties", source=source, object=object_)
    found: list[Replayed] = []
    before: int | None = None
    for _ in range(MOST_PAGES):
        page = await daemon.get(
            "/v1/changes",
            source=source,
            object=object_,
            newest="true",
            limit=min(PAGE, MOST - len(found)),
            before=before,
        )
        found += await asyncio.to_thread(all_replayed, page)
        before = page["next"]
        if before is None or not page["changes"] or len(found) >= MOST:
            break
    found.reverse()
    left_out = 0
    if found:
        since = found[0].seen_at.isoformat()
        lacking = await daemon.get("/v1/changes", since=since, limit=1)
        left_out = _left_out(lacking["left_out"], source)
    return Recent(tuple(found), tuple(told["properties"]), left_out)


def _left_out(told: Iterable[Mapping[str, Any]], source: str) -> int:
    return sum(one["count"] for one in told if one["source"] == source)


def _replay(webhook: Webhook) -> Replay:
    return Replay({webhook.name: Listener(webhook.source, webhook.object, webhook.trigger)})


def tally(webhook: Webhook, recent: Recent) -> Tally:
    """Return what *webhook* would have made of changes, as if it had been in force.

    It has looked at fewer of them, the oldest, where its conditions take too long.
    """
    replay, end = _replay(webhook), clock.monotonic() + LONGEST
    for one in recent.changes:
        replay.add(one)
        if clock.monotonic() > end:
            break
    replay.finish()
    return replay.tallies[webhook.name]
