"""The record that `test` tries a webhook with: of a file, known, fetched, or made up."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.cli import known_record
from webhookd.cli.known_record import NoSuchRecordError
from webhookd.config.settings.process_settings import Settings
from webhookd.definitions import OwnEventsSource
from webhookd.definitions.event_kinds import EVENT_KINDS, TIMES
from webhookd.errors import SourceError
from webhookd.model import ChangeKind, OwnEvent
from webhookd.model.records import text_of
from webhookd.rules import event_changes, trigger, usage
from webhookd.rules.tried_changes import made_up
from webhookd.sources.directory.sample import names_in, read_first, reading_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from webhookd.definitions import Definitions, DirectorySource, Source, Webhook
    from webhookd.model import Change, Observation, Properties


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks for: which record, and what happened to it.

    *before* are properties as they were, each as NAME=VALUE. *event* names an own event. A known
    record is looked up in the database that the last two say.
    """

    record: Path | None = None
    record_id: str | None = None
    is_fetched: bool = False
    is_last: bool = False
    previous: Path | None = None
    before: Sequence[str] = ()
    kind: ChangeKind | None = None
    event: str | None = None
    state_directory: Path | None = None
    database_url: str | None = None


@dataclass(frozen=True, slots=True)
class TriedRecord:
    """A record, and what is known of it; *origin* says where it is from.

    *names* are the properties that it can have a value of, None where it is made up. *kind* is what
    the record itself says has happened to it.
    """

    record_id: str
    properties: Properties
    names: frozenset[str] | None
    origin: str = ""
    kind: ChangeKind | None = None
    modified_at: datetime | None = None
    instants: frozenset[str] = frozenset()
    is_enrolled: bool = False


def tried_record(definitions: Definitions, webhook: Webhook, wanted: Wanted) -> TriedRecord:
    """Return the record that is *wanted*.

    Raises NoSuchRecordError where nobody knows it, SourceError where it cannot be read.
    """
    source = definitions.sources[webhook.source]
    if isinstance(source, OwnEventsSource) and wanted.record is None:
        return sample_event(webhook, wanted)
    if wanted.record is not None:
        seen = read_first(wanted.record, of_files(source, webhook), usage.of_webhooks([webhook]))
        kind = ChangeKind.DELETED if seen.deleted else None
        return TriedRecord(seen.record_id, seen.properties, names_in(seen), kind=kind)
    if wanted.record_id is None:
        origin = "made up; --record FILE or --record-id ID takes a real one"
        return TriedRecord("123", made_up(webhook), None, origin)
    if wanted.is_fetched:
        return _fetched(definitions, webhook, wanted.record_id)
    return _known(source, webhook, wanted, wanted.record_id)


def sample_event(webhook: Webhook, wanted: Wanted) -> TriedRecord:
    """Return an own event with made-up properties: the one that is *wanted*, or one that fires.

    Raises NoSuchRecordError where an event is asked for by its id: none is remembered.
    """
    if wanted.record_id is not None:
        raise NoSuchRecordError(
            "own events are not remembered; --event NAME makes one up, --record FILE takes one from"
            " a file"
        )
    now = clock.now()
    named = [wanted.event] if wanted.event is not None else [*EVENT_KINDS]
    made = [_sample_event(name, webhook.source, now) for name in named]
    change = next((one for one in made if trigger.fires(webhook.trigger, one, now)), made[0])
    names = frozenset(change.properties)
    how = "" if wanted.event is not None else "; --event NAME takes another"
    origin = f"the event {text_of(change.properties['event'])}, made up{how}"
    return TriedRecord(
        change.record_id, change.properties, names, origin, modified_at=now, instants=TIMES
    )


def _sample_event(name: str, source: str, now: datetime) -> Change:
    facts = {key: json.loads(value) for key, value in EVENT_KINDS[name].properties.items()}
    return event_changes.change_of(
        OwnEvent(name, "", now, facts),
        source=source,
        record_id=clock.new_id(now),
        host=Settings.from_environment(os.environ).host,
        redact=str,
    )


def _known(source: Source, webhook: Webhook, wanted: Wanted, record_id: str) -> TriedRecord:
    place = f"{webhook.object}/{record_id}"
    key = (webhook.source, webhook.object)
    places = (wanted.state_directory, wanted.database_url)
    try:
        told = known_record.known_record(key, record_id, *places)
    except NoSuchRecordError as error:
        raise NoSuchRecordError(f"{error}; {_other_ways(source)}") from None
    if told["deleted"]:
        raise NoSuchRecordError(
            f"{place} was deleted, and no more is known of it; --last shows its deletion while"
            " that is kept (7 days at the most)"
        )
    modified_at = told["modified_at"] and datetime.fromisoformat(told["modified_at"])
    asked = told["asked"] or {"names": (), "instants": ()}
    when = f", modified {told['modified_at']}" if modified_at else ""
    return TriedRecord(
        record_id,
        told["properties"],
        frozenset(told["properties"]) | frozenset(asked["names"]),
        f"{place} of {webhook.source}, as webhookd knows it{when}",
        modified_at=modified_at,
        instants=frozenset(asked["instants"]),
        is_enrolled=webhook.name in told["enrolled"],
    )


def _other_ways(source: Source) -> str:
    from webhookd.sources import kinds  # noqa: PLC0415 - what reads sources takes long to load

    ways = "--record FILE takes one from a file"
    return ways if kinds.fetch(source) is None else f"--fetch asks the source itself, {ways}"


def _fetched(definitions: Definitions, webhook: Webhook, record_id: str) -> TriedRecord:
    seen = asyncio.run(_fetch(definitions, webhook, record_id))
    asked = seen.asked
    return TriedRecord(
        record_id,
        seen.properties,
        frozenset(seen.properties) | (asked.names if asked else frozenset()),
        f"{webhook.object}/{record_id}, as the source {webhook.source} has it now",
        modified_at=seen.modified_at,
        instants=asked.instants if asked else frozenset(),
    )


async def _fetch(definitions: Definitions, webhook: Webhook, record_id: str) -> Observation:
    from webhookd.cli import outgoing  # noqa: PLC0415 - what reads sources takes long to load
    from webhookd.sources import kinds  # noqa: PLC0415

    source = definitions.sources[webhook.source]
    fetch = kinds.fetch(source)
    if fetch is None:
        raise SourceError(
            f"the source {webhook.source} cannot be asked for one record; take it from a file with"
            " --record FILE, or without --fetch as webhookd knows it"
        )
    async with outgoing.opened(definitions) as out:
        try:
            return await fetch(
                source,
                webhook.object,
                record_id,
                transport=out.transport,
                egress=definitions.egress,
                clock=clock.SYSTEM,
                credentials_of=out.keyring.of,
            )
        except SourceError as error:
            # What the source says of a refusal is shortened: secrets are hidden before.
            raise SourceError(out.secrets.redactor.text(str(error))) from None


def of_files(source: Source, webhook: Webhook) -> DirectorySource:
    """Return how a file is read that holds a record of *source*: as its files, if it has some."""
    return reading_of(source, webhook.source, webhook.object)
