"""Records of another type as they are now, read for one poll: each once, however many name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.sources.hubspot.answers import batch_reads
from webhookd.sources.hubspot.answers.batch_reads import OF_ONE
from webhookd.sources.hubspot.carried.blocks import OtherRecord
from webhookd.sources.hubspot.properties import modified_property

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhookd.sources.hubspot.answers.api import Api

MOST_KEPT: Final = 10_000
"""Records that are remembered within a poll."""


class UnreadableError(Exception):
    """An associated record cannot be read: what would carry it is left out."""


class AssociatedRecords:
    """Reads the *names* of records of the type *object_*, through *api*.

    A record that is not there any more is None.
    """

    def __init__(self, api: Api, object_: str, names: Iterable[str]) -> None:
        self._api = api
        self._object = object_
        self._wanted = frozenset(names)
        self._names: list[str] = []
        self._known: dict[str, OtherRecord | None] = {}
        self._unreadable: dict[str, str] = {}

    def know(self, types: Mapping[str, str]) -> tuple[str, ...]:
        """Read those of the properties that there are by *types*; return the others."""
        self._names = sorted(self._wanted & types.keys())
        return tuple(sorted(self._wanted - types.keys()))

    def begin(self) -> None:
        """Forget what was read: a poll begins."""
        self._known.clear()
        self._unreadable.clear()

    async def read(self, ids: Iterable[str]) -> None:
        """Read those of *ids* that this poll has not read yet."""
        wanted = set(ids)
        new = sorted(wanted - self._known.keys() - self._unreadable.keys())
        if not new:
            return
        if len(self._known) + len(new) > MOST_KEPT:
            self._known = {id_: self._known[id_] for id_ in wanted if id_ in self._known}
        modified = modified_property(self._object)
        reading = await batch_reads.read(self._api, new, [*self._names, modified], modified)
        for id_ in new:
            into = reading.merged.get(id_, id_)
            record = reading.found.get(into)
            if record is not None:
                own = {
                    name: record.properties[name]
                    for name in self._names
                    if name in record.properties
                }
                self._known[id_] = OtherRecord(record.id, own)
            elif id_ in reading.failed and reading.failed[id_].refusal.status not in OF_ONE:
                # It may be given the next time. One that is refused never is.
                raise reading.failed[id_]
            elif id_ in reading.unreadable:
                self._unreadable[id_] = reading.unreadable[id_].reason
            else:
                self._known[id_] = None

    def of(self, id_: str) -> OtherRecord | None:
        """Return a record that was read; None where it is not there."""
        if id_ in self._unreadable:
            why = self._unreadable[id_]
            raise UnreadableError(f"{self._object} {id_}, with which it is associated: {why}")
        return self._known[id_]
