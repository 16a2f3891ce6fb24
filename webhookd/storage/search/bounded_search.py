"""A page of deliveries, the newest first, found in a bounded time however many there are.

Whatever an index has (a settled state, a webhook, what waits) is looked for there. For the rest the
rows themselves are looked at, so many numbers at a time, until the page is full or the time is
over: then it says how far it came, and the next page goes on there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, text

from webhookd.model import DeliveryState
from webhookd.storage.database.times import from_micros
from webhookd.storage.deliveries import query
from webhookd.storage.schema.tables import DELIVERIES, LANES
from webhookd.storage.search import delivery_conditions, numbers_of_times, waiting_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from webhookd.model import DeliveryFilter
    from webhookd.storage.database.database import Database
    from webhookd.storage.deliveries.query import ListedDelivery

SECONDS: Final = 0.1
"""How long a page is looked for, before it is told as far as it got."""

WINDOW: Final = 50_000
"""Numbers that are looked through at a time: some 30 ms, and no page takes less than one."""

OF_AN_INDEX: Final = 5_000
"""The same of those whose rows lie anywhere."""

LISTED: Final = 1_000
"""The same of numbers that are listed one by one."""

_NUMBER = DELIVERIES.c.number
_INDEXED: Final = {
    DeliveryState.FAILED: "failed_by_number",
    DeliveryState.SUPERSEDED: "superseded_by_number",
    DeliveryState.CANCELLED: "cancelled_by_number",
}
_BY_LANE: Final = "deliveries_by_lane"


@dataclass(frozen=True, slots=True)
class Page:
    """What was found. *next* is the number before which the following page begins, if any does.

    *is_partial* says that the time was over before the page was full; then *searched_to* is when
    the last one that was looked at was stored.
    """

    deliveries: Sequence[ListedDelivery]
    next: int | None = None
    is_partial: bool = False
    searched_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Window:
    """Numbers among which to look at once: all *low* <= number < *high* that *where* takes.

    *index* is the one that SQLite is to use: without statistics it would guess. Where *numbers* are
    there, only these come into question.
    """

    low: int
    high: int
    where: tuple[ColumnElement[bool], ...]
    index: str | None = None
    numbers: list[int] | None = None


@dataclass(frozen=True, slots=True)
class _Indexed:
    """What an index answers, and the conditions that are left for the rows."""

    name: str | None
    where: tuple[ColumnElement[bool], ...]
    left: tuple[ColumnElement[bool], ...]


def page(
    database: Database,
    wanted: DeliveryFilter,
    *,
    limit: int,
    now: datetime,
    before: int | None = None,
    seconds: float = SECONDS,
) -> Page:
    """Return at most *limit* deliveries that are *wanted*, of those *before* a number."""
    until = time.monotonic() + seconds
    with database.connected() as connection:
        lane = None
        if wanted.webhook is not None:
            lane = _lane(connection, wanted.webhook)
            if lane is None:
                return Page(())
        low, high = _range(connection, wanted, before)
        # Those of the page, and one more: whether there is a following page.
        numbers: list[int] = []
        following, is_partial, searched_to = None, False, None
        for window in _windows(connection, wanted, lane, low, high):
            numbers += _read(connection, window, limit + 1 - len(numbers))
            if len(numbers) > limit:
                del numbers[limit:]
                following = numbers[-1]
                break
            if window.low > low and time.monotonic() >= until:
                following, is_partial = window.low, True
                searched_to = numbers_of_times.time_of(connection, following)
                break
        found = query.with_numbers(connection, numbers, now=now)
    return Page(found, following, is_partial, from_micros(searched_to))


def _lane(connection: Connection, webhook: str) -> int | None:
    query_ = select(LANES.c.number).where(LANES.c.webhook == webhook)
    return connection.execute(query_).scalar()


def _range(connection: Connection, wanted: DeliveryFilter, before: int | None) -> tuple[int, int]:
    """Return the numbers that may be *wanted*: from the first to below the second."""
    low, newest = numbers_of_times.ends(connection)
    high = newest + 1 if before is None else min(before, newest + 1)
    slack = numbers_of_times.SLACK
    if wanted.until is not None:
        at = numbers_of_times.around(wanted.until, slack)
        high = min(high, numbers_of_times.first_since(connection, at, low, newest))
    if wanted.since is not None:
        at = numbers_of_times.around(wanted.since, -slack)
        low = numbers_of_times.first_since(connection, at, low, newest)
    return low, high


def _windows(
    connection: Connection, wanted: DeliveryFilter, lane: int | None, low: int, high: int
) -> Iterator[_Window]:
    """Yield where to look, the newest first."""
    if wanted.state in waiting_numbers.STATES:
        numbers = waiting_numbers.few(connection, wanted.state, lane, low, high)
        if numbers is not None:
            return _listed(numbers, tuple(delivery_conditions.of_rows(wanted)), low, high)
    indexed = _indexed(wanted.state, lane)
    where = (*indexed.where, *indexed.left, *delivery_conditions.of_rows(wanted))
    if indexed.name is None:
        return _all(connection, where, low, high)
    return _of_index(connection, indexed, where, low, high)


def _listed(
    numbers: list[int], where: tuple[ColumnElement[bool], ...], low: int, high: int
) -> Iterator[_Window]:
    """Yield *numbers*, the newest first, which are all that come into question."""
    for first in range(0, len(numbers), LISTED):
        part = numbers[first : first + LISTED]
        is_last = first + LISTED >= len(numbers)
        yield _Window(low if is_last else part[-1], high, where, numbers=part)


def _all(
    connection: Connection, where: tuple[ColumnElement[bool], ...], low: int, high: int
) -> Iterator[_Window]:
    """Yield all numbers, in windows."""
    while high > low:
        begin = max(low, high - WINDOW)
        yield _Window(begin, high, where)
        # Numbers that are gone, since nothing was kept for long, are passed over at once.
        newest = connection.execute(select(func.max(_NUMBER)).where(begin > _NUMBER)).scalar()
        high = low if newest is None else newest + 1


def _of_index(
    connection: Connection,
    indexed: _Indexed,
    where: tuple[ColumnElement[bool], ...],
    low: int,
    high: int,
) -> Iterator[_Window]:
    """Yield what an index has: at once where it answers all, else some at a time."""
    while high > low:
        begin = None
        if len(where) > len(indexed.where):
            begin = _following(connection, indexed, low, high)
        begin = low if begin is None else begin
        yield _Window(begin, high, where, indexed.name)
        high = begin


def _indexed(state: DeliveryState | None, lane: int | None) -> _Indexed:
    """Return what an index answers of a state and a lane."""
    of_state = () if state is None else delivery_conditions.is_in(state)
    of_lane = () if lane is None else (DELIVERIES.c.lane == lane,)
    all_of_lane = (*of_lane, text("number > 0"))
    if state is DeliveryState.FAILED and lane is not None:
        return _Indexed("failed", (*of_state, *of_lane), ())
    if state in _INDEXED:
        return _Indexed(_INDEXED[state], of_state, of_lane)
    if lane is not None:
        return _Indexed(_BY_LANE, all_of_lane, of_state)
    return _Indexed(None, (), of_state)


def _following(connection: Connection, indexed: _Indexed, low: int, high: int) -> int | None:
    """Return the number down to which there are as many as are looked at once; None: no more."""
    some = (
        select(_NUMBER)
        .where(*indexed.where, low <= _NUMBER, high > _NUMBER)
        .order_by(_NUMBER.desc())
        .limit(1)
        .offset(OF_AN_INDEX)
        .with_hint(DELIVERIES, f"INDEXED BY {indexed.name}", "sqlite")
    )
    return connection.execute(some).scalar()


def _read(connection: Connection, window: _Window, limit: int) -> Sequence[int]:
    """Return the numbers of at most *limit* deliveries in a window."""
    if window.numbers is not None and not window.where:
        return window.numbers[:limit]
    found = (
        select(_NUMBER)
        .where(*window.where, window.low <= _NUMBER, window.high > _NUMBER)
        .order_by(_NUMBER.desc())
        .limit(limit)
    )
    if window.numbers is not None:
        found = found.where(_NUMBER.in_(window.numbers))
    if window.index is not None:
        found = found.with_hint(DELIVERIES, f"INDEXED BY {window.index}", "sqlite")
    return connection.execute(found).scalars().all()
