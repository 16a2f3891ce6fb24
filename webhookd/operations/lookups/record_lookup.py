"""A record as it is known, looked up by its id; and what is said where nobody knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.errors import WebhookdError
from webhookd.operations.view_builders import asked_for
from webhookd.storage.records import known_records
from webhookd.views.changes import RecordView

if TYPE_CHECKING:
    from webhookd.storage.database.database import Database

_EXAMPLES: Final = 3


class UnknownRecordError(WebhookdError):
    """No record is known by an id."""


def record(database: Database, source: str, object_: str, record_id: str) -> RecordView:
    """Return what is known of a record; raises UnknownRecordError where nothing is."""
    key = (source, object_)
    with database.reading() as connection:
        found = known_records.find_known(connection, *key, [record_id]).get(record_id)
        if found is None:
            others = known_records.known_after(connection, *key, after="", limit=_EXAMPLES + 1)
            raise UnknownRecordError(_unknown(*key, record_id, [id_ for id_, _ in others]))
        enrolled = [
            webhook
            for webhook in known_records.enrolling(connection)
            if known_records.is_enrolled(connection, webhook, *key, record_id)
        ]
    return RecordView(
        source=source,
        object=object_,
        record_id=record_id,
        properties=found.properties,
        modified_at=found.modified_at,
        deleted=found.deleted,
        asked=None if found.asked is None else asked_for(found.asked),
        enrolled=tuple(enrolled),
    )


def _unknown(source: str, object_: str, record_id: str, others: list[str]) -> str:
    if not others:
        return f"no record of {object_} is known of the source {source!r}: none was read yet"
    listed = ", ".join(map(repr, others[:_EXAMPLES])) + (" …" if others[_EXAMPLES:] else "")
    return f"{object_} has no record {record_id!r} in the source {source!r}; it has {listed}"
