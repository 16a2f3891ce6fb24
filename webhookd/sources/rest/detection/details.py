"""Rows of a list that has little more than ids: each that changed is read again by itself.

A row whose time of modification is the known one is not, once a whole reading began so long after
that time that it was read when nothing could be modified at it any more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd.rules.time_forms import SECOND, moment
from webhookd.sources.polling.left_out import BadRecord
from webhookd.sources.polling.refusals import PollError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from webhookd.sources.polling.left_out import LeftOut
    from webhookd.sources.rest.answers.rest_rows import Row
    from webhookd.sources.rest.asking.one import OneFound
    from webhookd.sources.rest.rest_cursor import Cursor
    from webhookd.sources.rest.work import Work

COARSEST: Final = 120 * SECOND
"""Times that are cut to the minute are over after so long."""

_MOST_REFUSED: Final = 10
"""Records in a row that are refused, after which the poll has failed: it is not for their sake."""


class Details:
    """Reads records of one type of object by themselves; *left_out* tells of those that are bad."""

    def __init__(self, work: Work, left_out: LeftOut) -> None:
        self._work = work
        self._left_out = left_out
        self._one = work.one if work.read.detail else None

    async def rows(self, rows: Sequence[Row], cursor: Cursor) -> list[Row]:
        """Return those of *rows* that are news, as they are by themselves.

        PollError where one of them cannot be read now.
        """
        one = self._one
        if one is None:
            return list(rows)
        news = await self._news(rows, cursor)
        found: list[Row] = []
        bad: list[BadRecord] = []
        refused = 0
        for row in news:
            if row.deleted:
                found.append(row)
                continue
            try:
                there = await one.read(row.id, is_careful=False)
            except PollError as error:
                refused += 1
                # What fails for now is asked for again, with all of its page.
                if error.refusal.concerns not in {"poll", "object"} or refused >= _MOST_REFUSED:
                    raise
                bad.append(BadRecord(row.id, str(error)))
                continue
            refused = 0
            self._add(row, there, found, bad)
        if refused and refused == len(news):
            why = f"no row can be read by itself; {bad[0].id}: {bad[0].reason}"
            raise self._work.lists.keys.wrong("one", why, own=False)
        self._left_out.note(bad)
        return found

    def _add(self, row: Row, there: OneFound, found: list[Row], bad: list[BadRecord]) -> None:
        """Add what there is of a record to *found*, or why it cannot be taken to *bad*."""
        if there.is_gone:
            if self._work.read.deletions.by != "none":
                found.append(replace(row, deleted=True, properties={}, modified=None))
        elif there.row is None:
            bad.append(BadRecord(row.id, there.why))
        else:
            known = [at for at in (row.modified, there.row.modified) if at is not None]
            created = there.row.created if row.created is None else row.created
            found.append(replace(there.row, modified=max(known, default=None), created=created))

    async def _news(self, rows: Sequence[Row], cursor: Cursor) -> list[Row]:
        """Return those of *rows* that may be other than they are known."""
        before = self._read_before(cursor)
        old = [row.id for row in rows if _is_over(row, before)]
        if not old:
            return list(rows)
        known = await self._work.checkpoint.modified(old)
        return [row for row in rows if not _is_over(row, before) or not _is_known(row, known)]

    def _read_before(self, cursor: Cursor) -> int:
        """Return when the last whole reading began; 0 where none can tell of what is known."""
        match self._work.read.detect.by:
            case "time":
                return cursor.swept
            case "comparison":
                return 0 if cursor.is_first else cursor.listed or 0
            case "token":
                return 0


def _is_over(row: Row, before: int) -> bool:
    return not row.deleted and row.modified is not None and row.modified + COARSEST < before


def _is_known(row: Row, known: Mapping[str, datetime | None]) -> bool:
    at = known.get(row.id)
    return at is not None and moment(at) == row.modified
