"""Until when something may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from webhookd.transport.failure import SendError

if TYPE_CHECKING:
    from webhookd.model import Reason


class Limit(NamedTuple):
    """A moment on the event loop's clock, the length it stands for, and the reason it makes."""

    at: float
    seconds: float
    reason: Reason

    def passed(self, what: str) -> SendError:
        """Return the failure of something that was not done in time: *what* is a sentence."""
        return SendError(self.reason, f"{what} within {self.seconds:g} s")
