"""The change that a webhook is tried with: one of the journal, a known record's, or one made up."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from webhookd.model import Change, ChangeKind
from webhookd.operations.lookups.record_lookup import UnknownRecordError, record
from webhookd.operations.view_builders import journal_page
from webhookd.rules import trigger
from webhookd.rules.journaled_changes import replayed
from webhookd.rules.tried_changes import made_up, previous, usual_kind
from webhookd.storage.records import journal_pages
from webhookd.storage.search import sample_records
from webhookd.views.json_writer import written

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.definitions import Webhook
    from webhookd.model import Properties
    from webhookd.rules.replay import Replayed
    from webhookd.storage.database.database import Database

LOOKED_AT: Final = 200
"""So many of the newest changes are looked at for one that fires, and so many records."""
_MADE_UP: Final = "123"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a webhook is to be tried with: a change by its *number*, a record, or what there is.

    *kind* is what happened to the record; None for what the webhook takes.
    """

    record_id: str | None = None
    number: int | None = None
    kind: ChangeKind | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A change, as if it was seen *at* a time. *is_enrolled*: the webhook has the record already.

    *origin* is a sentence, *number* the change's in the journal, if it is from there.
    """

    change: Change
    at: datetime
    origin: str
    number: int | None = None
    is_enrolled: bool = False


def sample(database: Database, webhook: Webhook, wanted: Wanted, now: datetime) -> Sample:
    """Return what *webhook* is tried with.

    Raises an UnknownRecordError where the record or the change is not known.
    """
    if wanted.number is not None:
        return _numbered(database, webhook, wanted.number)
    if wanted.record_id is not None:
        return _known(database, webhook, wanted.record_id, wanted.kind, now)
    found = _newest(database, webhook)
    if found is not None:
        return found
    with database.reading() as connection:
        known = sample_records.sample(connection, webhook.source, webhook.object, LOOKED_AT)
    if known:
        return _known(database, webhook, next(iter(known)), wanted.kind, now)
    change = _of(webhook, _MADE_UP, made_up(webhook), wanted.kind, now)
    origin = f"no {webhook.object} of {webhook.source} is known yet: this one is made up"
    return Sample(change, now, origin)


def _newest(database: Database, webhook: Webhook) -> Sample | None:
    """Return the newest change that fires; else the newest of all, None where there is none."""
    told = _page(database, webhook, before=None, limit=LOOKED_AT)
    newest = None
    for one in told["changes"]:
        seen = replayed(one, told["asked"])
        if trigger.fires(webhook.trigger, seen.change, seen.seen_at):
            return _seen(webhook, one["number"], seen, "the newest change that fires")
        newest = newest or _seen(webhook, one["number"], seen, "the newest change; none fires")
    return newest


def _numbered(database: Database, webhook: Webhook, number: int) -> Sample:
    told = _page(database, webhook, before=number + 1, limit=1)
    for one in told["changes"]:
        if one["number"] == number:
            return _seen(webhook, number, replayed(one, told["asked"]), f"change {number}")
    raise UnknownRecordError(
        f"the journal has no change {number} of {webhook.object} in the source {webhook.source!r}"
    )


def _page(database: Database, webhook: Webhook, *, before: int | None, limit: int) -> Any:
    source, object_ = webhook.source, webhook.object
    page = journal_pages.newest(database, source, object_, before=before, limit=limit)
    return json.loads(written(journal_page(page)))


def _seen(webhook: Webhook, number: int, seen: Replayed, what: str) -> Sample:
    is_enrolled = webhook.name in seen.enrolled
    return Sample(seen.change, seen.seen_at, f"{what}, as it was seen", number, is_enrolled)


def _known(
    database: Database, webhook: Webhook, record_id: str, kind: ChangeKind | None, now: datetime
) -> Sample:
    known = record(database, webhook.source, webhook.object, record_id)
    if known.deleted:
        told = f"{webhook.object}/{record_id} was deleted, and no more is known of it"
        raise UnknownRecordError(told)
    instants = frozenset(known.asked.instants) if known.asked is not None else frozenset[str]()
    change = _of(webhook, record_id, known.properties, kind, known.modified_at or now)
    change = replace(change, instants=instants)
    is_enrolled = webhook.name in known.enrolled
    return Sample(change, now, "a record as it is known", is_enrolled=is_enrolled)


def _of(
    webhook: Webhook, record_id: str, properties: Properties, kind: ChangeKind | None, at: datetime
) -> Change:
    kind = kind or usual_kind(webhook, has_before=False)
    before = previous(kind, properties, None)
    return Change(kind, webhook.source, webhook.object, record_id, properties, before, at)
