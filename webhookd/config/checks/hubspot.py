"""HubSpot sources: where the API is, when reading starts, and what is read for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from webhookd.config.checks import carried, properties, wakes
from webhookd.config.checks.api_sources import (
    LEAST_POLL,
    base_url_problems,
    start_problem,
    unread_object,
)
from webhookd.definitions import durations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

MOST_OVERLAP = timedelta(days=1)
LEAST_ABSENCE = timedelta(minutes=1)
MOST_ABSENCE = timedelta(days=31)

_LISTS = "lists."
"""What the names of properties begin with that are memberships of lists."""


def check(sources: Iterable[Node], context: Context, reachable: Node | None) -> Iterator[Problem]:
    """Yield what is wrong with HubSpot's *sources*; *reachable* is `egress`."""
    for source in sources:
        yield from _source(source, context, reachable)


def _source(source: Node, context: Context, reachable: Node | None) -> Iterator[Problem]:
    yield from base_url_problems(source, reachable)
    if problem := context.secret_problem(source.at("token")):
        yield problem
    yield from _lengths(source)
    yield from _lists(source)
    for read in source.entries("objects"):
        yield from _deletions(read)
        yield from carried.check(read)
    if problem := start_problem(source):
        yield problem
    yield from wakes.check(source, context)


def check_use(webhook: Node, source: Node) -> Iterator[Problem]:
    """Yield what *webhook* wants of a HubSpot *source* that this does not read."""
    wanted, objects = webhook.text("object"), source.mapping("objects")
    if problem := unread_object(webhook, source):
        yield problem
    if wanted is None or wanted not in objects:
        return
    read = source.at("objects", wanted)
    where = f"sources.{source.name}.objects.{wanted}"
    told = read.mapping().get("deletions")
    if "deleted" in webhook.mapping("trigger").get("changes", ()) and not (
        told is True or isinstance(told, dict)
    ):
        message = f"deletions are not looked for; set 'deletions: true' in {where}"
        yield webhook.problem(message, "trigger", "changes")
    used = list(properties.used(webhook))
    yield from carried.check_use(webhook, used, read, source.name)
    listed = [name for item in read.items("properties") if (name := item.text()) is not None]
    listed += [name for one in read.entries("owners") if (name := one.text("of")) and listed]
    lists = [f"{_LISTS}{name}" for name in read.mapping("lists")]
    yield from properties.check_read(
        (one for one in used if one[1].startswith(_LISTS)),
        lists,
        source.name,
        wanted,
        remedy=f"add the list to {where}.lists",
    )
    if listed:
        own = (
            one
            for one in used
            if not (one[1].startswith(_LISTS) or carried.is_carried(one[1], read))
        )
        yield from properties.check_read(own, listed, source.name, wanted)


def _lists(source: Node) -> Iterator[Problem]:
    for object_ in source.mapping("objects"):
        read = source.at("objects", object_)
        for item in read.items("properties"):
            if (item.text() or "").startswith(_LISTS):
                message = "whether a record is a member of a list is asked for under 'lists'"
                yield item.problem(message)
        for name in read.mapping("lists"):
            yield from _length(read.at("lists", name), "read_every", LEAST_POLL, durations.LONGEST)


def _deletions(read: Node) -> Iterator[Problem]:
    told = read.mapping("deletions")
    if told.get("archive") is False and "absence" not in told:
        message = "this looks for nothing: set 'absence', or deletions: false"
        yield read.problem(message, "deletions", "archive")
    length = durations.unbounded(read.text("deletions", "absence") or "")
    if length is not None and not LEAST_ABSENCE <= length <= MOST_ABSENCE:
        least, most = durations.written(LEAST_ABSENCE), durations.written(MOST_ABSENCE)
        yield read.problem(f"this is not between {least} and {most}", "deletions", "absence")


def _lengths(source: Node) -> Iterator[Problem]:
    yield from _length(source, "poll_every", LEAST_POLL, durations.LONGEST)
    yield from _length(source, "overlap", None, MOST_OVERLAP)


def _length(node: Node, key: str, least: timedelta | None, most: timedelta) -> Iterator[Problem]:
    length = durations.unbounded(node.text(key) or "")
    if length is None:
        return
    if least is not None and length < least:
        yield node.problem(f"this is less than the minimum of {durations.written(least)}", key)
    if length > most:
        yield node.problem(f"this is more than the maximum of {durations.written(most)}", key)
