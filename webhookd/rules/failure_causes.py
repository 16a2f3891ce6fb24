"""What an attempt came to, in a word: how failures are filtered and grouped.

The word is the status of the answer (`422`); where there was none, the reason (`refused`); `other`
where an error has neither, as when a request could not be made at all.
"""

from __future__ import annotations

import re
from typing import Final, get_args

from webhookd.model import Reason

REASONS: Final[tuple[str, ...]] = get_args(Reason)
OTHER: Final = "other"
SHAPE: Final = re.compile(rf"[1-9][0-9]{{2}}|[1-9]xx|{'|'.join(REASONS)}|{OTHER}")
"""What a word to filter by looks like: classes of statuses (`4xx`) as well."""


def cause(status: int | None, error: str | None) -> str | None:
    """Return the word for an attempt's *status* and *error*; None where nothing went wrong."""
    if status is not None:
        return str(status)
    if error is None:
        return None
    reason, colon, _ = error.partition(":")
    return reason if colon and reason in REASONS else OTHER


def require_shape(word: str) -> None:
    """Raise ValueError unless *word* is one to filter by."""
    if SHAPE.fullmatch(word) is None:
        words = ", ".join(REASONS)
        raise ValueError(f"a status as 422, a class of them as 4xx, or one of {words}, {OTHER}")
