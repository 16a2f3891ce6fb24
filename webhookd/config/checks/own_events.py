"""The daemon's own events: one source at most, and what webhooks may ask of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from webhookd.config.checks import properties
from webhookd.config.checks.triggers import conditions
from webhookd.config.messages import near, shown
from webhookd.definitions import durations
from webhookd.definitions.event_kinds import EVENT_KINDS, OBJECT, OF_WINDOWS, PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

LEAST = timedelta(milliseconds=100)

_OF_EVENTS = frozenset({"EQ", "NEQ", "IN", "NOT_IN"})


def check(sources: Iterable[Node], context: Context, reachable: Node | None) -> Iterator[Problem]:  # noqa: ARG001 - nothing is connected to
    """Yield what is wrong with *sources* of own events."""
    first = None
    for source in sources:
        if first is not None:
            message = f"own events are told by one source, and sources.{first.name} is one"
            yield source.problem(message, "type")
        first = first or source
        for key in ("every", "backlog_after"):
            length = durations.unbounded(source.text(key) or "")
            if length is not None and not LEAST <= length <= durations.LONGEST:
                least, most = durations.written(LEAST), durations.written(durations.LONGEST)
                yield source.problem(f"this is not between {least} and {most}", key)


def check_use(webhook: Node, source: Node) -> Iterator[Problem]:
    """Yield what *webhook* wants of own events, and does not get there."""
    wanted, trigger = webhook.text("object"), webhook.at("trigger")
    if wanted is not None and wanted != OBJECT:
        message = f"the source {source.name!r} tells own events, whose object is {shown(OBJECT)}"
        yield webhook.problem(message, "object")
    for key, why in (
        ("enroll", "each event is a record of its own, so that none matches again"),
        ("changed_properties", "events are created, and never change"),
        ("at", "events are told, and not remembered"),
        ("wait", "events are told, and not remembered"),
    ):
        if trigger.is_there(key):
            yield trigger.problem(f"{key} does not apply to own events: {why}", key, at_key=True)
    for change in trigger.items("changes"):
        if change.text() in {"updated", "deleted"}:
            yield change.problem("own events are created, and never change; write [created]")
    yield from properties.check_read(
        properties.used(webhook),
        PROPERTIES,
        source.name or "",
        OBJECT,
        remedy=f"there is {', '.join(PROPERTIES)}",
    )
    for item in trigger.items("when"):
        for condition in conditions(item):
            yield from _condition(condition)


def _condition(condition: Node) -> Iterator[Problem]:
    name = condition.text("property")
    if name in OF_WINDOWS:
        message = f"{name} is known when an event is told, behind all conditions"
        yield condition.problem(message, "property")
    if name == "event" and condition.text("operator") in _OF_EVENTS:
        named = [condition.at("value")] if condition.is_there("value") else []
        for value in (*named, *condition.items("values")):
            text = value.text()
            if text is not None and text not in EVENT_KINDS:
                known = near(text, EVENT_KINDS) or "; docs/own-events.md lists them"
                yield value.problem(f"there is no event {shown(text)}{known}")
