"""Times as requests write them."""

from __future__ import annotations

from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@lru_cache(64)  # most that are written are those of the same few reads or files
def timestamp(at: datetime) -> str:
    """Return a time as RFC 3339 in UTC, with milliseconds and `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
