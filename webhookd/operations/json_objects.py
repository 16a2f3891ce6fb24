"""The JSON that programs read: the same from the admin API and from the command line."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import orjson

from webhookd.telemetry import logs

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.model import Asked, ReloadResult
    from webhookd.storage.deliveries.query import ListedDelivery, ListedSource, ShownDelivery
    from webhookd.storage.fleet.members import Daemon
    from webhookd.storage.records.journal_pages import KeptChange, Page
    from webhookd.telemetry.figures import PollFigures


def instant(at: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC, with milliseconds."""
    if at is None:
        return None
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def member(daemon: Daemon, own: int | None) -> dict[str, Any]:
    """Return a daemon of the fleet; *own* is the number of the one that answers."""
    return {
        "number": daemon.number,
        "host": daemon.host,
        "process_id": daemon.process_id,
        "version": daemon.version,
        "config_hash": daemon.config_hash,
        "started_at": instant(daemon.started_at),
        "seen_at": instant(daemon.seen_at),
        "is_late": daemon.is_late,
        "is_this": daemon.number == own,
    }


def listed_delivery(delivery: ListedDelivery) -> dict[str, Any]:
    """Return a delivery as lists show it."""
    return {
        "id": delivery.id,
        "webhook": delivery.webhook,
        "source": delivery.source,
        "object": delivery.object,
        "record_id": delivery.record_id,
        "change": delivery.change,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_attempt_at": instant(delivery.next_attempt_at),
        "is_behind": delivery.is_behind,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "created_at": instant(delivery.created_at),
        "settled_at": instant(delivery.settled_at),
        "superseded_by": delivery.superseded_by,
    }


def shown_delivery(shown: ShownDelivery) -> dict[str, Any]:
    """Return a delivery whole: what is sent, and every attempt."""
    return listed_delivery(shown.listed) | {
        "method": shown.method,
        "content_type": shown.content_type,
        "body": _text(shown.body),
        "query": shown.query,
        "attempt_log": [
            {
                "number": attempt.number,
                "started_at": instant(attempt.started_at),
                "seconds": attempt.seconds,
                "status": attempt.status,
                "error": attempt.error,
                "answer": attempt.answer,
                "config_hash": attempt.config_hash,
            }
            for attempt in shown.attempts
        ],
    }


def listed_source(source: ListedSource) -> dict[str, Any]:
    """Return a source as lists show it."""
    return {
        "source": source.name,
        **json.loads(source.identity),
        "records": source.records,
        "pending": source.pending,
        "file": source.file,
        "phase": source.phase,
        "rows_taken": source.rows_taken,
        "bad_rows": source.bad_rows,
        "deletions": source.deletions,
        "rows_per_second": source.rows_per_second,
        "ends_at": instant(source.ends_at),
    }


def polled(figures: PollFigures, now: datetime) -> dict[str, Any]:
    """Return how reading a type of object goes; counted since the daemon began."""
    lag = figures.lag(now)
    return {
        "object": figures.object,
        "lag_seconds": None if lag is None else round(lag, 3),
        "last_success_at": instant(figures.last_success_at),
        "last_error": None if figures.last_error is None else logs.redacted(figures.last_error),
        "last_error_at": instant(figures.last_error_at),
        "failures": figures.failures,
        "records": figures.records,
        "changes": figures.changes,
        "requests": dict(figures.requests),
        "budget_left": figures.budget_left,
    }


def backfilled(
    records: int, deliveries: int, *, is_over: bool, error: str | None = None
) -> dict[str, Any]:
    """Return how far a backfill is; *error* is why it went no further."""
    return {"records": records, "deliveries": deliveries, "over": is_over, "error": error}


def backfill_under_way(
    webhook: str, per_second: float, records: int, deliveries: int
) -> dict[str, Any]:
    """Return a backfill that is not over, as the status tells it."""
    return {
        "webhook": webhook,
        "per_second": per_second,
        "records": records,
        "deliveries": deliveries,
    }


def reload_result(result: ReloadResult) -> dict[str, Any]:
    """Return what came of reading a configuration."""
    return {
        "at": instant(result.at),
        "outcome": result.outcome,
        "config_hash": result.config_hash,
        "problems": list(result.problems),
    }


def journal_page(page: Page) -> bytes:
    """Return changes as JSON; what their sources asked for stands beside them, once."""
    asked: dict[Asked, int] = {}
    told = {
        "changes": [_kept(kept, asked) for kept in page.changes],
        "asked": [{"names": sorted(one.names), "instants": sorted(one.instants)} for one in asked],
        "next": page.next,
        "last": page.last,
        "left_out": [
            {
                "source": one.source,
                "reason": one.reason,
                "count": one.count,
                "last_at": instant(one.last_at),
            }
            for one in page.left_out
        ],
    }
    return orjson.dumps(told)


def _kept(kept: KeptChange, asked: dict[Asked, int]) -> dict[str, Any]:
    return {
        "number": kept.number,
        "seen_at": instant(kept.seen_at),
        "occurred_at": instant(kept.occurred_at),
        "source": kept.source,
        "object": kept.object,
        "record_id": kept.record_id,
        "change": kept.change,
        "properties": orjson.Fragment(kept.properties),
        "before": None if kept.before is None else orjson.Fragment(kept.before),
        "asked": None if kept.asked is None else asked.setdefault(kept.asked, len(asked)),
        "enrolled": kept.enrolled,
    }


def _text(body: bytes | None) -> str | None:
    if body is None:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii")
