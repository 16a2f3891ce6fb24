"""What an attempt led to: delivered, try again and when, given up, or held."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from webhookd.model import DELIVERED, GivenUp, Held, Outcome, Reply, Response, RetryAt, Unreachable
from webhookd.rules.literal_secrets import shown_url
from webhookd.rules.retry_after import LATEST, asked_for

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.definitions import DeliveryPolicy, RetryPolicy
    from webhookd.model import Hints

_GONE, _TOO_MANY, _UNAVAILABLE = 410, 429, 503
_PAUSES_LANE = frozenset({_TOO_MANY, _UNAVAILABLE})
_HINTS_IN_ROW = 10
"""Answers in a row whose short Retry-After is obeyed; the rest of such a row only lengthens.

A receiver that says "in a second" for ever would else be asked every second for days.
"""
_SHORTEST_HINT = timedelta(seconds=1)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USERINFO = re.compile(r"//[^/?#@]*@")
_LONGEST_LOCATION = 200
"""Characters of an address that an error shows."""
_MICROSECONDS = 1_000_000


def judge(
    reply: Reply,
    *,
    policy: DeliveryPolicy,
    attempts_made: int,
    hints: Hints,
    first_attempt_at: datetime,
    held_for: timedelta,
    now: datetime,
    dice: float,
) -> Outcome:
    """Return what to do after an attempt got *reply*.

    *attempts_made* counts this one, *hints* are those before it, *first_attempt_at* is the start of
    the first, *held_for* how long the webhook was held since then, *dice* a number in [0, 1).
    """
    retry = policy.retry
    match reply:
        case Response(status) if is_success(status, policy):
            return DELIVERED
        case Response(status) if status == _GONE:
            return Held(f"the receiver answered {status}: it is gone")
        case Response(status) if not is_retried(status, retry):
            why = f"the receiver answered {status}, which is not retried"
            return GivenUp(why + _pointer(reply))
        case Response() | Unreachable():
            why = _failure(reply)
    give_up_at = later(first_attempt_at, retry.give_up_after, held_for)
    if now >= give_up_at:
        return GivenUp(f"{why}; given up at attempt {attempts_made}, as give_up_after has passed")
    # What short hints brought forward uses up nothing of the schedule.
    earliest = later(now, waiting_time(retry, attempts_made - hints.made, dice))
    asked = _asked_for(reply, retry, now)
    if asked is None:
        return RetryAt(min(earliest, give_up_at), why)
    paused_until, in_row = None, 0
    if _pauses_lane(reply):
        paused_until = min(asked, give_up_at)
        hinted = _hinted(asked - now, retry, now, dice)
        if hinted < earliest:
            # A row that is too long to be obeyed goes on: any other answer ends it.
            in_row = min(hints.in_row + 1, _HINTS_IN_ROW)
            earliest = hinted if in_row > hints.in_row else earliest
    return RetryAt(min(max(earliest, asked), give_up_at), why, paused_until, in_row)


def _asked_for(reply: Reply, policy: RetryPolicy, now: datetime) -> datetime | None:
    """Return the time before which the receiver wants no attempt; None if it named none."""
    if not isinstance(reply, Response):
        return None
    return asked_for(reply.retry_after, unit=policy.retry_after_unit, now=now)


def _pauses_lane(reply: Reply) -> bool:
    """Return whether what *reply* asks for holds for all of the webhook's deliveries."""
    return isinstance(reply, Response) and reply.status in _PAUSES_LANE


def _hinted(hint: timedelta, policy: RetryPolicy, now: datetime, dice: float) -> datetime:
    """Return when the next attempt is due by the receiver's *hint* alone: never before it."""
    try:
        jittered = hint + hint * (policy.jitter * dice)
    except OverflowError:
        return LATEST
    return later(now, max(jittered, _SHORTEST_HINT))


def waiting_time(policy: RetryPolicy, attempts_made: int, dice: float) -> timedelta:
    """Return how long to wait after that many attempts: longer each time, with jitter on top.

    Jitter only lengthens, and what is drawn at most is taken off the upper bound first: a
    retry is never early, and two are never further apart than `at_most_every`.
    """
    longest = policy.at_most_every.total_seconds() / (1 + policy.jitter)
    base = min(_grown(policy, attempts_made - 1), longest)
    # Rounded up: a microsecond early is early.
    microseconds = math.ceil(base * (1 + policy.jitter * dice) * _MICROSECONDS)
    return min(timedelta(microseconds=microseconds), policy.at_most_every)


def _grown(policy: RetryPolicy, retries_made: int) -> float:
    try:
        return policy.first_after.total_seconds() * policy.factor**retries_made
    except OverflowError:
        return math.inf


def is_success(status: int, policy: DeliveryPolicy) -> bool:
    """Return whether a receiver that answers *status* has taken the delivery."""
    return _is_among(policy.success_on, status)


def is_retried(status: int, policy: RetryPolicy) -> bool:
    """Return whether *status* or its class (`5xx`) is one to try again after."""
    return _is_among(policy.retry_on, status)


def _is_among(named: tuple[str, ...], status: int) -> bool:
    # Nearly always a class of statuses alone.
    return f"{status // 100}xx" in named or str(status) in named


def _failure(reply: Reply) -> str:
    match reply:
        case Response(status):
            return f"the receiver answered {status}" + _pointer(reply)
        case Unreachable(reason, detail):
            return f"{reason}: {detail}"


def _pointer(response: Response) -> str:
    """Return where a redirect points and what to do about it; nothing of other answers."""
    if response.status not in _REDIRECTS or not response.location:
        return ""
    shown = _shown(response.location)
    return f"; it points to {shown}, which is not followed: put that address into 'url'"


def _shown(location: str) -> str:
    """Return where an answer points, in one short line and without a secret in it."""
    address = shown_url(_USERINFO.sub("//", location.strip()))
    text = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in address)
    return text if len(text) <= _LONGEST_LOCATION else text[:_LONGEST_LOCATION] + "…"


def later(at: datetime, *lengths: timedelta) -> datetime:
    """Return a time so much later, or the calendar's last one."""
    try:
        return at + sum(lengths, start=timedelta())
    except OverflowError:
        return LATEST
