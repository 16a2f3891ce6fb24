"""What the daemon says about itself: `report` an event of `events`, and those who listen get it.

At first two listen: `metric_counts`, then `log_lines`. Others are added with
`reporter().listen(...)`, without touching the places that report. `logs` is where log lines go,
`metrics` what a scrape shows, `figures` what polls count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.model import Held
from webhookd.telemetry import events, log_lines, metric_counts
from webhookd.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from webhookd.errors import Problem
    from webhookd.model import Delivery, ReloadOutcome, Settlement
    from webhookd.telemetry.events import Event

_reporter = Reporter(metric_counts.count, log_lines.write)


def report(event: Event) -> None:
    """Hand *event* to everybody who listens; never raises, on any thread."""
    _reporter.report(event)


def reporter() -> Reporter:
    """Return the reporter of this process."""
    return _reporter


def use_reporter(another: Reporter) -> Reporter:
    """Have *another* be the reporter of this process from now on; returns the one before."""
    global _reporter
    before, _reporter = _reporter, another
    return before


def attempted(settlement: Settlement) -> None:
    """Report one finished attempt: the one wide line."""
    report(events.DeliveryAttempted(settlement))
    if isinstance(settlement.outcome, Held):
        report(events.WebhookHeld(settlement.delivery.webhook, settlement.attempt.error))


def bug(event: str, error: BaseException, **facts: str) -> None:
    """Report a fault of webhookd's own, with its stack, so that it can be mended."""
    report(events.BugFound(event, error, facts))


def storage_refused(what: str, error: BaseException, count: int) -> None:
    """Report that the database did not take or give something; it is tried again."""
    report(events.StorageRefused(what, count, str(error)))


def daemon_started(version: str, host: str, config: Path, database: str, state: Path) -> None:
    """Report what this process works with."""
    report(events.DaemonStarted(version, host, str(config), database, str(state)))


def daemon_ready(webhooks: int, sources: int, config_hash: str) -> None:
    """Report that sources are read and deliveries go out."""
    report(events.DaemonReady(webhooks, sources, config_hash))


def daemon_ousted(error: BaseException) -> None:
    """Report that another daemon has taken the database over, and that this one ends."""
    report(events.DaemonOusted(str(error)))


def fleet_rejoined(number: int | None) -> None:
    """Report that others had given this daemon up, and that it goes on as another."""
    report(events.FleetRejoined(number))


def fleet_died(number: int, host: str, process_id: int) -> None:
    """Report that another daemon's lease is over: what it had is taken over."""
    report(events.FleetDaemonDied(number, host, process_id))


def daemon_stopping(signal: str) -> None:
    """Report that the daemon was asked to stop and drains."""
    report(events.DaemonStopping(signal))


def daemon_stopped(unfinished: int) -> None:
    """Report the end; *unfinished* attempts were cut off and will be made again."""
    report(events.DaemonStopped(unfinished))


def config_read(
    outcome: ReloadOutcome, config_hash: str, problems: Iterable[str], facts: Mapping[str, int]
) -> None:
    """Report what came of reading a configuration; *config_hash* is of the one in force."""
    report(events.ConfigRead(outcome, config_hash, tuple(problems), facts))


def config_warned(problem: Problem) -> None:
    """Report something in a configuration that is allowed and will not work as hoped."""
    report(events.ConfigWarned(str(problem)))


def change_undecided(error: BaseException, source: str, record_id: str, webhook: str) -> None:
    """Report that a change could not be turned into a delivery because of a bug."""
    bug("change.decision_broke", error, source=source, record_id=record_id, webhook=webhook)


def webhook_hold_changed(webhook: str, hold: str | None) -> None:
    """Report that a person paused or resumed a webhook."""
    report(events.WebhookHoldChanged(webhook, hold))


def superseded(delivery: Delivery) -> None:
    """Report that *delivery* took the place of others that waited."""
    report(events.DeliverySuperseded(delivery))


def probing_began(webhook: str, reason: str) -> None:
    """Report that a webhook is attempted one at a time, because its receiver does not answer."""
    report(events.WebhookProbed(webhook, reason))


def probing_ended(webhook: str, reason: str, seconds: float) -> None:
    """Report that a webhook has its whole concurrency again, after how long, and why."""
    report(events.WebhookProbingEnded(webhook, reason, seconds))


def deliveries_changed(action: str, count: int, overtaken: int) -> None:
    """Report that a person retried or cancelled deliveries, and how many were left."""
    report(events.DeliveriesChanged(action, count, overtaken))


def backfill_began(webhook: str, per_second: float) -> None:
    """Report that known records are being enrolled."""
    report(events.BackfillBegan(webhook, per_second))


def backfill_resumed(webhook: str, records: int, deliveries: int) -> None:
    """Report that a backfill goes on that a stop or a crash had interrupted."""
    report(events.BackfillResumed(webhook, records, deliveries))


def backfill_ended(webhook: str, records: int, deliveries: int, error: str | None) -> None:
    """Report how far a backfill came; *error* is why no further."""
    report(events.BackfillEnded(webhook, records, deliveries, error))


def admin_listening(address: str) -> None:
    """Report where the admin API is."""
    report(events.AdminListening(address))


def admin_unprotected(address: str) -> None:
    """Report that the admin API has no token and therefore answers no one on TCP."""
    report(events.AdminWithoutToken(address))


def retired(count: int) -> None:
    """Report settled deliveries that were deleted because their retention ended."""
    report(events.DeliveriesDeleted(count))
