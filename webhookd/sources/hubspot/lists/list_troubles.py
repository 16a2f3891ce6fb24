"""Lists that cannot be read now: each rests alone, loudly, and its members stay as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.sources.hubspot.lists import object_types
from webhookd.sources.polling.refusals import PollError, Refusal
from webhookd.telemetry.events import ListRefused

if TYPE_CHECKING:
    from webhookd.clock import Clock
    from webhookd.definitions import HubspotList
    from webhookd.sources.hubspot.lists.list_api import ListApi, ListFacts
    from webhookd.telemetry.figures import PollFigures

SHORTEST_REST: Final = 60.0
LONGEST_REST: Final = 900.0
"""Seconds until a list is asked for again: a scope that was given is noticed within that time."""

_SOUND_FOR: Final = 10.0
"""Seconds for which what a list says of itself counts: as long as a poll takes, about."""


def refused(why: str) -> PollError:
    """Return the error for a list that cannot be what is to be read."""
    return PollError(Refusal(why, "object", "list"))


class ListTroubles:
    """Remembers which lists of one type of object rest, and asks lists for themselves."""

    def __init__(self, figures: PollFigures, api: ListApi, clock: Clock) -> None:
        self._figures = figures
        self._api = api
        self._clock = clock
        self._until: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._sound_until: dict[str, float] = {}

    def rests(self, read: HubspotList) -> bool:
        """Return whether the list is not to be asked for now."""
        return self._clock.monotonic() < self._until.get(read.name, 0.0)

    def rest(self, read: HubspotList, error: PollError) -> None:
        """Let the list rest, longer after each failure, and say so."""
        failures = self._failures[read.name] = self._failures.get(read.name, 0) + 1
        longest = min(SHORTEST_REST * 2.0 ** min(failures - 1, 10), LONGEST_REST)
        pause = min(max(longest, error.refusal.wait), LONGEST_REST)
        self._until[read.name] = self._clock.monotonic() + pause
        self._sound_until.pop(read.name, None)
        figures = self._figures
        figures.part_rests(read.part, str(error), self._clock.now())
        telemetry.report(
            ListRefused(figures.source, figures.object, read.name, str(error), again_in=pause)
        )

    def wake(self) -> None:
        """End all rests."""
        self._until.clear()

    def reads(self, read: HubspotList) -> None:
        """Note that the list could be read."""
        self._failures.pop(read.name, None)
        self._figures.part_read(read.part, self._clock.now())

    async def facts(self, read: HubspotList) -> ListFacts:
        """Return what the list says of itself; PollError where it is not to be read now.

        A list that is gone or filled anew lacks members that have not left it.
        """
        facts = await self._api.facts(read.id)
        if facts.is_deleted:
            raise refused("it is deleted")
        if not object_types.is_of(self._figures.object, facts.type_id):
            raise refused(
                f"its records are of the type {facts.type_id}, not {self._figures.object}"
            )
        if facts.processing is not None:
            why = f"HubSpot is filling it ({facts.processing})"
            raise PollError(Refusal(why, "poll", "list", SHORTEST_REST))
        self._sound_until[read.name] = self._clock.monotonic() + _SOUND_FOR
        return facts

    async def is_sound(self, read: HubspotList) -> bool:
        """Return whether a record that is no member of the list now has left it."""
        if self._clock.monotonic() < self._sound_until.get(read.name, 0.0):
            return True
        if self.rests(read):
            return False
        try:
            await self.facts(read)
        except PollError as error:
            if error.is_general:
                raise
            self.rest(read, error)
            return False
        return True
