"""Files' times of modification that are in the future: taken as of now, and warned of.

A record with such a time would be frozen: every later state of it would pass for an older one.
Times of an API are compared where it is read, since this machine's clock may be the wrong one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.telemetry.events import RecordsAhead

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.model import Observation

_TOLD: Final = timedelta(minutes=1)
_TOLD_EVERY: Final = timedelta(hours=1)


class FutureTimes:
    """Clamps times to now; one warning an hour for each source."""

    def __init__(self) -> None:
        self._told_at: dict[str, datetime] = {}

    def clamped(self, source: str, seen: Observation, now: datetime) -> Observation:
        """Return *seen*, modified at *now* at the latest. Runs on one thread for each source."""
        if seen.modified_at is None or seen.modified_at <= now:
            return seen
        ahead = seen.modified_at - now
        told_at = self._told_at.get(source)
        if ahead > _TOLD and (told_at is None or abs(now - told_at) >= _TOLD_EVERY):
            self._told_at[source] = now
            seconds = round(ahead.total_seconds())
            telemetry.report(RecordsAhead(source, seen.object, seen.record_id, seconds))
        return replace(seen, modified_at=now)
