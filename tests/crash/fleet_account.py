"""How much there was of what a fleet limits, as its receiver saw it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.crash.account import Note


def most_within(seconds: float, times: Iterable[float]) -> int:
    """Return the most of *times* that any window of so many *seconds* holds."""
    window, most = deque[float](), 0
    for time in sorted(times):
        window.append(time)
        while time - window[0] >= seconds:
            window.popleft()
        most = max(most, len(window))
    return most


def most_at_once(notes: Iterable[Note]) -> int:
    """Return the most requests that were open together."""
    return max((note.at_once for note in notes), default=0)
