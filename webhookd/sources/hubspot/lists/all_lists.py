"""The lists of one type of object, at every poll: first passes, who joined, whole passes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.sources.hubspot.lists.list_api import ListApi
from webhookd.sources.hubspot.lists.list_reader import ListReader
from webhookd.sources.hubspot.lists.list_troubles import ListTroubles
from webhookd.sources.hubspot.lists.list_work import ListWork
from webhookd.sources.hubspot.lists.memberships import Memberships
from webhookd.sources.polling.refusals import PollError

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.clock import Clock
    from webhookd.definitions import HubspotObject, HubspotSource
    from webhookd.sources.hubspot.answers.pages import Fetcher
    from webhookd.sources.hubspot.api_time import ClockWatch
    from webhookd.sources.hubspot.cursor import Cursor
    from webhookd.sources.hubspot.lists.list_cursor import ListCursor
    from webhookd.sources.hubspot.lists.list_work import Carried
    from webhookd.sources.polling.api_client import ApiClient
    from webhookd.sources.polling.checkpoint import Checkpoint
    from webhookd.telemetry.figures import PollFigures


def make(  # noqa: PLR0913 - the parts that lists are joined to
    settings: HubspotSource,
    read: HubspotObject,
    *,
    client: ApiClient,
    fetcher: Fetcher,
    records: Checkpoint[Cursor],
    checkpoint_of: Callable[[str], Checkpoint[ListCursor]],
    figures: PollFigures,
    clock: Clock,
    carried: Carried,
    watch: ClockWatch,
) -> AllLists:
    """Return what reads the lists of *read*, and have its *records* told of with them.

    *carried* adds what records have from elsewhere beside that.
    """
    api = ListApi(settings.api_version, client)
    troubles = ListTroubles(figures, api, clock)
    memberships = Memberships(read, api, records, troubles)
    if read.lists:
        records.complete_with(memberships.complete)
    checkpoints = {one.name: checkpoint_of(one.name) for one in read.lists}
    work = ListWork(
        settings,
        read,
        api,
        fetcher,
        records,
        checkpoints,
        memberships,
        troubles,
        clock,
        carried,
        watch,
    )
    return AllLists(work)


class AllLists:
    """Reads all lists of one type of object."""

    def __init__(self, work: ListWork) -> None:
        self._work = work
        self._readers = [(one, ListReader(one, work)) for one in work.read.lists]

    def wake(self) -> None:
        """End the rests of lists, at the next poll; runs on the event loop."""
        self._work.troubles.wake()

    async def first_passes(self) -> None:
        """Read the members of lists that were never read: before that no record is reported.

        Raises PollError where a list cannot be read. Its members are not known then, so that
        records would be told of with a hole.
        """
        for read, reader in self._readers:
            try:
                await reader.first_pass()
            except PollError as error:
                if error.is_general:
                    raise
                why = f"the list {read.name} ({read.id}): {error}"
                raise PollError(replace(error.refusal, why=why)) from None

    async def read(self, cursor: Cursor) -> None:
        """Read what is new of every list; one that cannot be read rests alone."""
        await self._learn(cursor)
        for read, reader in self._readers:
            if self._work.troubles.rests(read):
                continue
            try:
                await reader.read(cursor)
            except PollError as error:
                if error.is_general:
                    raise
                self._work.troubles.rest(read, error)
            else:
                self._work.troubles.reads(read)

    async def _learn(self, cursor: Cursor) -> None:
        """Ask again for lists of records that could not be asked for."""
        ids, news = await self._work.memberships.learn()
        if ids:
            seen = await self._work.observations(ids, cursor=cursor, joined_at={})
            memberships = self._work.memberships
            complete = memberships.with_lists(seen, await memberships.known(ids), news)
            # Whichever list's place it is that they are committed with: it stays where it is.
            name = self._readers[0][0].name
            await self._work.checkpoints[name].advance(
                memberships.places[name], complete, members=news
            )
