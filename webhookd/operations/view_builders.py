"""Views made of what the database and the running daemon know.

The command line uses them as well, where no daemon runs: what it reads in the database looks the
same.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, cast

from webhookd.rules import findings
from webhookd.storage.records.last_files import NOTHING
from webhookd.views.backfills import BackfillView, RunningBackfillView
from webhookd.views.changes import (
    AskedView,
    ChangesView,
    ChangeView,
    LatestChangeView,
    LeftOutView,
)
from webhookd.views.sources import CursorView, PollView, SourceView, StoredSourceView
from webhookd.views.status import MemberView, ReloadView
from webhookd.views.view import JsonObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from webhookd.intake.backfill import Backfilled
    from webhookd.intake.backfill_run import Running
    from webhookd.model import Asked, ReloadResult
    from webhookd.sources.source import DiskSpace, FileCounts
    from webhookd.storage.deliveries.listed_sources import ListedSource
    from webhookd.storage.fleet.members import Daemon
    from webhookd.storage.records.journal_pages import KeptChange, Page
    from webhookd.storage.records.last_files import LastFile
    from webhookd.telemetry.figures import PollFigures, WakeFigures
    from webhookd.views.deliveries import ChangeName


def member(daemon: Daemon, own: int | None) -> MemberView:
    """Return a daemon of the fleet; *own* is the number of the one that answers."""
    return MemberView(
        number=daemon.number,
        host=daemon.host,
        process_id=daemon.process_id,
        version=daemon.version,
        config_hash=daemon.config_hash,
        started_at=daemon.started_at,
        seen_at=daemon.seen_at,
        is_late=daemon.is_late,
        is_this=daemon.number == own,
    )


def stored_source(
    source: ListedSource, cursors: Iterable[CursorView], last: LastFile = NOTHING
) -> StoredSourceView:
    """Return a source as the database knows it."""
    identity = json.loads(source.identity)
    return StoredSourceView(
        source=source.name,
        path=identity.get("path"),
        object=identity.get("object"),
        id_property=identity.get("id_property"),
        base_url=identity.get("base_url"),
        records=source.records,
        pending=source.pending,
        file=source.file,
        phase=source.phase,
        rows_taken=source.rows_taken,
        bad_rows=source.bad_rows,
        deletions=source.deletions,
        rows_per_second=source.rows_per_second,
        ends_at=source.ends_at,
        cursors=tuple(cursors),
        last_file=last.name,
        last_file_at=last.at,
        last_error=None if last.error is None else _redacted(last.error),
        last_error_at=last.error_at,
    )


def running_source(
    source: StoredSourceView,
    host: str | None,
    polls: Iterable[PollView],
    files: FileCounts | None = None,
    space: DiskSpace | None = None,
    wakes: WakeFigures | None = None,
) -> SourceView:
    """Return *source* with what only the running daemon knows."""
    stored = {field.name: getattr(source, field.name) for field in fields(source)}
    running = SourceView(**stored, host=host, objects=tuple(polls))
    if files is not None:
        running = replace(
            running,
            files_waiting=files.waiting,
            files_failed=files.failed,
            files_ignored=files.ignored,
        )
    if space is not None:
        running = replace(running, disk_free_bytes=space.free_bytes, is_disk_low=space.is_low)
    if wakes is not None:
        running = replace(running, wakes=wakes.accepted, last_woken_at=wakes.last_at)
    return running


def polled(figures: PollFigures, now: datetime) -> PollView:
    """Return how reading a type of object goes; what is counted, since the daemon began."""
    lag = figures.lag(now)
    return PollView(
        object=figures.object,
        lag_seconds=None if lag is None else round(lag, 3),
        last_success_at=figures.last_success_at,
        last_error=None if figures.last_error is None else _redacted(figures.last_error),
        last_error_at=figures.last_error_at,
        failures=figures.failures,
        records=figures.records,
        changes=figures.changes,
        requests=dict(figures.requests),
        budget_left=figures.budget_left,
        resting={
            name: _redacted(outcome.last_error or "") for name, outcome in figures.resting.items()
        },
    )


def backfilled(running: Running, made: Backfilled, *, is_over: bool) -> BackfillView:
    """Return how far a backfill is, or how it ended."""
    if not is_over:
        return BackfillView(made.records, made.deliveries, over=False)
    unseen = running.unseen
    return BackfillView(
        made.records,
        made.deliveries,
        over=True,
        error=running.error,
        missing=() if unseen is None else unseen.of_where(),
        notes=(*(() if unseen is None else unseen.notes()), *_incomparable(running)),
    )


def _incomparable(running: Running) -> Iterator[str]:
    for name, value in sorted(running.incomparable.items()):
        told = _redacted(findings.incomparable(value))
        yield f"{name}: {told}, so that it satisfies no operator of order; there may be others"


def running_backfill(running: Running) -> RunningBackfillView:
    """Return a backfill that is not over, as the status tells it."""
    made = running.made
    return RunningBackfillView(
        webhook=running.webhook.name,
        per_second=running.per_second,
        records=made.records,
        deliveries=made.deliveries,
    )


def reload_result(result: ReloadResult) -> ReloadView:
    """Return what came of reading a configuration."""
    return ReloadView(result.at, result.outcome, result.config_hash, result.problems)


def journal_page(page: Page) -> ChangesView:
    """Return changes; what their sources asked for stands beside them, once."""
    numbers: dict[Asked, int] = {}
    changes = tuple(_kept(kept, numbers) for kept in page.changes)
    return ChangesView(
        changes=changes,
        asked=tuple(map(asked_for, numbers)),
        next=page.next,
        last=page.last,
        left_out=tuple(
            LeftOutView(left.source, left.reason, left.count, left.last_at)
            for left in page.left_out
        ),
    )


def latest_change(kept: KeptChange | None) -> LatestChangeView:
    """Return the last change, with what its source asked for, as a page of the journal would."""
    numbers: dict[Asked, int] = {}
    change = None if kept is None else _kept(kept, numbers)
    return LatestChangeView(change, tuple(map(asked_for, numbers)))


def shown_change(kept: KeptChange) -> ChangeView:
    """Return a change that stands by itself: nothing beside it says what its source asked for."""
    return replace(_kept(kept, {}), asked=None)


def asked_for(asked: Asked) -> AskedView:
    """Return which properties a source asked for."""
    return AskedView(tuple(sorted(asked.properties)), tuple(sorted(asked.instants)))


def as_written(document: Mapping[str, Any]) -> JsonObject[Any]:
    """Return a document as JSON; orjson would refuse its numbers of more than 64 bits."""
    return JsonObject(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


def _kept(kept: KeptChange, numbers: dict[Asked, int]) -> ChangeView:
    # Both objects go from the database into the answer as they are: pages hold megabytes of them.
    return ChangeView(
        number=kept.number,
        seen_at=kept.seen_at,
        occurred_at=kept.occurred_at,
        source=kept.source,
        object=kept.object,
        record_id=kept.record_id,
        change=cast("ChangeName", kept.change),
        properties=JsonObject(kept.properties),
        before=None if kept.before is None else JsonObject(kept.before),
        asked=None if kept.asked is None else numbers.setdefault(kept.asked, len(numbers)),
        enrolled=kept.enrolled,
        deletion=None if kept.deletion is None else kept.deletion.how,
        merged_into=None if kept.deletion is None else kept.deletion.merged_into,
    )


def _redacted(text: str) -> str:
    # Commands that list deliveries have no use for telemetry, which takes long to load.
    from webhookd.telemetry import logs  # noqa: PLC0415

    return logs.redacted(text)
