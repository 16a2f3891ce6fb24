"""What the daemon says about itself: one function for each reported thing.

Event names (`noun.verb_past`) and keys are API and are listed in `docs/operations.md`. `logs` is
where they go, `sources` holds what sources report.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from webhookd.model import Delivered, GivenUp, Held, RetryAt
from webhookd.telemetry import logs, metrics
from webhookd.telemetry.logs import log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from webhookd.errors import Problem
    from webhookd.model import Delivery, Settlement


def attempted(settlement: Settlement) -> None:
    """Report one finished attempt: the one wide line."""
    delivery, attempt = settlement.delivery, settlement.attempt
    kind, facts = _describe(settlement)
    metrics.attempt_ended(delivery.webhook, kind, settlement.kind, attempt.seconds)
    is_delivered = isinstance(settlement.outcome, Delivered)
    if is_delivered and not logs.is_success_logged():
        return
    emit = log.info if is_delivered else log.warning
    emit(
        "delivery.attempted",
        webhook=delivery.webhook,
        delivery_id=delivery.id,
        object=delivery.object,
        record_id=delivery.record_id,
        change=delivery.change.value,
        attempt=attempt.number,
        outcome=kind,
        status=attempt.status,
        seconds=round(attempt.seconds, 3),
        **facts,
    )
    if isinstance(settlement.outcome, Held):
        log.error("webhook.held", webhook=delivery.webhook, reason=attempt.error)


def _describe(settlement: Settlement) -> tuple[str, dict[str, str]]:
    error = settlement.attempt.error or ""
    match settlement.outcome:
        case Delivered():
            return "delivered", {}
        case RetryAt(when=when):
            return "retry", {"error": error, "retry_at": when.isoformat(timespec="milliseconds")}
        case GivenUp():
            return "given_up", {"error": error}
        case Held():
            return "held", {"error": error}


def bug(event: str, error: BaseException, **facts: str) -> None:
    """Report a fault of webhookd's own, with its stack, so that it can be mended."""
    stack = "".join(traceback.format_exception(error))
    log.error(event, error=f"{type(error).__name__}: {error}", stack=stack, **facts)


def storage_refused(what: str, error: BaseException, count: int) -> None:
    """Report that the database did not take or give something; it is tried again."""
    metrics.STORAGE_REFUSALS.inc()
    log.error("storage.refused", what=what, count=count, error=str(error))


def daemon_started(version: str, host: str, config: Path, database: str, state: Path) -> None:
    """Report what this process works with."""
    log.info(
        "daemon.started",
        version=version,
        host=host,
        config=str(config),
        database=database,
        state_directory=str(state),
    )


def daemon_ready(webhooks: int, sources: int, config_hash: str) -> None:
    """Report that sources are read and deliveries go out."""
    log.info("daemon.ready", webhooks=webhooks, sources=sources, config_hash=config_hash)


def daemon_ousted(error: BaseException) -> None:
    """Report that another daemon has taken the database over, and that this one ends."""
    log.error("daemon.ousted", error=str(error))


def fleet_rejoined(number: int | None) -> None:
    """Report that others had given this daemon up, and that it goes on as another."""
    log.warning("fleet.rejoined", number=number)


def fleet_died(number: int, host: str, process_id: int) -> None:
    """Report that another daemon's lease is over: what it had is taken over."""
    log.warning("fleet.daemon_died", number=number, host=host, process_id=process_id)


def daemon_stopping(signal: str) -> None:
    """Report that the daemon was asked to stop and drains."""
    log.info("daemon.stopping", signal=signal)


def daemon_stopped(unfinished: int) -> None:
    """Report the end; *unfinished* attempts were cut off and will be made again."""
    emit = log.warning if unfinished else log.info
    emit("daemon.stopped", unfinished=unfinished)


def config_read(
    outcome: str, config_hash: str, problems: Iterable[str], facts: Mapping[str, int]
) -> None:
    """Report what came of reading a configuration; *config_hash* is of the one in force."""
    match outcome:
        case "rejected":
            log.error("config.rejected", config_hash=config_hash, problems=list(problems))
        case "unchanged":
            log.info("config.unchanged", config_hash=config_hash)
        case "loaded":
            log.info("config.loaded", config_hash=config_hash, **facts)
        case _:
            log.info("config.reloaded", config_hash=config_hash, **facts)


def config_warned(problem: Problem) -> None:
    """Report something in a configuration that is allowed and will not work as hoped."""
    log.warning("config.warned", problem=str(problem))


def change_undecided(error: BaseException, source: str, record_id: str, webhook: str) -> None:
    """Report that a change could not be turned into a delivery because of a bug."""
    bug("change.decision_broke", error, source=source, record_id=record_id, webhook=webhook)


def webhook_hold_changed(webhook: str, hold: str | None) -> None:
    """Report that a person paused or resumed a webhook."""
    if hold is None:
        log.info("webhook.resumed", webhook=webhook)
    else:
        log.warning("webhook.paused", webhook=webhook, reason=hold)


def superseded(delivery: Delivery) -> None:
    """Report that *delivery* took the place of others that waited."""
    metrics.SUPERSEDED.labels(delivery.webhook).inc(len(delivery.supersedes))
    log.debug(
        "delivery.superseded",
        webhook=delivery.webhook,
        delivery_id=delivery.id,
        object=delivery.object,
        record_id=delivery.record_id,
        superseded=list(delivery.supersedes),
    )


def probing_began(webhook: str, reason: str) -> None:
    """Report that a webhook is attempted one at a time, for nobody is met there."""
    log.warning("webhook.probed", webhook=webhook, reason=reason)


def probing_ended(webhook: str, reason: str, seconds: float) -> None:
    """Report that a webhook has its whole concurrency again, after how long, and why."""
    log.info("webhook.probing_ended", webhook=webhook, reason=reason, seconds=round(seconds, 3))


def deliveries_changed(action: str, count: int, overtaken: int) -> None:
    """Report that a person retried or cancelled deliveries, and how many were left."""
    log.info("delivery.changed", action=action, count=count, overtaken=overtaken)


def backfill_began(webhook: str, per_second: float) -> None:
    """Report that known records are being enrolled."""
    log.info("backfill.began", webhook=webhook, per_second=per_second)


def backfill_resumed(webhook: str, records: int, deliveries: int) -> None:
    """Report that a backfill goes on that a stop or a crash had interrupted."""
    log.info("backfill.resumed", webhook=webhook, records=records, deliveries=deliveries)


def backfill_ended(webhook: str, records: int, deliveries: int, error: str | None) -> None:
    """Report how far a backfill came; *error* is why no further."""
    facts = {"webhook": webhook, "records": records, "deliveries": deliveries}
    if error is None:
        log.info("backfill.ended", **facts)
    else:
        log.warning("backfill.ended", **facts, error=error)


def admin_listening(address: str) -> None:
    """Report where the admin API is."""
    log.info("admin.listening", address=address)


def admin_unprotected(address: str) -> None:
    """Report that the admin API has no token and therefore answers no one on TCP."""
    log.warning("admin.without_token", address=address, hint="set WEBHOOKD_ADMIN_TOKEN_FILE")


def retired(count: int) -> None:
    """Report settled deliveries that were deleted because their retention ended."""
    log.info("retention.deleted", deliveries=count)
