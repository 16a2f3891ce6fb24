"""Records to try things with, and the properties that they have: examples, and who uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.operations.lookups.property_figures import figures, used_by
from webhookd.operations.lookups.record_lookup import UnknownRecordError
from webhookd.storage.records import known_records
from webhookd.storage.records.known_properties import known_properties
from webhookd.storage.search import sample_records
from webhookd.views.changes import KnownRecordsView, KnownRecordView
from webhookd.views.sources import PropertiesView

if TYPE_CHECKING:
    from webhookd.definitions import Definitions
    from webhookd.storage.database.database import Database

_SAMPLE: Final = 1000
"""Records that are counted: all of them, where there are no more."""


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
    database: Database, source: str, object_: str, definitions: Definitions | None
) -> PropertiesView:
    """Return the properties that known records of a source and object have.

    Nobody is known to use any where there are no *definitions*.
    """
    with database.reading() as connection:
        known = known_properties(connection, source, object_)
        sample = sample_records.sample(connection, source, object_, _SAMPLE)
    used = {} if definitions is None else used_by(definitions, source, object_)
    records = [record.properties for record in sample.values()]
    return PropertiesView(
        known.records,
        tuple(sorted(known.names)),
        known.is_whole,
        len(records),
        figures(records, known.names, used),
    )
