"""Where a date lies beside a moment, in days: the four operators of relative dates.

A day is 24 hours. Of a moment *now* and *d* days, the regions are `(now - d, now]`, `< now - d`,
`[now, now + d)` and `> now + d`. A date alone is the beginning of its day, in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.definitions import Operator
from webhookd.rules.comparison import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DAY: Final = 86_400


def _shifted(moment: Moment, days: int) -> Moment:
    return Moment(moment.seconds + days * _DAY, moment.fraction)


def _less_ago(days: int) -> Callable[[Moment, Moment], bool]:
    return lambda moment, now: _shifted(now, -days) < moment <= now


def _more_ago(days: int) -> Callable[[Moment, Moment], bool]:
    return lambda moment, now: moment < _shifted(now, -days)


def _less_from_now(days: int) -> Callable[[Moment, Moment], bool]:
    return lambda moment, now: now <= moment < _shifted(now, days)


def _more_from_now(days: int) -> Callable[[Moment, Moment], bool]:
    return lambda moment, now: moment > _shifted(now, days)


RELATIVE: Final[Mapping[Operator, Callable[[int], Callable[[Moment, Moment], bool]]]] = {
    Operator.IS_LESS_THAN_X_DAYS_AGO: _less_ago,
    Operator.IS_MORE_THAN_X_DAYS_AGO: _more_ago,
    Operator.IS_LESS_THAN_X_DAYS_FROM_NOW: _less_from_now,
    Operator.IS_MORE_THAN_X_DAYS_FROM_NOW: _more_from_now,
}
"""Each operator: makes of a number of days the question of a date and of the moment now."""
