"""HubSpot sources: where the API is, when reading starts, and what is read for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from webhookd.config.checks import properties, wakes
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


def check(sources: Iterable[Node], context: Context, reachable: Node | None) -> Iterator[Problem]:
    """Yield what is wrong with HubSpot's *sources*; *reachable* is `egress`."""
    for source in sources:
        yield from _source(source, context, reachable)


def _source(source: Node, context: Context, reachable: Node | None) -> Iterator[Problem]:
    yield from base_url_problems(source, reachable)
    if problem := context.secret_problem(source.at("token")):
        yield problem
    yield from _lengths(source)
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
    if "deleted" in webhook.mapping("trigger").get("changes", ()) and (
        read.mapping().get("deletions") is not True
    ):
        where = f"sources.{source.name}.objects.{wanted}"
        message = f"deletions are not looked for; set 'deletions: true' in {where}"
        yield webhook.problem(message, "trigger", "changes")
    listed = [name for item in read.items("properties") if (name := item.text()) is not None]
    if listed:
        yield from properties.check_read(properties.used(webhook), listed, source.name, wanted)


def _lengths(source: Node) -> Iterator[Problem]:
    for key, least, most in (
        ("poll_every", LEAST_POLL, durations.LONGEST),
        ("overlap", None, MOST_OVERLAP),
    ):
        length = durations.unbounded(source.text(key) or "")
        if length is None:
            continue
        if least is not None and length < least:
            least_text = durations.written(least)
            yield source.problem(f"this is less than the minimum of {least_text}", key)
        if length > most:
            yield source.problem(f"this is more than the maximum of {durations.written(most)}", key)
