"""A listener: counts events in the metrics.

What is no event (the length of a commit, how late the event loop is, which configuration is in
force) is set in `metrics` by the part that measures it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd import clock
from webhookd.telemetry import events, figures, metrics

if TYPE_CHECKING:
    from collections.abc import Callable


def count(event: events.Event) -> None:
    """Count *event*, on the thread that reports it; metrics may be changed on every thread."""
    counting = _COUNT.get(type(event))
    if counting is not None:
        counting(event)


def _attempted(event: events.DeliveryAttempted) -> None:
    settlement = event.settlement
    webhook, seconds = settlement.delivery.webhook, settlement.attempt.seconds
    metrics.ATTEMPTS.ended(webhook, event.outcome_name, settlement.kind, seconds)


def _superseded(event: events.DeliverySuperseded) -> None:
    delivery = event.delivery
    metrics.SUPERSEDED.labels(delivery.webhook).inc(len(delivery.supersedes))


def _moments_fired(event: events.MomentsFired) -> None:
    for outcome, count in event.outcomes.items():
        metrics.MOMENTS.labels(event.webhook, outcome).inc(count)
    for lag in event.lags:
        metrics.MOMENT_LAG.observe(lag)


def _storage_refused(_: events.StorageRefused) -> None:
    metrics.STORAGE_REFUSALS.inc()


def _batch_taken(event: events.BatchTaken) -> None:
    metrics.SOURCE_ROWS.labels(event.source).inc(event.observations)
    metrics.SOURCE_CHANGES.labels(event.source).inc(event.changes)
    metrics.SOURCE_SUCCESS.labels(event.source).set_to_current_time()


def _source_unreadable(
    event: events.SourceFailed | events.SourceUnreadable | events.PollBroke,
) -> None:
    metrics.SOURCE_ERRORS.labels(event.source).inc()


def _poll_failed(event: events.PollFailed) -> None:
    metrics.SOURCE_ERRORS.labels(event.poll.source).inc()


def _source_elsewhere(event: events.SourceElsewhere) -> None:
    # From now on the other daemon has these series.
    metrics.forget_sources({event.source})


def _file_failed(event: events.FileFailed) -> None:
    metrics.SOURCE_BAD_ROWS.labels(event.source).inc(event.bad_rows)


def _token_received(_: events.TokenReceived) -> None:
    metrics.TOKEN_REQUESTS.labels("granted").inc()


def _token_failed(event: events.TokenFailed) -> None:
    metrics.TOKEN_FAILURES.labels(event.reason).inc()
    if event.reason != "limited":
        metrics.TOKEN_REQUESTS.labels(event.reason).inc()


def _wake_accepted(event: events.WakeAccepted) -> None:
    metrics.WAKES_ACCEPTED.labels(event.source).inc()
    figures.woken(event.source, clock.now())


_COUNT: dict[type[events.Event], Callable[[Any], None]] = {
    events.BatchTaken: _batch_taken,
    events.DeliveryAttempted: _attempted,
    events.DeliverySuperseded: _superseded,
    events.FileFailed: _file_failed,
    events.MomentsFired: _moments_fired,
    events.PollBroke: _source_unreadable,
    events.PollFailed: _poll_failed,
    events.SourceElsewhere: _source_elsewhere,
    events.SourceFailed: _source_unreadable,
    events.SourceUnreadable: _source_unreadable,
    events.StorageRefused: _storage_refused,
    events.TokenFailed: _token_failed,
    events.TokenReceived: _token_received,
    events.WakeAccepted: _wake_accepted,
}
