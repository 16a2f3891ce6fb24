"""Observations get their lists: from the table of members, and for what was modified from HubSpot.

Every batch of a type of object passes `complete` before it is handed over (`Checkpoint.complete`),
whichever way its records were read. One task reads a type of object, so nothing changes in the
table between the look at it and the commit of the batch.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd.model import Members
from webhookd.sources.polling.refusals import PollError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from webhookd.definitions import HubspotList, HubspotObject
    from webhookd.model import Observation
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.hubspot.lists.list_api import ListApi
    from webhookd.sources.hubspot.lists.list_cursor import ListCursor
    from webhookd.sources.hubspot.lists.list_troubles import ListTroubles
    from webhookd.sources.polling.checkpoint import Checkpoint

TRUE: Final = "true"
"""What `lists.NAME` of a member is, as JSON."""

MOST_UNLEARNED: Final = 10_000
"""Records whose lists are asked for again because that failed; beyond them the passes find out."""

_AT_ONCE: Final = 1000


class Memberships:
    """Knows which lists the records of one type of object are members of.

    `places` are how far each list has been read, by its name; the readers of lists write them.
    """

    def __init__(
        self,
        read: HubspotObject,
        api: ListApi,
        checkpoint: Checkpoint[Cursor],
        troubles: ListTroubles,
    ) -> None:
        self._lists = read.lists
        self._names = tuple(one.name for one in read.lists)
        self._object = read.name
        self._api = api
        self._checkpoint = checkpoint
        self._troubles = troubles
        self._unlearned: deque[str] = deque(maxlen=MOST_UNLEARNED)
        self.places: dict[str, ListCursor] = {}

    async def complete(
        self, cursor: Cursor, observations: Sequence[Observation]
    ) -> tuple[Sequence[Observation], tuple[Members, ...]]:
        """Return *observations* with their lists, and the news of members to commit with them."""
        ids = [one.record_id for one in observations if not one.deleted]
        if not ids:
            return observations, ()
        before = await self.known(ids)
        # What is there from the start was listed just now, and a page of it is no news.
        moved = await self._moved(observations) if cursor.listing is None else []
        news = await self._news(moved, before)
        return self.with_lists(observations, before, news), news

    async def known(self, ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Return the names of the lists of each of the records *ids*, as far as it has any."""
        return await self._checkpoint.memberships(self._names, ids)

    async def learn(self) -> tuple[list[str], tuple[Members, ...]]:
        """Ask again for the lists of records of which that failed; return whose changed, and how.

        The records are to be observed, and the news committed with them.
        """
        ids = list(dict.fromkeys(self._unlearned))[:_AT_ONCE]
        if not ids:
            return [], ()
        asked = frozenset(ids)
        left = (one for one in self._unlearned if one not in asked)
        self._unlearned = deque(left, maxlen=MOST_UNLEARNED)
        news = await self._news(ids, await self.known(ids))
        return sorted({id_ for one in news for id_ in (*one.met, *one.left)}), news

    def with_lists(
        self,
        observations: Iterable[Observation],
        before: Mapping[str, frozenset[str]],
        news: Iterable[Members],
    ) -> list[Observation]:
        """Return *observations* with the lists they were in *before*, changed by the *news*."""
        joined = {(id_, one.list) for one in news for id_ in one.met}
        left = {(id_, one.list) for one in news for id_ in one.left}

        def completed(seen: Observation) -> Observation:
            if seen.deleted:
                return seen
            own, id_ = before.get(seen.record_id, frozenset()), seen.record_id
            lists = {
                f"lists.{name}": TRUE
                for name in self._names
                if (id_, name) in joined or (name in own and (id_, name) not in left)
            }
            return replace(seen, properties={**seen.properties, **lists})

        return [completed(seen) for seen in observations]

    async def _moved(self, observations: Sequence[Observation]) -> list[str]:
        """Return the ids of those records that were modified since they were last seen."""
        there = [one for one in observations if not one.deleted]
        known = await self._checkpoint.modified([one.record_id for one in there])
        nothing = object()
        return [
            one.record_id
            for one in there
            if known.get(one.record_id, nothing) != one.modified_at or one.modified_at is None
        ]

    async def _news(
        self, ids: Sequence[str], before: Mapping[str, frozenset[str]]
    ) -> tuple[Members, ...]:
        """Return what HubSpot says of the lists of the records *ids* that differs from *before*."""
        read = [one for one in self._lists if one.name in self.places]
        type_id = next((self.places[one.name].type_id for one in read), "")
        if not ids or not type_id:
            return ()
        try:
            told = await self._api.of_records(type_id, ids)
        except PollError as error:
            if error.is_general:
                raise
            # They are told with the lists that are known, and these are asked for once more.
            self._unlearned.extend(ids)
            return ()
        news = [await self._news_of(one, told, before) for one in read]
        return tuple(one for one in news if one.met or one.left)

    async def _news_of(
        self,
        read: HubspotList,
        told: Mapping[str, frozenset[str]],
        before: Mapping[str, frozenset[str]],
    ) -> Members:
        name, number = read.name, self.places[read.name].number
        was = {id_ for id_ in told if name in before.get(id_, frozenset())}
        now = {id_ for id_, lists in told.items() if read.id in lists}
        left = was - now
        if left and not await self._troubles.is_sound(read):
            left = set()
        return Members(
            self._object, name, number, met=tuple(sorted(now - was)), left=tuple(sorted(left))
        )
