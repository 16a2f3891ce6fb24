"""What an API's refusal means: whom it concerns, and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from webhookd.errors import SourceError
from webhookd.rules.retry_after import asked_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

Concerns: TypeAlias = Literal["request", "poll", "token", "object", "source"]
"""Who must wait: a *request* may be repeated soon, a *poll* has failed, a *token* must rest, a
type of *object* or the whole *source* is refused."""

TOO_LARGE: Final = "too_large"
"""The status of an answer that is longer or deeper than is read, or that ends too early.

Asked for less at once, an API may give what can be read."""

_OK = range(200, 300)
UNKNOWN_LIMIT: Final = 10.0
"""Seconds to wait at a limit of which nothing is known."""

_LONGEST_PAUSE: Final = 86_400.0
"""Seconds: an API that asks for more is tried once a day."""

_MESSAGES: Final = ("message", "error_description", "error", "errors", "detail", "title")
"""Members of an error that hold words, or an object with them, the most telling first."""

_SHOWN: Final = 200
"""Characters of an API's own message that are logged."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is nothing to read. *wait* is in seconds, *status* a closed set for counters.

    *restarts*: whatever was kept to read on by is none any more.
    """

    why: str
    concerns: Concerns
    status: str
    wait: float = 0.0
    restarts: bool = False


NO_CONTENT: Final = Refusal("", "request", "empty")
"""What a judge returns for an answer that is a success with nothing in it."""


class PollError(SourceError):
    """A poll came to nothing; what was read before stays."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.why)
        self.refusal = refusal

    @property
    def is_general(self) -> bool:
        """Return whether it concerns all that is read: the token is refused, or must rest."""
        return self.refusal.concerns in {"source", "token"}


def nonsense(why: str, status: str = "nonsense") -> PollError:
    """Return the error for an answer that cannot be understood."""
    return PollError(Refusal(why, "poll", status))


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it is judged: *value* is its JSON, None where it has none; *headers* in small.

    *at* is the time by the clock that the answer has.
    """

    status: int
    headers: Mapping[str, str]
    value: Any
    content: bytes
    at: datetime

    @property
    def members(self) -> Mapping[str, Any]:
        """Return the members of its JSON object; none where it is none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def retry_after(self) -> str | None:
        """Return the header of that name."""
        return self.headers.get("retry-after")


def refusal(  # noqa: PLR0911 - a case for each status
    received: Received, hide: Callable[[str], str]
) -> Refusal | None:
    """Return what an answer refuses; None when it is a success.

    *hide* takes secrets out of the API's own words, before they are shortened.
    This is what HTTP says. An API that means more by a status changes what this returns.
    """
    status, body = received.status, received.members
    if status in _OK:
        return None
    why = f"the API answered {status}{_message(body, hide)}"
    wait = asked_wait(received.retry_after, received.at)
    label = str(status)
    match status:
        case 401:
            return Refusal(why, "source", label)
        case 403 | 404 if body:
            # Without the API's own JSON it is somebody in between who says so.
            return Refusal(why, "object", label)
        case 429:
            return Refusal(why, "token", label, wait or UNKNOWN_LIMIT)
        case _ if status >= 500:  # noqa: PLR2004 - the server's fault
            return Refusal(why, "request", label, wait)
        case _ if status < 400:  # noqa: PLR2004 - a redirect, or worse
            return Refusal(f"{why}, which is not followed", "poll", label)
        case _:
            return Refusal(why, "poll", label, wait)


def asked_wait(retry_after: str | None, now: datetime) -> float:
    """Return the seconds to wait that Retry-After asks for, a day at the most; 0 without it."""
    until = asked_for(retry_after, unit="seconds", now=now)
    seconds = 0.0 if until is None else (until - now).total_seconds()
    return min(seconds, _LONGEST_PAUSE)


def _told(body: Mapping[str, Any]) -> str | None:
    """Return what an error says in words, wherever APIs have them; None where it says nothing."""
    for name in _MESSAGES:
        value = body.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, dict):
            value = value.get("message", value.get("detail"))
        if isinstance(value, str) and value:
            return value
    return None


def _message(body: Mapping[str, Any], hide: Callable[[str], str]) -> str:
    message = _told(body)
    if message is None:
        return ""
    words = hide(message)
    shown = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
    return f": {shown if shown.isprintable() else ascii(shown)}"
