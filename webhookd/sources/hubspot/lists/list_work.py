"""What reading the lists of one type of object works with, and how news of members is committed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from webhookd.sources.hubspot.answers.responses import instant
from webhookd.sources.hubspot.novelty import unknown_is

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from webhookd.clock import Clock
    from webhookd.definitions import HubspotObject, HubspotSource
    from webhookd.model import Members, Observation
    from webhookd.sources.hubspot.answers.pages import Fetcher
    from webhookd.sources.hubspot.api_time import ClockWatch
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.hubspot.lists.list_api import ListApi
    from webhookd.sources.hubspot.lists.list_cursor import ListCursor
    from webhookd.sources.hubspot.lists.list_troubles import ListTroubles
    from webhookd.sources.hubspot.lists.memberships import Memberships
    from webhookd.sources.polling.checkpoint import Checkpoint

    Carried: TypeAlias = Callable[[Sequence[Observation]], Awaitable[Sequence[Observation]]]


@dataclass(frozen=True, slots=True)
class ListWork:
    """What the lists of one type of object are read with.

    *records* is the checkpoint of the records, *checkpoints* are those of the lists, by name.
    """

    settings: HubspotSource
    read: HubspotObject
    api: ListApi
    fetcher: Fetcher
    records: Checkpoint[Cursor]
    checkpoints: Mapping[str, Checkpoint[ListCursor]]
    memberships: Memberships
    troubles: ListTroubles
    clock: Clock
    carried: Carried
    watch: ClockWatch

    async def commit(
        self,
        name: str,
        place: ListCursor,
        news: Members,
        *,
        cursor: Cursor,
        joined_at: Mapping[str, int | None] | None = None,
        before: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """Commit *news* of the list *name* and its *place*, with the records that it changes.

        *before* has the lists that these are in; they are looked up where it is None.
        """
        if before is None:
            before = await self.memberships.known([*news.met, *news.left])
        left = (id_ for id_ in news.left if name in before.get(id_, frozenset()))
        changed = [*joins(news.met, before, name), *left]
        seen = await self.observations(changed, cursor=cursor, joined_at=joined_at or {})
        complete = self.memberships.with_lists(seen, before, [news])
        await self.checkpoints[name].advance(place, complete, members=[news])
        self.memberships.places[name] = place

    async def observations(
        self, ids: Sequence[str], *, cursor: Cursor, joined_at: Mapping[str, int | None]
    ) -> list[Observation]:
        """Return the records *ids* as they are now, as far as somebody may hear of them.

        Of what is archived, merged or cannot be read the table of members alone learns: it is told
        with the record's next change. The same holds for what is not known when reading began at a
        time, for that was not modified since.
        """
        if not ids:
            return []
        is_from_a_time = isinstance(self.settings.start, datetime)
        states = await self.records.states(ids)
        wanted = [id_ for id_ in ids if id_ in states or not is_from_a_time]
        reading = await self.fetcher.read(wanted)
        found = []
        for id_ in wanted:
            record = reading.found.get(id_)
            if record is None:
                continue
            seen = self.fetcher.observation(record, unknown_is(self.settings, cursor, record))
            state = states.get(id_)
            if state and not state.is_deleted and state.modified_at == seen.modified_at:
                # Nothing else changed, so the change happened when the record joined.
                seen = replace(seen, occurred_at=self._sane(joined_at.get(id_)))
            found.append(seen)
        return list(await self.carried(found))

    def _sane(self, joined_at: int | None) -> datetime | None:
        """Return when a record joined; None for a time to come, or none at all."""
        is_ahead = joined_at is not None and self.watch.is_ahead(joined_at)
        return None if is_ahead else instant(joined_at)


def joins(members: Iterable[str], before: Mapping[str, frozenset[str]], name: str) -> list[str]:
    """Return those of *members* that were not members of the list *name* before."""
    return [id_ for id_ in members if name not in before.get(id_, frozenset())]
