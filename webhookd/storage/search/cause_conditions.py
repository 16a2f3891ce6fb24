"""The words of `rules.failure_causes` as conditions on deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, func, not_, or_

from webhookd.rules.failure_causes import OTHER, REASONS
from webhookd.storage.schema.tables import DELIVERIES

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

LONGEST: Final = max(map(len, REASONS)) + 1
"""As much of an error as tells its reason, colon included."""

_STATUS, _ERROR = DELIVERIES.c.last_status, DELIVERIES.c.last_error


def is_cause(word: str) -> ColumnElement[bool]:
    """Return the condition that the latest attempt came to *word*, which has the right shape."""
    if word.isdigit():
        return _STATUS.between(int(word), int(word))
    if word.endswith("xx"):
        least = int(word[0]) * 100
        return _STATUS.between(least, least + 99)
    if word == OTHER:
        has_reason = or_(*map(_begins, REASONS))
        return and_(_STATUS.is_(None), _ERROR.isnot(None), not_(has_reason))
    return and_(_STATUS.is_(None), _begins(word))


def _begins(reason: str) -> ColumnElement[bool]:
    begins: ColumnElement[bool] = func.substr(_ERROR, 1, len(reason) + 1) == f"{reason}:"
    return begins
