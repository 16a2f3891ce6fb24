"""A listener: one log line for each event.

Names of log events (`noun.verb_past`), their levels and their keys are API and are listed in
`docs/events-and-metrics.md`. Most lines show the fields of their event as they are
(`plain_lines`); what differs has a function here. `logs` is where lines go, and where secrets
are taken out.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from webhookd.model import Delivered, RetryAt
from webhookd.telemetry import events, logs
from webhookd.telemetry.logs import log
from webhookd.telemetry.plain_lines import PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.telemetry.figures import PollSummary
    from webhookd.telemetry.plain_lines import Line


def write(event: events.Event) -> None:
    """Write the log line of *event*, on the thread that reports it."""
    line = _LINES.get(type(event))
    if line is not None:
        line(event)


def _attempted(event: events.DeliveryAttempted) -> None:
    """Write the one wide line of an attempt."""
    settlement = event.settlement
    outcome = settlement.outcome
    is_delivered = isinstance(outcome, Delivered)
    if is_delivered and not logs.is_success_logged():
        return
    if is_delivered and logs.write_delivered(settlement):
        return
    delivery, attempt = settlement.delivery, settlement.attempt
    facts: dict[str, str] = {}
    if not is_delivered:
        facts["error"] = attempt.error or ""
    if isinstance(outcome, RetryAt):
        facts["retry_at"] = outcome.when.isoformat(timespec="milliseconds")
    emit = log.info if is_delivered else log.warning
    emit(
        "delivery.attempted",
        webhook=delivery.webhook,
        delivery_id=delivery.id,
        object=delivery.object,
        record_id=delivery.record_id,
        change=delivery.change.value,
        attempt=attempt.number,
        outcome=event.outcome_name,
        status=attempt.status,
        seconds=round(attempt.seconds, 3),
        **facts,
    )


def _superseded(event: events.DeliverySuperseded) -> None:
    delivery = event.delivery
    log.debug(
        "delivery.superseded",
        webhook=delivery.webhook,
        delivery_id=delivery.id,
        object=delivery.object,
        record_id=delivery.record_id,
        superseded=list(delivery.supersedes),
    )


def _hold_changed(event: events.WebhookHoldChanged) -> None:
    if event.hold is None:
        log.info("webhook.resumed", webhook=event.webhook)
    else:
        log.warning("webhook.paused", webhook=event.webhook, reason=event.hold)


def _probing_ended(event: events.WebhookProbingEnded) -> None:
    log.info(
        "webhook.probing_ended",
        webhook=event.webhook,
        reason=event.reason,
        seconds=_round(event.seconds),
    )


def _backfill_ended(event: events.BackfillEnded) -> None:
    facts = {"webhook": event.webhook, "records": event.records, "deliveries": event.deliveries}
    if event.error is None:
        log.info("backfill.ended", **facts)
    else:
        log.warning("backfill.ended", **facts, error=event.error)


def _moments_fired(event: events.MomentsFired) -> None:
    lag = {"lag_seconds": _round(max(event.lags))} if event.lags else {}
    log.info("moment.fired", webhook=event.webhook, **event.outcomes, **lag)


def _stopped(event: events.DaemonStopped) -> None:
    emit = log.warning if event.unfinished else log.info
    emit("daemon.stopped", unfinished=event.unfinished)


def _config_read(event: events.ConfigRead) -> None:
    match event.outcome:
        case "rejected":
            problems = list(event.problems)
            log.error("config.rejected", config_hash=event.config_hash, problems=problems)
        case "unchanged":
            log.info("config.unchanged", config_hash=event.config_hash)
        case "loaded":
            log.info("config.loaded", config_hash=event.config_hash, **event.facts)
        case "reloaded":
            log.info("config.reloaded", config_hash=event.config_hash, **event.facts)


def _bug(event: events.BugFound) -> None:
    _fault(event.name, event.error, event.facts)


def _poll_broke(event: events.PollBroke) -> None:
    facts = {"source": event.source, "object": event.object}
    _fault("source.poll_broke", event.error, facts)


def _change_undecided(event: events.ChangeUndecided) -> None:
    facts = {"source": event.source, "record_id": event.record_id, "webhook": event.webhook}
    _fault("change.decision_broke", event.error, facts)


def _body_too_large(event: events.BodyTooLarge) -> None:
    log.error(
        "delivery.too_large",
        source=event.source,
        record_id=event.record_id,
        webhook=event.webhook,
        delivery_id=event.delivery_id,
        largest=event.largest,
    )


def _fault(name: str, error: BaseException, facts: Mapping[str, str]) -> None:
    stack = "".join(traceback.format_exception(error))
    log.error(name, error=f"{type(error).__name__}: {error}", stack=stack, **facts)


def _file_progressed(event: events.FileProgressed) -> None:
    left = {} if event.seconds_left is None else {"seconds_left": round(event.seconds_left)}
    log.info(
        "file.progressed",
        source=event.source,
        file=event.file,
        doing=event.doing,
        rows=event.rows,
        rows_per_second=round(event.rows_per_second),
        **left,
    )


def _file_taken(event: events.FileTaken) -> None:
    more = {} if event.deletions is None else {"deletions": event.deletions}
    log.info(
        "file.taken",
        source=event.source,
        file=event.file,
        rows=event.rows,
        seconds=_round(event.seconds),
        **more,
    )


def _polled(event: events.SourcePolled) -> None:
    """Write a line that is loud where something had changed."""
    emit = log.info if event.changes else log.debug
    facts = _facts(event.poll)
    seconds = _round(event.seconds)
    emit("source.polled", **facts, changes=event.changes, read=event.read, seconds=seconds)


def _poll_failed(event: events.PollFailed) -> None:
    again_in = _round(event.again_in)
    log.error("source.poll_failed", **_facts(event.poll), error=event.error, again_in=again_in)


def _poll_recovered(event: events.PollRecovered) -> None:
    log.info("source.poll_recovered", **_facts(event.poll))


def _object_refused(event: events.ObjectRefused) -> None:
    log.error(
        "source.object_refused",
        **_facts(event.poll),
        error=event.error,
        again_in=event.again_in,
        hint="give the token the scope to read it, or take it out of the configuration",
    )


def _first_read(event: events.FirstReadProgressed) -> None:
    per_second = _round(event.per_second)
    log.info("source.first_read", **_facts(event.poll), read=event.read, per_second=per_second)


def _first_read_done(event: events.FirstReadDone) -> None:
    seconds = _round(event.seconds)
    log.info("source.first_read_done", **_facts(event.poll), read=event.read, seconds=seconds)


def _taken_over(event: events.PropertiesTakenOver) -> None:
    log.info("source.properties_taken_over", **_facts(event.poll), read=event.read)


def _facts(poll: PollSummary) -> dict[str, object]:
    return {
        "source": poll.source,
        "object": poll.object,
        "lag_seconds": None if poll.lag_seconds is None else _round(poll.lag_seconds),
        "requests": dict(poll.requests),
        "budget_left": poll.budget_left,
    }


def _token_received(event: events.TokenReceived) -> None:
    life = None if event.lifetime is None else _round(event.lifetime)
    log.info("token.received", host=event.host, seconds=_round(event.seconds), lifetime=life)


def _token_failed(event: events.TokenFailed) -> None:
    again_in = _round(event.again_in)
    log.error(
        "token.failed", host=event.host, reason=event.reason, error=event.error, again_in=again_in
    )


def _certificate_read(event: events.InboundCertificateRead) -> None:
    if event.error is None:
        log.info("inbound.certificate_renewed", certificate=event.certificate)
    else:
        log.error("inbound.certificate_refused", certificate=event.certificate, error=event.error)


def _round(number: float) -> float:
    return round(number, 3)


_LINES: dict[type[events.Event], Line] = {
    events.BackfillEnded: _backfill_ended,
    events.BugFound: _bug,
    events.BodyTooLarge: _body_too_large,
    events.ChangeUndecided: _change_undecided,
    events.ConfigRead: _config_read,
    events.DaemonStopped: _stopped,
    events.DeliveryAttempted: _attempted,
    events.DeliverySuperseded: _superseded,
    events.FileProgressed: _file_progressed,
    events.FileTaken: _file_taken,
    events.FirstReadDone: _first_read_done,
    events.FirstReadProgressed: _first_read,
    events.InboundCertificateRead: _certificate_read,
    events.MomentsFired: _moments_fired,
    events.ObjectRefused: _object_refused,
    events.PollBroke: _poll_broke,
    events.PollFailed: _poll_failed,
    events.PollRecovered: _poll_recovered,
    events.PropertiesTakenOver: _taken_over,
    events.SourcePolled: _polled,
    events.TokenFailed: _token_failed,
    events.TokenReceived: _token_received,
    events.WebhookHoldChanged: _hold_changed,
    events.WebhookProbingEnded: _probing_ended,
    **PLAIN,
}
