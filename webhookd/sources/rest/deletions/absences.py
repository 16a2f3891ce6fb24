"""What a pass over the whole list lacks: doubted, asked for one by one, and only then deleted.

A list that is read while records change lacks some that are there. So a record that is missing is
asked for by itself, or must be missing in two passes in turn; and a list that lacks most of what is
known is set aside until a person lets it through.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd.model import Listed
from webhookd.rules.time_forms import instant
from webhookd.sources import missing_records
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.source import SetAside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhookd.model import MissingRecords, Observation
    from webhookd.sources.rest.passes import Passes
    from webhookd.sources.rest.rest_cursor import Cursor, Pass
    from webhookd.sources.rest.work import Work

BAD_PASSES: Final = 3
"""A row that is bad in so many passes in turn counts as there."""

LONGEST: Final = 20.0
"""Seconds that one poll takes for it: what changed must not wait for many deletions."""

_AT_ONCE: Final = 20
"""Records that are asked for one by one before what they are is committed."""

_MOST_SILENT: Final = 10
"""Records in a row that cannot be read, after which the poll has failed."""


class Absences:
    """Decides what a pass means that has read the whole list."""

    def __init__(self, work: Work, passes: Passes) -> None:
        self._work = work
        self._claim = passes.claim
        self._is_regular = work.read.deletions.by == "absence"
        self._deletes = self._is_regular or work.read.detect.by == "token"

    async def decide(self, cursor: Cursor) -> Cursor:
        """Return the cursor behind the pass under way, which is at its stage `deciding`."""
        listing = cursor.listing
        is_open = listing is not None and listing.is_noted and listing.stage != "over"
        if listing is None or not self._deletes or not is_open:
            return await self._finished(cursor, cursor.absent)
        bad, is_clear = _bad(cursor, listing)
        claim = self._claim(listing.number)
        if listing.bad and is_clear:
            await self._work.checkpoint.advance(cursor, listed=[Listed(claim, listing.bad)])
        cursor = replace(cursor, bad=bad)
        if not is_clear:
            return await self._finished(replace(cursor, is_owed=True), cursor.absent)
        if not listing.checked:
            known, missing = await missing_records.count(partial(self._missing, listing))
            aside = await missing_records.doubted(
                SetAside(listing.number, missing, known),
                cursor.set_aside,
                partial(self.accepted, cursor),
                source=self._work.settings.name,
                object_=self._work.read.name,
                is_empty=not listing.rows,
            )
            if aside is not None:
                cursor = replace(cursor, set_aside=aside, is_owed=False)
                return await self._finished(cursor, cursor.absent)
            cursor = replace(cursor, is_owed=await self._passes_over(listing, missing))
        return await self._delete(cursor, listing)

    async def accepted(self, cursor: Cursor) -> bool:
        """Return whether a person let through what was set aside, and nothing came of it yet."""
        aside = cursor.set_aside
        if aside is None:
            return False
        return await self._work.checkpoint.accepted() == aside.number

    async def _missing(self, listing: Pass, after: str, *, is_all: bool = False) -> MissingRecords:
        before = None if is_all else self._before(listing)
        claim = self._claim(listing.number)
        return await self._work.checkpoint.missing(claim, after=after, modified_before=before)

    def _before(self, listing: Pass) -> datetime | None:
        """Return when the pass began: what was modified since is left for the next one.

        Where no next one comes by itself, and each record can be asked for, all are looked at.
        """
        is_certain = not self._is_regular and self._work.one is not None
        return None if self._work.read.modified is None or is_certain else instant(listing.began)

    async def _passes_over(self, listing: Pass, missing: int) -> bool:
        """Return whether more is missing than is looked at, and no pass may come by itself."""
        comes = self._is_regular and self._work.read.detect.conditional is None
        if comes or self._before(listing) is None:
            return False
        _, more = await missing_records.count(partial(self._missing, listing, is_all=True))
        return missing < more

    async def _delete(self, cursor: Cursor, listing: Pass) -> Cursor:
        """Delete what is gone, a few records at a time."""
        absent, is_last, place = f"{self._claim(listing.number)}/absent", False, listing.checked
        silent: list[str] = []
        until = self._work.clock.monotonic() + LONGEST
        while not is_last:
            found = await self._missing(listing, place)
            is_last = found.is_last
            for start in range(0, len(found.record_ids), _AT_ONCE):
                ids = found.record_ids[start : start + _AT_ONCE]
                place = ids[-1]
                listing = replace(listing, checked=place)
                cursor = replace(cursor, listing=listing)
                if self._work.one is not None:
                    known = await self._confirmed(cursor, ids, silent)
                    cursor = replace(cursor, is_owed=cursor.is_owed or len(known) < len(ids))
                    await self._work.checkpoint.advance(cursor, known)
                else:
                    cursor = await self._look_twice(cursor, ids, absent)
                if self._work.clock.monotonic() > until:
                    return cursor
            place = found.place
        kept = absent if self._work.one is None and self._looks_again(cursor) else None
        if self._work.one is not None or not cursor.is_owed:
            # Else what a person let through is to be missing from one more pass.
            cursor = replace(cursor, set_aside=None)
        return await self._finished(cursor, kept)

    async def _confirmed(
        self, cursor: Cursor, ids: Sequence[str], silent: list[str]
    ) -> list[Observation]:
        """Return what the records *ids* are now; those that nobody can tell are left out."""
        observer, one = self._work.observer, self._work.one
        assert one is not None  # noqa: S101 - the caller has looked
        found: list[Observation] = []
        for id_ in ids:
            try:
                there = await one.read(id_)
            except PollError as error:
                silent.append(id_)
                if error.is_general or len(silent) >= _MOST_SILENT:
                    raise
                continue
            silent.clear()
            if there.row is not None:
                found.append(observer.observation(there.row, cursor, "healed"))
            elif there.is_gone:
                found.append(observer.deletion(id_))
        return found

    def _looks_again(self, cursor: Cursor) -> bool:
        """Return whether another pass comes, which what this one lacks is remembered for."""
        return self._is_regular or cursor.is_owed

    async def _look_twice(self, cursor: Cursor, ids: Sequence[str], absent: str) -> Cursor:
        """Delete those of *ids* that the pass before lacked, too; remember the others as absent."""
        before: frozenset[str] = frozenset()
        if cursor.absent is not None:
            before = await self._work.checkpoint.listed(cursor.absent, ids)
        gone = [self._work.observer.deletion(id_) for id_ in ids if id_ in before]
        new = Listed(absent, tuple(id_ for id_ in ids if id_ not in before))
        cursor = replace(cursor, is_owed=cursor.is_owed or bool(new.record_ids))
        await self._work.checkpoint.advance(cursor, gone, listed=[new])
        return cursor

    async def _finished(self, cursor: Cursor, absent: str | None) -> Cursor:
        """Commit that the pass is over, and forget what it met; what it lacked is *absent*."""
        listing, before = cursor.listing, cursor.absent
        if listing is None:
            return cursor
        checkpoint = self._work.checkpoint
        if self._deletes:
            # First that it is over: without what it met, all known records would be missing.
            cursor = replace(cursor, listing=replace(listing, stage="over"), absent=absent)
            await checkpoint.advance(cursor)
            await checkpoint.forget(cursor, self._claim(listing.number))
            if before is not None and before != absent:
                await checkpoint.forget(cursor, before)
        cursor = replace(
            cursor,
            listing=None,
            passes=listing.number,
            listed=listing.began,
            is_first=cursor.is_first and self._work.read.detect.by == "time",
        )
        await checkpoint.advance(cursor)
        return cursor


def _bad(cursor: Cursor, listing: Pass) -> tuple[dict[str, int], bool]:
    """Return in how many passes in turn each id was bad, and whether all others are certain."""
    bad = {id_: cursor.bad.get(id_, 0) + 1 for id_ in listing.bad}
    is_clear = not listing.has_nameless and all(count >= BAD_PASSES for count in bad.values())
    return bad, is_clear
