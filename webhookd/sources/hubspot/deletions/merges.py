"""Records that were merged into others: no list shows them, and what they became names them.

A record may name ids that are merged into it (`MERGED`). Those of them that are known and alive are
read by their ids, and only what that says ends one: another record in its place, or that it is not
there. So a list that is stale, or wrong, deletes nothing. Besides, any read by ids may be answered
with another id, whatever it was made for.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd.model import Deletion, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from webhookd.definitions import HubspotObject
    from webhookd.model import Observation
    from webhookd.sources.hubspot.answers.pages import Fetcher
    from webhookd.sources.hubspot.answers.responses import ApiRecord
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.polling.checkpoint import Checkpoint

MERGED: Final = "hs_merged_object_ids"
"""The property that names what was merged into a record; most types of objects have it."""

_ID: Final = re.compile("[0-9]{1,30}")


class Merges:
    """Finds what was merged, of one type of object, in what is read of it."""

    def __init__(
        self, read: HubspotObject, fetcher: Fetcher, checkpoint: Checkpoint[Cursor]
    ) -> None:
        self._is_told = read.deletions
        self._fetcher = fetcher
        self._checkpoint = checkpoint

    async def tombstones(
        self, records: Iterable[ApiRecord], merged: Mapping[str, str]
    ) -> list[Observation]:
        """Return the deletions that follow from *records* and what was *merged*, by a read by ids.

        They belong before the records into the batch that takes these. Where deletions are not
        told, nobody is to hear of them: they are committed at once, as known, and nothing is
        returned.
        """
        deletions = self._deletions(merged)
        if self._is_told:
            return [*deletions, *await self._named(records)]
        if deletions:
            await self._checkpoint.take_as_known(deletions)
        return []

    async def _named(self, records: Iterable[ApiRecord]) -> list[Observation]:
        """Return the deletions of what *records* name, as far as a read by ids confirms them."""
        named_by = {id_: record.id for record in records for id_ in _merged_into(record)}
        alive = await self._alive(sorted(named_by))
        if not alive:
            return []
        reading = await self._fetcher.read(alive, {id_: named_by[id_] for id_ in alive})
        gone = {id_: named_by[id_] for id_ in alive if id_ in reading.absent}
        return self._deletions(gone | reading.merged)

    async def _alive(self, ids: Sequence[str]) -> list[str]:
        """Return those of *ids* that are known, and not as deleted."""
        if not ids:
            return []
        known = await self._checkpoint.known(ids)
        return [id_ for id_ in ids if known.get(id_) is False]

    def _deletions(self, merged: Mapping[str, str]) -> list[Observation]:
        return [
            self._fetcher.ended(id_, Deletion("merged", into))
            for id_, into in sorted(merged.items())
        ]


def _merged_into(record: ApiRecord) -> Iterable[str]:
    """Yield the ids that *record* names as merged into it, as far as they are ids of others."""
    for part in text_of(record.properties.get(MERGED, '""')).split(";"):
        id_ = part.strip()
        if _ID.fullmatch(id_) and id_ != record.id:
            yield id_


def as_there(observations: Iterable[Observation]) -> list[Observation]:
    """Return *observations* of records that are there now, whatever their times say."""
    return [replace(one, modified_at=None) for one in observations]
