"""Turns to send tests: one at a time, and so many in a minute, whoever asks."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.clock import Clock

MOST_A_MINUTE: Final = 30
_MINUTE: Final = 60.0


class TooManyTestsError(WebhookdError):
    """A test is on its way, or many were sent in the last minute."""


class Turns:
    """Gives turns. Used on the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._is_taken = False
        self._taken_at: deque[float] = deque(maxlen=MOST_A_MINUTE)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the turn; raises a TooManyTestsError where there is none."""
        now = self._clock.monotonic()
        if self._is_taken:
            raise TooManyTestsError("another test is on its way; wait for its end")
        if len(self._taken_at) == MOST_A_MINUTE and now - self._taken_at[0] < _MINUTE:
            raise TooManyTestsError(f"{MOST_A_MINUTE} tests were sent in the last minute; wait")
        self._is_taken = True
        self._taken_at.append(now)
        try:
            yield
        finally:
            self._is_taken = False
