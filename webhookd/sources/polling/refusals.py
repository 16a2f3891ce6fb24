"""What an answer that is no success means: whom it concerns, and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from webhookd.errors import SourceError
from webhookd.rules.retry_after import asked_for

if TYPE_CHECKING:
    from datetime import datetime

Concerns: TypeAlias = Literal["request", "poll", "token", "object", "source"]
"""Who must wait: a *request* may be repeated soon, a *poll* has failed, a *token* must rest, a
type of *object* or the whole *source* is refused."""

_OK = range(200, 300)
_PAUSES = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 900.0}
"""Seconds to wait at a limit that does not say how long itself, by its policy's name."""

_UNKNOWN_POLICY = 10.0
_LOCKED, _MOVING = 2.0, 300.0
_LONGEST_PAUSE = 86_400.0
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is nothing to read. *wait* is in seconds, *status* a closed set for counters."""

    why: str
    concerns: Concerns
    status: str
    wait: float = 0.0


class PollError(SourceError):
    """A poll came to nothing; what was read before stays."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.why)
        self.refusal = refusal


def nonsense(why: str) -> PollError:
    """Return the error for an answer that cannot be understood."""
    return PollError(Refusal(why, "poll", "nonsense"))


def refusal(  # noqa: PLR0911 - a case for each status
    status: int, retry_after: str | None, body: dict[str, Any], *, now: datetime
) -> Refusal | None:
    """Return what an answer with *status* refuses; None when it is a success."""
    if status in _OK:
        return None
    why = f"the API answered {status}{_told(body)}"
    wait = min(_seconds(retry_after, now), _LONGEST_PAUSE)
    label = str(status)
    match status:
        case 401:
            return Refusal(why, "source", label)
        case 403 | 404:
            return Refusal(why, "object", label)
        case 423:
            return Refusal(why, "request", label, max(wait, _LOCKED))
        case 429:
            policy = str(body.get("policyName", ""))
            pause = _PAUSES.get(policy, _UNKNOWN_POLICY)
            return Refusal(f"{why} (limit {policy or 'unnamed'})", "token", label, max(wait, pause))
        case 477:
            return Refusal(f"{why}: the account is being moved", "token", label, wait or _MOVING)
        case _ if status >= 500:  # noqa: PLR2004 - the server's fault
            return Refusal(why, "request", label, wait)
        case _ if status < 400:  # noqa: PLR2004 - a redirect, or worse
            return Refusal(f"{why}, which is not followed", "poll", label)
        case _:
            return Refusal(why, "poll", label, wait)


def _told(body: dict[str, Any]) -> str:
    message = body.get("message")
    if not isinstance(message, str) or not message:
        return ""
    shown = message if len(message) <= _SHOWN else f"{message[:_SHOWN]}…"
    return f": {shown if shown.isprintable() else ascii(shown)}"


def _seconds(retry_after: str | None, now: datetime) -> float:
    until = asked_for(retry_after, unit="seconds", now=now)
    return 0.0 if until is None else (until - now).total_seconds()
