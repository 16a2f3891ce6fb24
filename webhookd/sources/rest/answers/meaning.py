"""What the answers of a REST API mean: whom a refusal concerns, and when a limit is over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from webhookd.rules.retry_after import asked_for
from webhookd.sources.polling import refusals
from webhookd.sources.polling.answer_json import ExactAnswer
from webhookd.sources.polling.refusals import NO_CONTENT, UNKNOWN_LIMIT, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from webhookd.definitions import RestError, RestSource
    from webhookd.sources.polling.refusals import Concerns, Received

EMPTY: Final = frozenset({204, 304})
"""Statuses of an answer that is an empty list."""

_LONGEST: Final = 86_400.0
_EPOCH: Final = 10_000_000
"""Seconds: a time to reset that is later is since 1970, and no length."""

_RESETS: Final = (
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
)
_CONCERNS: Final[Mapping[str, Concerns]] = {
    "retry": "request",
    "pause": "token",
    "rest": "object",
    "stop": "source",
    "restart": "poll",
}


class Meaning:
    """Judges answers by HTTP, and before that by the exceptions that a source's `errors` are."""

    def __init__(self, settings: RestSource) -> None:
        self._rules = settings.errors
        self._unit = settings.retry_after_unit

    def __call__(self, received: Received, hide: Callable[[str], str]) -> Refusal | None:
        """Return what an answer refuses, `NO_CONTENT` where it is empty, None for a success."""
        if isinstance(received.value, ExactAnswer):
            received = replace(received, value=received.value.value)
        rule = next((one for one in self._rules if _holds(one, received)), None)
        if received.status in EMPTY:
            return NO_CONTENT
        if rule is not None:
            return self._by_rule(rule, received, hide)
        found = refusals.refusal(received, hide)
        if found is None:
            return None
        if received.status in {403, 404}:
            # Without JSON it is somebody in between who says so.
            is_own = received.value is not None
            return replace(found, concerns="object" if is_own else "poll")
        wait = self._wait(received)
        return replace(found, wait=wait or (UNKNOWN_LIMIT if found.concerns == "token" else 0.0))

    def _by_rule(self, rule: RestError, received: Received, hide: Callable[[str], str]) -> Refusal:
        if rule.then == "empty":
            return NO_CONTENT
        told = refusals.refusal(replace(received, status=max(received.status, 400)), hide)
        why = "" if told is None else told.why
        if received.status < 400:  # noqa: PLR2004 - a success by its status
            why = f"the API answered {received.status}, with {rule.body!r:.60} in it"
        wait = self._wait(received)
        if rule.length is not None:
            wait = max(wait, rule.length.total_seconds())
        elif rule.then == "pause":
            wait = wait or UNKNOWN_LIMIT
        concerns, restarts = _CONCERNS[rule.then], rule.then == "restart"
        return Refusal(why, concerns, str(received.status), wait, restarts=restarts)

    def _wait(self, received: Received) -> float:
        """Return for how many seconds an answer wants no request."""
        until = asked_for(received.retry_after, unit=self._unit, now=received.at)
        if until is not None:
            return min((until - received.at).total_seconds(), _LONGEST)
        return reset_in(received.headers, received.at, is_over=received.status == 429)  # noqa: PLR2004 - too many requests


def reset_in(headers: Mapping[str, str], at: datetime, *, is_over: bool = False) -> float:
    """Return the seconds until a limit that is used up starts anew; 0 where none is.

    *is_over*: the answer says that it is, whatever remains.
    """
    for remaining, reset in _RESETS:
        told = headers.get(reset, "").strip()
        if not (is_over or headers.get(remaining, "").strip() == "0"):
            continue
        try:
            seconds = float(told)
        except ValueError:
            continue
        if seconds > _EPOCH * 100_000:
            seconds /= 1000  # milliseconds since 1970
        if seconds > _EPOCH:
            seconds -= at.timestamp()
        if seconds > 0:
            return min(seconds, _LONGEST)
    return 0.0


def _holds(rule: RestError, received: Received) -> bool:
    if rule.status is not None and rule.status != received.status:
        return False
    return rule.body is None or rule.body.encode() in received.content
