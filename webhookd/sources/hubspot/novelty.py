"""What a record that was not known is reported as: the rules of `start`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.model import ChangeKind

if TYPE_CHECKING:
    from webhookd.definitions import HubspotSource
    from webhookd.sources.hubspot.answers.responses import ApiRecord
    from webhookd.sources.hubspot.cursor import Cursor


def unknown_is(
    settings: HubspotSource, cursor: Cursor, record: ApiRecord, *, is_first_read: bool = False
) -> ChangeKind | None:
    """Return what *record* is, should it not be known; None when it is there from the start."""
    if settings.start == "beginning":
        return ChangeKind.CREATED
    if is_first_read and (record.modified is None or record.modified <= cursor.since):
        return None
    is_new = record.created is not None and record.created > cursor.since
    return ChangeKind.CREATED if is_new else ChangeKind.UPDATED
