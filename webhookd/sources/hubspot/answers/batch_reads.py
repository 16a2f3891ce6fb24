"""Records read by their ids, where each id that is answered differently costs only itself.

An answer names records, not the ids that were asked for. So where an id is missing from it and
another id came in its place, the missing ids are asked for in ever smaller groups, until each is
asked for alone: what then comes in its place is the record that it was merged into. That may have
been merged again, so it is asked for as well, until a record answers for its own id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from webhookd.sources.hubspot.answers import responses
from webhookd.sources.polling.left_out import BadRecord
from webhookd.sources.polling.refusals import TOO_LARGE, PollError, nonsense

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhookd.sources.hubspot.answers.api import Api
    from webhookd.sources.hubspot.answers.responses import ApiRecord

READ_LIMIT: Final = 100
"""Ids that one request may ask for."""

MOST_UNREADABLE: Final = 10
"""Ids of one reading that may fail alone; where more do, the trouble is not theirs."""

MOST_STEPS: Final = 10
"""Records that one record may have been merged into, each into the next."""

NOBODY: Final[Mapping[str, str]] = MappingProxyType({})

OF_ONE: Final = frozenset({"400", TOO_LARGE})
"""Refusals that one id among many may be the reason of."""


@dataclass(slots=True)
class Reading:
    """What came of reading ids.

    *found* are records by id: those asked for that are there and not archived, and those that
    others were merged into. *merged* leads from an id asked for to the one that it was merged
    into. *unreadable* are ids whose records could not be read. Of ids that are *absent* the API
    says that they are not there, or archived; those that stand nowhere it does not mention. Of
    those that are unreadable, *failed* has what went wrong where the API did not give them.
    """

    found: dict[str, ApiRecord] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, BadRecord] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    failed: dict[str, PollError] = field(default_factory=dict)

    def resolve(self, wanted: Sequence[str]) -> None:
        """Let *merged* lead to what is there in the end; a record that leads to itself is wrong."""
        for id_ in wanted:
            met = [id_]
            while (into := self.merged.get(met[-1])) is not None and into not in met:
                met.append(into)
            if into is not None:
                why = "it is answered with ids that lead in a circle"
                self.unreadable[id_] = BadRecord(id_, why)
                del self.merged[id_]
            elif len(met) > 1:
                self.merged[id_] = met[-1]

    def fail(self, id_: str, error: PollError) -> None:
        """Note that *id_* alone cannot be read; raise *error* where that is so of too many."""
        self.failed[id_] = error
        if len(self.failed) > MOST_UNREADABLE:
            raise error
        self.unreadable[id_] = BadRecord(id_, str(error))


async def read(
    api: Api,
    ids: Sequence[str],
    names: list[str],
    modified_property: str,
    named_by: Mapping[str, str] = NOBODY,
) -> Reading:
    """Return what is there of *ids*, as it is now.

    *named_by* leads from an id to that of a record, just read, which says that it was merged into
    it: where that one is answered for an id, nothing else has to be asked.
    """
    reader = _Reader(api, names, modified_property, Reading(), named_by)
    wanted = list(dict.fromkeys(ids))
    await reader.read_all(wanted)
    asked = {*wanted, *named_by.values()}
    for _ in range(MOST_STEPS):
        doubtful = sorted(set(reader.into.merged.values()) - asked)
        if not doubtful:
            break
        asked.update(doubtful)
        await reader.read_all(doubtful)
    reader.into.resolve(wanted)
    return reader.into


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one request for *ids* brought.

    *missing* are those of the ids of which the answer says nothing; *foreign* are records with
    other ids, and *trouble* is why one may be missing, None where there is no sign of any.
    """

    missing: list[str]
    foreign: list[ApiRecord]
    trouble: str | None


@dataclass(frozen=True, slots=True)
class _Reader:
    api: Api
    names: list[str]
    modified: str
    into: Reading
    named_by: Mapping[str, str]

    async def read_all(self, ids: list[str]) -> None:
        """Read *ids*, as many as they are."""
        for start in range(0, len(ids), READ_LIMIT):
            await self.read(ids[start : start + READ_LIMIT])

    async def read(self, ids: list[str]) -> None:
        """Read *ids*, a hundred at the most; those that are missing once more among themselves."""
        try:
            answer = await self._ask(ids)
        except PollError as error:
            if error.refusal.status not in OF_ONE:
                raise
            if len(ids) == 1:
                self.into.fail(ids[0], error)
            else:
                await self._read_halves(ids)
            return
        if not answer.missing:
            return
        if len(answer.missing) < len(ids):
            # What they were merged into may be among the ids that were asked for.
            await self.read(answer.missing)
        elif len(ids) == 1:
            await self._judge(ids[0], answer)
        elif answer.foreign or answer.trouble is not None:
            await self._read_halves(ids)

    async def _read_halves(self, ids: list[str]) -> None:
        middle = len(ids) // 2
        await self.read(ids[:middle])
        await self.read(ids[middle:])

    async def _judge(self, id_: str, answer: _Answer) -> None:
        """Note why *id_*, asked for alone, was not answered; where nothing says so, it is gone."""
        if answer.foreign:
            # A deletion follows from this, so two answers must agree.
            again = await self._ask([id_])
            survivor = answer.foreign[0]
            if again.missing and survivor.id in {one.id for one in again.foreign}:
                self.into.merged[id_] = survivor.id
                self._take(survivor)
            elif again.missing:
                self.into.unreadable[id_] = BadRecord(id_, "it is answered with several other ids")
        elif answer.trouble is not None:
            self.into.fail(id_, nonsense(answer.trouble))

    async def _ask(self, ids: list[str]) -> _Answer:
        content = (await self.api.read(ids, self.names)).content
        try:
            page = responses.page(content, self.modified)
        except TypeError as error:
            raise nonsense(f"the API's answer cannot be understood: {error}") from None
        unread = responses.unread(content)
        bad = {one.id: one for one in page.bad}
        self.into.unreadable |= {id_: bad.pop(id_) for id_ in ids if id_ in bad}
        foreign = []
        answered = set(self.into.unreadable) | unread.absent
        self.into.absent |= unread.absent.intersection(ids)
        for record in page.records:
            if record.id in ids:
                answered.add(record.id)
                self._take(record)
            else:
                foreign.append(record)
        answered |= self._named(ids, answered, foreign)
        trouble = unread.others or next((one.reason for one in bad.values()), None)
        return _Answer([id_ for id_ in ids if id_ not in answered], foreign, trouble)

    def _named(self, ids: list[str], answered: set[str], foreign: Sequence[ApiRecord]) -> set[str]:
        """Take what is answered for those that it names; return their ids."""
        by_id = {record.id: record for record in foreign}
        named = {id_ for id_ in ids if id_ not in answered and self.named_by.get(id_) in by_id}
        for id_ in named:
            survivor = by_id[self.named_by[id_]]
            self.into.merged[id_] = survivor.id
            self._take(survivor)
        return named

    def _take(self, record: ApiRecord) -> None:
        self.into.absent.discard(record.id)
        if not record.archived:
            self.into.found[record.id] = record
