"""Conditions: a list that has not changed since it was read is not sent again.

What an answer says of its list, an ETag or a time, is kept only where every page of a reading said
the same: then it stands for the whole list and not for a page. A time must be over for as long as
it is exact. And no condition is sent for what is an hour old, or while anything is open: a record
that is missing is to be looked for in a list that is read.
"""

from __future__ import annotations

from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from webhookd.rules.time_forms import SECOND, moment
from webhookd.sources.rest.rest_cursor import Validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.rules.placeholders import Value
    from webhookd.sources.rest.asking.list_pages import ListReader, Page
    from webhookd.sources.rest.rest_cursor import Cursor, Place
    from webhookd.sources.rest.work import Work

LONGEST: Final = 3_600 * SECOND
"""After so long the list is read all the same: some APIs give the same ETag for ever."""

HEADERS: Final = {
    "etag": ("etag", "If-None-Match"),
    "last_modified": ("last-modified", "If-Modified-Since"),
}
"""For each condition, the header of an answer that it is made of, and that of a request."""


class Conditions:
    """Knows when the list of one type of object may be left unread. *reader* reads it.

    Where they are not *is_on*, no condition is sent and nothing is kept.
    """

    def __init__(self, work: Work, reader: ListReader, *, is_on: bool = True) -> None:
        self._work = work
        self._reader = reader
        self._kind = work.read.detect.conditional if is_on else None

    def header(
        self, cursor: Cursor | None, values: Mapping[str, Value | None], place: Place
    ) -> tuple[str, str] | None:
        """Return the header that makes a request conditional; None where it must not be."""
        kept = None if cursor is None else cursor.validator
        if cursor is None or kept is None or self._kind is None or place.number:
            return None
        is_open = cursor.is_first or cursor.is_owed or cursor.set_aside is not None
        age = moment(self._work.clock.now()) - kept.at
        is_same = kept.request == self._reader.digest(values)
        if is_open or not is_same or abs(age) >= LONGEST:
            return None
        return HEADERS[self._kind][1], kept.value

    def met(self, before: str | None, page: Page, place: Place) -> str | None:
        """Return what all pages up to *page* say of the list, None where they differ."""
        if self._kind is None or (place.number and before is None):
            return None
        if place.number and page.headers is None:
            # Behind the end there is an answer without anything.
            return before
        told = self._told(page)
        return told if not place.number or told == before else None

    def kept(self, cursor: Cursor, value: str | None, values: Mapping[str, Value | None]) -> Cursor:
        """Return *cursor* behind a whole reading, all of whose pages said *value*."""
        if self._kind is None:
            return cursor
        if value is None:
            return replace(cursor, validator=None)
        at = moment(self._work.clock.now())
        return replace(cursor, validator=Validator(self._reader.digest(values), value, at))

    def _told(self, page: Page) -> str | None:
        if self._kind is None or page.headers is None:
            return None
        value = page.headers.get(HEADERS[self._kind][0])
        if value is None or not value.isprintable():
            return None
        if self._kind == "last_modified" and not _is_over(value, page):
            return None
        return value


def _is_over(value: str, page: Page) -> bool:
    """Return whether nothing can be modified any more at the time *value* (RFC 9110, 8.8.2.2)."""
    try:
        at = moment(parsedate_to_datetime(value))
    except (TypeError, ValueError):
        return False
    return page.date is not None and moment(page.date) - at > SECOND
