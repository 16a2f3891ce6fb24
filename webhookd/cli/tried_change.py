"""The change that `test` tries a webhook with: one that a record might make, or the last one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from webhookd import clock
from webhookd.cli import known_record
from webhookd.cli.known_record import NoSuchRecordError
from webhookd.cli.tried_record import of_files, tried_record
from webhookd.config.messages import no_such
from webhookd.definitions import OwnEventsSource
from webhookd.definitions.event_kinds import EVENT_KINDS
from webhookd.model import Change
from webhookd.rules import usage
from webhookd.rules.journaled_changes import replayed
from webhookd.rules.tried_changes import previous, usual_kind
from webhookd.sources.directory.sample import names_in, read_first

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhookd.cli.tried_record import TriedRecord, Wanted
    from webhookd.definitions import Definitions, Webhook
    from webhookd.model import Properties


@dataclass(frozen=True, slots=True)
class TriedChange:
    """A change as if it was seen *at* a moment; *origin* says where it is from.

    *names* are the properties that the record can have a value of, None where it is made up.
    *is_enrolled*: the webhook enrolled the record before.
    """

    change: Change
    at: datetime
    origin: str = ""
    names: frozenset[str] | None = None
    is_enrolled: bool = False


def tried_change(definitions: Definitions, webhook: Webhook, wanted: Wanted) -> TriedChange:
    """Return the change of *webhook*'s records that is *wanted*.

    Raises NoSuchRecordError where nobody knows the record, SourceError where it cannot be read.
    """
    _refuse_contradictions(wanted)
    _refuse_unknown_event(definitions, webhook, wanted)
    if wanted.is_last:
        return _last(webhook, wanted)
    now = clock.now()
    record = tried_record(definitions, webhook, wanted)
    before, names = _state_before(definitions, webhook, wanted, record)
    kind = wanted.kind or record.kind or usual_kind(webhook, has_before=before is not None)
    change = Change(
        kind=kind,
        source=webhook.source,
        object=webhook.object,
        record_id=record.record_id,
        properties=record.properties,
        previous=previous(kind, record.properties, before),
        occurred_at=record.modified_at or now,
        instants=record.instants,
    )
    return TriedChange(change, now, record.origin, names, record.is_enrolled)


def _refuse_contradictions(wanted: Wanted) -> None:
    told = {
        "--record": wanted.record is not None,
        "--fetch": wanted.is_fetched,
        "--previous": wanted.previous is not None,
        "--before": bool(wanted.before),
        "--change": wanted.kind is not None,
    }
    if wanted.event is not None:
        others = ", ".join(name for name, is_told in told.items() if is_told)
        if wanted.is_last or wanted.record_id is not None or others:
            raise typer.BadParameter("an event is made up, and created", param_hint="--event")
    if wanted.is_last:
        others = ", ".join(name for name, is_told in told.items() if is_told)
        if others:
            raise typer.BadParameter(f"it says all of a change, {others} too", param_hint="--last")
    if wanted.record is not None and wanted.record_id is not None:
        raise typer.BadParameter("take one of --record and --record-id", param_hint="--record-id")
    if wanted.is_fetched and wanted.record_id is None:
        raise typer.BadParameter("it goes with --record-id", param_hint="--fetch")
    if wanted.previous is not None and wanted.before:
        raise typer.BadParameter("take one of --previous and --before", param_hint="--before")


def _refuse_unknown_event(definitions: Definitions, webhook: Webhook, wanted: Wanted) -> None:
    if wanted.event is None:
        return
    if not isinstance(definitions.sources[webhook.source], OwnEventsSource):
        message = f"{webhook.name} reads {webhook.source}, which tells no events of the daemon"
        raise typer.BadParameter(message, param_hint="--event")
    if wanted.event not in EVENT_KINDS:
        message = no_such("event", wanted.event, EVENT_KINDS)
        raise typer.BadParameter(message, param_hint="--event")


def _last(webhook: Webhook, wanted: Wanted) -> TriedChange:
    key = (webhook.source, webhook.object)
    places = (wanted.state_directory, wanted.database_url)
    told = known_record.latest_change(key, wanted.record_id, *places)
    of = webhook.object if wanted.record_id is None else f"{webhook.object}/{wanted.record_id}"
    if told["change"] is None:
        raise NoSuchRecordError(
            f"no change of {of} in the source {webhook.source!r} is kept: changes are for 7 days at"
            " the most, without those of a first read; --record-id ID takes a record as it is known"
        )
    seen = replayed(told["change"], told["asked"])
    names = frozenset(seen.change.properties) | (seen.asked or frozenset())
    return TriedChange(
        seen.change,
        seen.seen_at,
        f"the last change of {of} that is kept, seen {told['change']['seen_at']}",
        names | frozenset(seen.change.previous or ()),
        webhook.name in seen.enrolled,
    )


def _state_before(
    definitions: Definitions, webhook: Webhook, wanted: Wanted, record: TriedRecord
) -> tuple[Properties | None, frozenset[str] | None]:
    """Return the properties before, and the names that either state has."""
    names = record.names
    if wanted.before:
        return _with(record.properties, wanted.before), names
    if wanted.previous is None:
        return None, names
    source = of_files(definitions.sources[webhook.source], webhook)
    old = read_first(wanted.previous, source, usage.of_webhooks([webhook]))
    return old.properties, None if names is None else names | names_in(old)


def _with(properties: Properties, before: Sequence[str]) -> Properties:
    """Return *properties* with others in their place; nothing behind `=` stands for no value."""
    found = dict(properties)
    for one in before:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise typer.BadParameter(f"{one!r} is not NAME=VALUE", param_hint="--before")
        found.pop(name, None)
        if value:
            found[name] = _like(properties.get(name, '""'), value)
    return found


def _like(now: str, value: str) -> str:
    """Return *value* as JSON: of the kind that the value *now* has, where it can be that."""
    if not now.startswith('"'):
        try:
            if not isinstance(json.loads(value), str):
                return value
        except (ValueError, RecursionError):
            pass
    return json.dumps(value, ensure_ascii=False)
