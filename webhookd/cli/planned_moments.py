"""What a configuration's timers would plan, counted over the known records of a database."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from webhookd.errors import counted
from webhookd.rules.moments import candidates, is_readable
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.records.known_records import known_after
from webhookd.views.json_writer import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhookd.definitions import At, Webhook
    from webhookd.storage.database.database import Database

AT_ONCE: Final = 1000


def planned(database: Database, webhook: Webhook, now: datetime) -> dict[str, Any] | None:
    """Return how many moments *webhook* would have ahead; None where it is not due by dates."""
    at = webhook.trigger.at
    if at is None or not webhook.enabled:
        return None
    found: Counter[int] = Counter()
    unreadable, after, now_ = 0, "", to_micros(now)
    while True:
        with database.reading() as connection:
            page = known_after(
                connection, webhook.source, webhook.object, after=after, limit=AT_ONCE
            )
        for _, known in page:
            value = None if known.deleted else known.properties.get(at.property)
            ahead = [one for one in candidates(at, value, now_) if one >= now_]
            if ahead:
                found[ahead[0]] += 1
            elif value not in {None, '""'} and not is_readable(at, value or ""):
                unreadable += 1
        if len(page) < AT_ONCE:
            break
        after = page[-1][0]
    following = min(found, default=None)
    return {
        "planned": found.total(),
        "next_at": None if following is None else instant(from_micros(following)),
        "next_records": 0 if following is None else found[following],
        "no_dates": unreadable,
        "zone": _zone(at),
    }


def lines(told: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what people read of what is planned."""
    if told is None:
        return
    line = f"    {counted(told['planned'], 'moment')} would be planned"
    if told["next_at"] is not None:
        records = counted(told["next_records"], "record")
        line += f", next {_local(told['next_at'], told['zone'])} ({records})"
    if told["no_dates"]:
        are = "value is no date" if told["no_dates"] == 1 else "values are no dates"
        line += f"; {told['no_dates']:,} {are}"
    yield line


def _zone(at: At) -> str:
    return "UTC" if at.zone is None else at.zone.key


def _local(text: str, zone: str) -> str:

    at = datetime.fromisoformat(text)
    there = at.astimezone(ZoneInfo(zone))
    shown = there.strftime("%Y-%m-%d %H:%M" if at.second == 0 else "%Y-%m-%d %H:%M:%S")
    return f"{shown} {zone}"
