"""The times on a page, and how full it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.rules import time_forms as times

if TYPE_CHECKING:
    from webhookd.sources.rest.asking.list_pages import ListReader, Page

_DIGITS: Final = str.maketrans("123456789", "000000000")


def newest(page: Page, *, not_after: int = times.LATEST) -> int | None:
    """Return the newest time on *page*; of what is later than *not_after* more may join."""
    found = (row.modified for row in page.rows if row.modified is not None)
    return max((at for at in found if at <= not_after), default=None)


def latest(one: int | None, other: int | None) -> int | None:
    """Return the later of two times, as far as there are any."""
    return max((at for at in (one, other) if at is not None), default=None)


def short(short: int, page: Page, reader: ListReader, *, is_last: bool) -> int:
    """Return how many rows a page may have that was seen to be the last."""
    limit = reader.request.paging.limit
    if limit is not None and page.count >= limit:
        return max(short, limit - 1)
    return max(short, page.count) if is_last and page.is_short else short


def finest(sample: str | None, page: Page) -> str | None:
    """Return the time that is written the finest: some APIs leave out a fraction of zero."""
    unit = None if sample is None else times.form_like(sample).unit
    # Those of one shape are as fine as each other, and most pages have one or two shapes.
    shapes: dict[str, str] = {}
    for row in page.rows:
        if row.stamp is not None:
            shapes.setdefault(row.stamp.translate(_DIGITS), row.stamp)
    for stamp in shapes.values():
        of_stamp = times.form_like(stamp).unit
        if unit is None or of_stamp < unit:
            sample, unit = stamp, of_stamp
    return sample
