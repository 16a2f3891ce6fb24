"""Events of tokens: what servers of OAuth2 gave, or did not give."""

from __future__ import annotations

from dataclasses import dataclass

from webhookd.telemetry.events.event import Event


@dataclass(frozen=True, slots=True)
class TokenReceived(Event):
    """The server at *host* gave a token after *seconds*, for *lifetime* seconds if it named any."""

    host: str
    seconds: float
    lifetime: float | None


@dataclass(frozen=True, slots=True)
class TokenFailed(Event):
    """No token came from *host*; *reason* is of a closed set. It is not asked for *again_in* s."""

    host: str
    reason: str
    error: str
    again_in: float
