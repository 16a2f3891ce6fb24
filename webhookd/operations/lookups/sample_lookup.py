"""Records to try things with, and the properties that they have: examples, and who uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.model import text_of
from webhookd.operations.lookups.record_lookup import UnknownRecordError
from webhookd.rules import usage
from webhookd.storage.records import known_records
from webhookd.storage.records.known_properties import known_properties
from webhookd.storage.search import sample_records
from webhookd.views.changes import KnownRecordsView, KnownRecordView
from webhookd.views.sources import PropertiesView, PropertyView

if TYPE_CHECKING:
    from webhookd.definitions import Definitions
    from webhookd.storage.database.database import Database

_SAMPLE: Final = 200
_EXAMPLES: Final = 3
_LONGEST_EXAMPLE: Final = 100


def records(
    database: Database, source: str, object_: str, record_id: str | None, limit: int
) -> KnownRecordsView:
    """Return the record with an id, or some records, those first that changed last.

    Raises an UnknownRecordError where no record has the id.
    """
    with database.reading() as connection:
        if record_id is None:
            found = sample_records.sample(connection, source, object_, limit)
        else:
            found = known_records.find_known(connection, source, object_, [record_id])
            if not found:
                raise UnknownRecordError(
                    f"{object_} has no record {record_id!r} in the source {source!r}"
                )
    return KnownRecordsView(
        tuple(
            KnownRecordView(id_, one.properties, one.modified_at, one.deleted)
            for id_, one in found.items()
        )
    )


def properties(
    database: Database, source: str, object_: str, definitions: Definitions
) -> PropertiesView:
    """Return the properties that known records of a source and object have."""
    with database.reading() as connection:
        known = known_properties(connection, source, object_)
        sample = sample_records.sample(connection, source, object_, _SAMPLE)
    used = {
        name: frozenset(usage.of_webhook(webhook))
        for name, webhook in definitions.webhooks.items()
        if (webhook.source, webhook.object) == (source, object_)
    }
    examples: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for record in sample.values():
        for name, value in record.properties.items():
            shown = text_of(value)
            if not shown:
                continue
            counts[name] = counts.get(name, 0) + 1
            of_name = examples.setdefault(name, [])
            if len(of_name) < _EXAMPLES and shown[:_LONGEST_EXAMPLE] not in of_name:
                of_name.append(shown[:_LONGEST_EXAMPLE])
    names = sorted({*known.names, *counts, *(name for of in used.values() for name in of)})
    return PropertiesView(
        known.records,
        tuple(sorted(known.names)),
        known.is_whole,
        tuple(
            PropertyView(
                name,
                tuple(examples.get(name, ())),
                round(counts.get(name, 0) / len(sample), 3) if sample else 0.0,
                tuple(sorted(webhook for webhook, of in used.items() if name in of)),
            )
            for name in names
        ),
    )
