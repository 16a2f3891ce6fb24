"""What was modified since: pages of a list that is asked for by time, each of them committed.

Where the list is sorted by the time, a page is a request of its own from the newest time seen, and
no page number: pages of one request shift while records change, and skip some. A page that is one
instant is gone on with inside that instant, by ids or backwards (`one_instant`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd.rules import time_forms as times
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.rest.detection import page_times
from webhookd.sources.rest.detection.first_read_tally import Tally
from webhookd.sources.rest.detection.one_instant import Backwards, Met
from webhookd.sources.rest.detection.unchanged_lists import Conditions
from webhookd.sources.rest.rest_cursor import START, Cursor, Place, Sweep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.rules.placeholders import Value
    from webhookd.rules.time_forms import TimeForm
    from webhookd.sources.rest.asking.list_pages import ListReader, Page
    from webhookd.sources.rest.detection.details import Details
    from webhookd.sources.rest.observer import Found
    from webhookd.sources.rest.proofs import Proofs
    from webhookd.sources.rest.work import Work

PAGES_AT_ONCE: Final = 400
"""Pages of a later sweep that one poll reads: deletions must not wait for millions of changes."""

_OVER: Final = 3_600 * times.SECOND
"""How long ago an instant must be that nothing joins any more, however coarse times are cut."""

_EARLY: Final = 946_684_800 * times.SECOND
"""The year 2000: a time before all records, in whichever form."""


class Sweeper:
    """Reads what was modified of one type of object; PollError leaves what was committed."""

    def __init__(self, work: Work, proofs: Proofs, details: Details) -> None:
        self._work = work
        self._details = details
        self._proofs = proofs
        self._conditions = Conditions(work, work.sweeps)
        self._format = work.read.detect.time_format
        paging = work.read.paging
        self._is_sorted = work.read.detect.order == "modified"
        self._advances = self._is_sorted and not paging.is_stable

    async def read(self, cursor: Cursor | None) -> Cursor:
        """Go on with the sweep that is under way, or make one; return where that leaves off."""
        work, tally = self._work, Tally(self._work)
        pages = 0
        if cursor is None or cursor.sample is None:
            cursor = await self._with_sample(cursor)
        while True:
            cursor = await self._step(cursor, tally)
            pages += 1
            if cursor.sweep is None or (pages >= PAGES_AT_ONCE and not cursor.is_first):
                break
        work.note_lag(None if cursor.sweep is None else cursor.sweep.at)
        return cursor

    def form(self, cursor: Cursor | None) -> TimeForm:
        """Return how times are written: as the definition says, or as records have theirs."""
        if self._format != "auto":
            return times.form_like(self._format, self._work.zone)
        sample = None if cursor is None else cursor.sample
        return times.form_like(sample or "rfc3339", self._work.zone)

    def values(
        self, form: TimeForm, at: int, *, tied: str | None = None
    ) -> dict[str, Value | None]:
        """Return the placeholders of a request for what was modified at *at* or later.

        Where the filter leaves out the very time that it is given, one unit before is asked for.
        """
        is_later = not self._work.read.detect.inclusive and tied is None
        return {"since": form.written(at - form.unit if is_later else at), "after": tied}

    async def _with_sample(self, cursor: Cursor | None) -> Cursor | None:
        """Return the cursor with a time as records have theirs, where the first asked for is late.

        A server that compares texts may find nothing since one that is written otherwise.
        """
        read = self._work.read
        earliest = times.read(read.detect.begin, self._work.zone)[0]
        is_early = self.begin(cursor) == earliest and earliest <= _EARLY
        if self._format != "auto" or is_early:
            return cursor
        page = await self._work.sweeps.page(self.values(self.form(cursor), _EARLY))
        sample = page_times.finest(None, page)
        if sample is None:
            return cursor
        return replace(self._work.begun(page.date) if cursor is None else cursor, sample=sample)

    async def _step(self, cursor: Cursor | None, tally: Tally) -> Cursor:
        work, form = self._work, self.form(cursor)
        sweep = (None if cursor is None else cursor.sweep) or Sweep(self.begin(cursor), 0)
        reader = self._reader(sweep)
        values = self.values(form, sweep.at, tied=sweep.tied)
        try:
            condition = self._condition(cursor, values)
            page = await reader.page(values, sweep.place, condition=condition)
            if cursor is None:
                cursor = work.begun(page.date)
            if page.is_unchanged:
                return cursor
            if not sweep.began:
                sweep = replace(sweep, began=work.server_time(page.date))
            self.check(page, sweep, form)
            cursor = await self._proofs.hold(cursor, page, sweep, self)
            following, cursor = await self._following(cursor, sweep, page, values)
        except PollError as error:
            again = await self._restart(cursor, sweep, error)
            if again is None:
                raise
            return again
        rows = await self._details.rows(page.rows, cursor)
        found: Found = "first" if cursor.is_first else "later"
        observations = [work.observer.observation(row, cursor, found) for row in rows]
        is_first = cursor.is_first
        if cursor.sweep is None:
            told = None if following is not None else self._conditions.met(None, page, START)
            cursor = self._conditions.kept(cursor, told, values)
        cursor = self._moved(cursor, sweep, page, following)
        await work.checkpoint.advance(cursor, observations)
        if is_first:
            tally.count(len(page.rows), is_over=not cursor.is_first)
        return cursor

    def _condition(
        self, cursor: Cursor | None, values: Mapping[str, Value | None]
    ) -> tuple[str, str] | None:
        """Return the header for a first page that is sent only if it changed."""
        is_new = cursor is not None and cursor.sweep is None and bool(cursor.proved)
        return self._conditions.header(cursor, values, START) if is_new else None

    def begin(self, cursor: Cursor | None) -> int:
        """Return the time that a new sweep begins at."""
        if cursor is not None and cursor.mark is not None:
            return cursor.mark - self._work.overlap
        start = self._work.settings.start
        if not isinstance(start, str):
            return times.moment(start)
        return times.read(self._work.read.detect.begin, self._work.zone)[0]

    def _reader(self, sweep: Sweep) -> ListReader:
        ties = self._work.ties
        return self._work.sweeps if sweep.tied is None or ties is None else ties

    async def _restart(
        self, cursor: Cursor | None, sweep: Sweep, error: PollError
    ) -> Cursor | None:
        """Give up pages that lead no further: what they were kept by may be gone.

        Return where the sweep goes on, None where the poll has failed.
        """
        is_dead = sweep.place.number > 0 and error.refusal.concerns in {"poll", "object"}
        if cursor is None or cursor.sweep is None or not is_dead:
            return None
        inside = None if sweep.inside is None else sweep.inside.refused()
        if inside is not None:
            cursor = replace(cursor, sweep=_at_inside(sweep, inside))
            await self._work.checkpoint.advance(cursor)
            return cursor
        again = None
        if self._is_sorted:
            is_inside = sweep.newest is None or sweep.inside is not None
            at = sweep.at if is_inside else max(sweep.at, sweep.newest or 0)
            again = Sweep(at, sweep.began, sweep.newest)
        await self._work.checkpoint.advance(replace(cursor, sweep=again))
        return None

    def check(self, page: Page, sweep: Sweep, form: TimeForm) -> None:
        """Raise a PollError where a page is not sorted, or does not get on."""
        if not self._is_sorted or sweep.tied is not None:
            return
        latest, stamp = 0, None
        for row in page.rows:
            if row.modified is not None and row.modified < latest:
                why = f"the list is not sorted: {row.stamp} comes after {stamp}; see order"
                raise self._proofs.wrong(why)
            latest, stamp = row.modified or latest, row.stamp or stamp
        newest = page_times.newest(page)
        if newest is not None and newest < form.floor(sweep.at - form.unit):
            why = f"the filter is ignored: {page.count} records are older than asked for"
            raise self._proofs.wrong(why)

    async def _following(
        self, cursor: Cursor, sweep: Sweep, page: Page, values: Mapping[str, Value | None]
    ) -> tuple[Sweep | None, Cursor]:
        """Return how the sweep goes on behind *page*, None where it is over."""
        reader = self._reader(sweep)
        newest = page_times.latest(sweep.newest, page_times.newest(page, not_after=sweep.began))
        if sweep.inside is not None:
            following = self._read_inside(sweep, page, self.form(cursor), cursor.short)
            return replace(following, newest=newest), cursor
        is_last = await self._is_last(reader, page, values, cursor.short)
        cursor = replace(
            cursor, short=page_times.short(cursor.short, page, reader, is_last=is_last)
        )
        if is_last and sweep.tied is None:
            return None, cursor
        if not self._advances:
            place = START if page.following is None else page.following
            return replace(sweep, place=place, newest=newest), cursor
        return self._advanced(sweep, page, newest, self.form(cursor), is_last=is_last), cursor

    async def _is_last(
        self, reader: ListReader, page: Page, values: Mapping[str, Value | None], short: int
    ) -> bool:
        paging = reader.request.paging
        if paging.by == "none" and self._advances and paging.limit is not None:
            return page.count < paging.limit
        return await reader.is_last(page, values, short)

    def _advanced(
        self, sweep: Sweep, page: Page, newest: int | None, form: TimeForm, *, is_last: bool
    ) -> Sweep | None:
        if sweep.tied is not None:
            if is_last or not page.rows:
                # Everything of that instant is read.
                return Sweep(form.floor(sweep.at) + form.unit, sweep.began, newest)
            return replace(sweep, tied=page.rows[-1].id, newest=newest)
        seen = page_times.newest(page)
        if seen is not None and seen > sweep.began + times.SECOND:
            # What changes meanwhile is the next sweep's: this one might never end.
            return None
        if seen is not None and form.floor(seen) > form.floor(sweep.at):
            sweep = Sweep(seen, sweep.began, newest)
            if not self._is_one_instant(page, form):
                return sweep
        return replace(self._inside(sweep, page, form), newest=newest)

    def _is_one_instant(self, page: Page, form: TimeForm) -> bool:
        """Return whether *page*, a first one, is that of one instant as well."""
        if self._work.ties is None and self._work.read.paging.by not in {"page", "offset"}:
            return False
        found = [row.modified for row in page.rows if row.modified is not None]
        return bool(found) and form.floor(min(found)) == form.floor(max(found))

    def _inside(self, sweep: Sweep, page: Page, form: TimeForm) -> Sweep:
        """Return how the sweep goes on inside of the one instant that *page* is of."""
        if self._work.ties is not None and page.rows:
            return Sweep(form.floor(page_times.newest(page) or sweep.at), sweep.began, tied="")
        if page.following is None:
            why = "a whole page is of one instant, and nothing leads on inside of it: set paging"
            raise self._work.sweeps.keys.wrong("detect.ties", why, own=False)
        by = self._work.read.paging.by
        if by in {"page", "offset"}:
            return _at_inside(sweep, Backwards(page.count, is_exact=by == "offset"))
        return replace(sweep, place=page.following)

    def _read_inside(self, sweep: Sweep, page: Page, form: TimeForm, short: int) -> Sweep:
        """Return how the sweep goes on behind a *page* of an instant that is read backwards."""
        inside = sweep.inside
        assert inside is not None  # noqa: S101 - the caller has looked
        at, rows = form.floor(sweep.at), [row for row in page.rows if row.modified is not None]
        met = Met(
            page.count,
            begins=not rows or form.floor(rows[0].modified or 0) <= at,
            ends=not rows or form.floor(rows[-1].modified or 0) <= at,
            is_last=page.following is None or (page.is_short and page.count <= short),
        )
        following = inside.after(met)
        if following is None:
            # Everything of that instant is read.
            return Sweep(at + form.unit, sweep.began)
        return _at_inside(sweep, following)

    def _moved(self, cursor: Cursor, sweep: Sweep, page: Page, following: Sweep | None) -> Cursor:
        """Return the cursor behind *page*."""
        cursor = replace(cursor, sweep=following, sample=page_times.finest(cursor.sample, page))
        if following is not None:
            return cursor
        newest = page_times.latest(sweep.newest, page_times.newest(page, not_after=sweep.began))
        if newest is not None and newest < sweep.at and sweep.began - sweep.at > _OVER:
            # A whole page of that instant was read to its end: it is not, at every poll. One of
            # this very moment may lie behind `began`, which is a date of whole seconds.
            newest = sweep.at
        mark = page_times.latest(cursor.mark, newest)
        return replace(cursor, mark=mark, is_first=False, swept=sweep.began)


def _at_inside(sweep: Sweep, inside: Backwards) -> Sweep:
    """Return *sweep* where it reads on *inside* of its instant."""
    return replace(sweep, place=Place(inside.page, inside.row), inside=inside)
