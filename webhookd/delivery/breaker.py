"""Whether anybody is there: a webhook of which nothing is heard is attempted one at a time.

What is counted is in memory alone, and where several daemons share a webhook, they tell each other
what came of it. A restart is a fresh start: the lane has its whole concurrency
again until as many attempts as before have met nobody, which no receiver that is dead will notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd import telemetry

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from webhookd.model import Reason, Settlement

LIMIT: Final = 20
"""Attempts that meet nobody, one after the other, before a webhook is probed."""

_NOBODY: Final[AbstractSet[Reason]] = {"dns", "refused", "connect_timeout", "timeout", "reset"}
"""What an attempt meets where nobody is: no connection, or no answer on it.

The other reasons say nothing of that: `egress` and `internal` are on our side, and of `tls` and
`protocol` somebody is the cause.
"""


@dataclass(frozen=True, slots=True)
class Probed:
    """Since when a webhook is probed, and why."""

    since: datetime
    reason: str


class Probing:
    """Counts the attempts of a *webhook* that met nobody. *probed* is None while it is not."""

    def __init__(self, webhook: str) -> None:
        self._webhook = webhook
        self._misses = 0
        self.probed: Probed | None = None

    def slots(self, concurrency: int) -> int:
        """Return how many attempts may be in flight, of *concurrency*."""
        return concurrency if self.probed is None else 1

    def ended(self, settlement: Settlement) -> None:
        """Take an attempt into account: any answer, whatever its status, ends the probing."""
        attempt = settlement.attempt
        if settlement.kind in _NOBODY:
            self._misses += 1
            if self._misses >= LIMIT:
                self._probe(attempt.error or settlement.kind, settlement.ended_at)
        elif attempt.status is not None:
            self._end(f"the receiver answered {attempt.status}", settlement.ended_at)
        elif self.probed is None:
            self._misses = 0

    def retargeted(self, now: datetime) -> None:
        """Forget what was met: the request is another, and so may be who receives it."""
        self._end("its request was changed", now)

    def shared(self, since: datetime | None, reason: str) -> None:
        """Take over what another daemon found, which has said so."""
        if (since is None) != (self.probed is None):
            self._misses, self.probed = 0, None if since is None else Probed(since, reason)

    def _probe(self, error: str, at: datetime) -> None:
        reason = f"the last {self._misses} attempts met nobody; the latest: {error}"
        if self.probed is None:
            telemetry.probing_began(self._webhook, reason)
        self.probed = Probed(at if self.probed is None else self.probed.since, reason)

    def _end(self, why: str, at: datetime) -> None:
        if self.probed is not None:
            telemetry.probing_ended(self._webhook, why, (at - self.probed.since).total_seconds())
        self._misses, self.probed = 0, None
