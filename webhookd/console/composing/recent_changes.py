"""The newest changes of an object, kept for half a minute: what drafts are held against.

Whoever writes a webhook looks at it at every pause; the journal is read once for all of that. Used
on the event loop; what computes long runs on a thread.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd import clock
from webhookd.rules.journaled_changes import replayed
from webhookd.rules.replay import Listener, Replay

if TYPE_CHECKING:
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


class RecentChanges:
    """Keeps the newest changes of the objects that were asked for last."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[float, Recent]] = {}
        self._reading = asyncio.Lock()
        self._counting = asyncio.Lock()

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
        found += await asyncio.to_thread(_replayed, page)
        before = page["next"]
        if before is None or not page["changes"] or len(found) >= MOST:
            break
    found.reverse()
    left_out = 0
    if found:
        since = found[0].seen_at.isoformat()
        lacking = await daemon.get("/v1/changes", since=since, limit=1)
        left_out = sum(one["count"] for one in lacking["left_out"] if one["source"] == source)
    return Recent(tuple(found), tuple(told["properties"]), left_out)


def _replayed(page: dict[str, Any]) -> list[Replayed]:
    return [replayed(one, page["asked"]) for one in page["changes"]]


def tally(webhook: Webhook, recent: Recent) -> Tally:
    """Return what *webhook* would have made of changes, as if it had been in force.

    It has looked at fewer of them, the oldest, where its conditions take too long.
    """
    listener = Listener(webhook.source, webhook.object, webhook.trigger)
    replay, end = Replay({webhook.name: listener}), clock.monotonic() + LONGEST
    for one in recent.changes:
        replay.add(one)
        if clock.monotonic() > end:
            break
    replay.finish()
    return replay.tallies[webhook.name]
