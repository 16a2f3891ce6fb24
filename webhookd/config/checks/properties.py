"""Properties that webhooks and conditions speak of, and that a source does not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks.triggers import conditions
from webhookd.config.messages import near, shown
from webhookd.config.templates.marks import holds_marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def used(webhook: Node) -> Iterator[tuple[Node, str]]:
    """Yield each property that *webhook* speaks of, with the place where it does."""
    trigger, request = webhook.at("trigger"), webhook.at("request")
    for item in trigger.items("changed_properties"):
        yield from _named(item)
    yield from used_in_when(trigger)
    yield from used_in_when(trigger, "while")
    if trigger.is_there("at"):
        yield from _named(trigger.at("at"))
    for chosen in (("body", "properties"), ("query", "properties")):
        for item in request.items(*chosen):
            yield from _named(item)
    yield from _in_url_and_headers(request)
    if request.is_there("body", "template"):
        # Jinja takes a while to load: only where there is a template.
        from webhookd.config.checks import body_template  # noqa: PLC0415

        yield from body_template.used(request.at("body", "template"))


def _in_url_and_headers(request: Node) -> Iterator[tuple[Node, str]]:
    for node in (request.at("url"), *request.entries("headers")):
        if holds_marks(node.text() or ""):
            from webhookd.config.checks import body_template  # noqa: PLC0415 - as below

            yield from body_template.used(node)


def used_in_when(trigger: Node, key: str = "when") -> Iterator[tuple[Node, str]]:
    """Yield each property that the `when` (or *key*) of *trigger* speaks of, with the place."""
    for item in trigger.items(key):
        for condition in conditions(item):
            yield from _named(condition)
            if other := condition.text("other_property"):
                yield condition.at("other_property"), other


def check_read(
    speaks_of: Iterable[tuple[Node, str]],
    listed: Sequence[str],
    source: str,
    object_: str,
    *,
    remedy: str = "add it to its properties",
) -> Iterator[Problem]:
    """Yield each property that somebody *speaks_of* (place and name) and that is not *listed*."""
    for place, name in speaks_of:
        if name not in listed:
            message = (
                f"the source {source!r} does not read the property {shown(name)} of"
                f" {object_}{near(name, listed) or f'; {remedy}'}"
            )
            yield place.problem(message)


def _named(item: Node) -> Iterator[tuple[Node, str]]:
    place = item if isinstance(item.value, str) else item.at("property")
    name = place.text()
    if name is not None:
        yield place, name
