"""Timers of triggers: `at` a date property, `wait` after a change, and the zones of dates."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from webhookd.config.checks.triggers import refuse_of_the_change
from webhookd.config.messages import near, shown
from webhookd.definitions import durations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

LEAST_LATE: Final = timedelta(minutes=1)
MOST_LATE: Final = timedelta(days=31)
LEAST_WAIT: Final = timedelta(seconds=1)
MOST_WAIT: Final = timedelta(days=90)
MOST_OFFSET: Final = timedelta(days=3650)

_CALENDAR: Final = ("days", "time", "zone", "yearly")
_BESIDE_AT: Final = {
    "changes": "a record is due at its moment, whatever changed",
    "changed_properties": "a record is due at its moment, whatever changed",
    "wait": "a moment is waited for already; shift it with 'days' or 'offset'",
}


def check(webhook: Node) -> Iterator[Problem]:
    """Yield what is wrong with the timer of *webhook*."""
    trigger = webhook.at("trigger")
    if trigger.is_there("at"):
        yield from _at(webhook, trigger)
    if trigger.is_there("wait"):
        yield from _wait(trigger.at("wait"))
    if trigger.is_there("while"):
        yield from _while(trigger)


def warnings(webhook: Node) -> Iterator[Problem]:
    """Yield a warning for a zone that is an abbreviation: it has no summer time."""
    zone = webhook.at("trigger", "at", "zone")
    name = zone.text()
    if name is not None and name != "UTC" and "/" not in name and _is_zone(name):
        yield zone.problem(
            f"{name} is an abbreviation, and most of them know no summer time; write the zone of a"
            " city, like Europe/Warsaw or America/New_York"
        )


def _at(webhook: Node, trigger: Node) -> Iterator[Problem]:
    at = trigger.at("at")
    for key, why in _BESIDE_AT.items():
        if trigger.is_there(key):
            yield trigger.problem(f"'{key}' does not go with 'at': {why}", key, at_key=True)
    if trigger.text("enroll") == "every_match":
        message = "every_match compares the states around a change; write every_change or once"
        yield trigger.problem(message, "enroll")
    yield from refuse_of_the_change(
        trigger, "looks at a change; at a moment a record is looked at as it is"
    )
    body = webhook.at("request", "body")
    if body.mapping().get("previous") is True:
        message = "nothing has changed at a moment, so there is nothing before; leave it out"
        yield body.problem(message, "previous", at_key=True)
    yield from _calendar(at)
    yield from _zone(at.at("zone"))
    yield from _between(at.at("late"), LEAST_LATE, MOST_LATE)
    length = durations.unbounded((at.text("offset") or "").removeprefix("-"))
    if length is not None and length > MOST_OFFSET:
        most = durations.written(MOST_OFFSET)
        yield at.problem(f"this is more than {most} away", "offset")


def _calendar(at: Node) -> Iterator[Problem]:
    """Yield which keys of a calendar lack another, or stand beside an offset."""
    if at.is_there("offset"):
        for key in _CALENDAR:
            if at.is_there(key):
                message = f"'{key}' does not go with 'offset', which is elapsed time"
                yield at.problem(message, key, at_key=True)
        return
    has_time, has_zone = at.is_there("time"), at.is_there("zone")
    if has_time and not has_zone:
        message = "'time' needs 'zone', which says whose time it is: zone: Europe/Warsaw, or UTC"
        yield at.problem(message, "time", at_key=True)
    for key in ("days", "zone", "yearly"):
        if at.is_there(key) and not has_time:
            message = f"'{key}' needs 'time': the time of day, like \"09:00\""
            yield at.problem(message, key, at_key=True)


def _zone(zone: Node) -> Iterator[Problem]:
    name = zone.text()
    if name is None or _is_zone(name):
        return
    if name[:1] in {"+", "-"} or name.upper().startswith(("UTC+", "UTC-", "GMT+", "GMT-")):
        message = f"{shown(name)} is an offset, and this is a zone, like Europe/Warsaw, or UTC"
        yield zone.problem(message)
        return
    hint = near(name, sorted(available_timezones())) or "; they are named like Europe/Warsaw"
    yield zone.problem(f"there is no time zone {shown(name)}{hint}")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError):
        # ZoneInfoNotFoundError is a KeyError; a folder of zones is an OSError.
        return False
    except KeyError:
        return False
    return True


def _wait(wait: Node) -> Iterator[Problem]:
    lengths = {"": wait} if wait.text() is not None else {}
    if not lengths:
        lengths = {key: wait.at(key) for key in ("for", "at_most")}
    for node in lengths.values():
        yield from _between(node, LEAST_WAIT, MOST_WAIT)
    if wait.text() is not None:
        return
    is_of_last = wait.text("since") == "last"
    if is_of_last and not wait.is_there("at_most"):
        message = (
            "'since: last' needs 'at_most': a record that changes again and again would never be"
            " told"
        )
        yield wait.problem(message, "since")
    if wait.is_there("at_most") and not is_of_last:
        message = "'at_most' goes with 'since: last'; from the first change on, 'for' is all"
        yield wait.problem(message, "at_most", at_key=True)
    length, most = (durations.unbounded(wait.text(key) or "") for key in ("for", "at_most"))
    if length is not None and most is not None and most < length:
        yield wait.problem("this is less than 'for', which it bounds", "at_most")


def _while(trigger: Node) -> Iterator[Problem]:
    if not trigger.is_there("wait"):
        message = "'while' needs 'wait': it is looked at when that ends; before it, write 'when'"
        yield trigger.problem(message, "while", at_key=True)
    yield from refuse_of_the_change(
        trigger, "looks at a change; behind a wait a record is looked at as it is", "while"
    )


def _between(node: Node, least: timedelta, most: timedelta) -> Iterator[Problem]:
    length = durations.unbounded(node.text() or "")
    if length is not None and not least <= length <= most:
        lowest, highest = durations.written(least), durations.written(most)
        yield node.problem(f"this is not between {lowest} and {highest}")
