"""Times as the database keeps them: whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECONDS_OF_A_DAY = 86_400


@overload
def to_micros(at: datetime) -> int: ...
@overload
def to_micros(at: None) -> None: ...
def to_micros(at: datetime | None) -> int | None:
    """Return *at* as microseconds; None stays None."""
    if at is None:
        return None
    passed = at - _EPOCH
    return (passed.days * _SECONDS_OF_A_DAY + passed.seconds) * 1_000_000 + passed.microseconds


@overload
def from_micros(micros: int) -> datetime: ...
@overload
def from_micros(micros: None) -> None: ...
def from_micros(micros: int | None) -> datetime | None:
    """Return the time that *micros* stands for; None stays None."""
    return None if micros is None else _EPOCH + micros * _MICROSECOND
