"""A circuit breaker that never opens fully.

After LIMIT attempts in a row without any HTTP answer, a webhook is *probed*: it gets one attempt at
a time until something answers.

The count is in memory alone. Daemons that share a webhook notify each other when its probing begins
or ends. After a restart the lane has its whole concurrency again, until LIMIT more attempts got no
answer; a receiver that is dead does not notice that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.telemetry.events import WebhookProbed, WebhookProbingEnded

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from webhookd.model import Reason, Settlement

LIMIT: Final = 20
"""Attempts without an answer, one after the other, before a webhook is probed."""

_NO_ANSWER: Final[AbstractSet[Reason]] = {"dns", "refused", "connect_timeout", "timeout", "reset"}
"""Reasons that mean no answer: there was no connection, or nothing came on it.

The others do not count: `egress` and `internal` are on our side, and `tls` and `protocol` mean
that a server answered, if badly. Attempts that made no request (`token`) neither begin nor end
probing.
"""


@dataclass(frozen=True, slots=True)
class Probed:
    """Since when a webhook is probed, and why."""

    since: datetime
    reason: str


class Breaker:
    """Counts attempts of a *webhook* that got no answer; *probed* is None while it is not."""

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
        if not settlement.made_request:
            return
        if settlement.kind in _NO_ANSWER:
            self._misses += 1
            if self._misses >= LIMIT:
                self._probe(attempt.error or settlement.kind, settlement.ended_at)
        elif attempt.status is not None:
            self._end(f"the receiver answered {attempt.status}", settlement.ended_at)
        elif self.probed is None:
            self._misses = 0

    def retargeted(self, now: datetime) -> None:
        """Begin to count anew: the request is another, and its receiver may be, too."""
        self._end("its request was changed", now)

    def follow(self, since: datetime | None, reason: str) -> None:
        """Take over what the daemons of a fleet know together: another one may have found it."""
        if (since is None) != (self.probed is None):
            self._misses, self.probed = 0, None if since is None else Probed(since, reason)

    def _probe(self, error: str, at: datetime) -> None:
        reason = f"the last {self._misses} attempts got no answer; the latest: {error}"
        if self.probed is None:
            telemetry.report(WebhookProbed(self._webhook, reason))
        self.probed = Probed(at if self.probed is None else self.probed.since, reason)

    def _end(self, why: str, at: datetime) -> None:
        if self.probed is not None:
            telemetry.report(
                WebhookProbingEnded(self._webhook, why, (at - self.probed.since).total_seconds())
            )
        self._misses, self.probed = 0, None
