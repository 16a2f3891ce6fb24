"""What HubSpot records carry from elsewhere: prefixes, and what webhooks may ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.config.checks import triggers
from webhookd.config.messages import near, shown
from webhookd.definitions import HubspotSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.config.text.node import Node
    from webhookd.definitions import Source, Webhook
    from webhookd.errors import Problem

_BLOCKS: Final = ("associated", "owners")
_LISTS: Final = "lists"
_ONE: Final = {"contacts": "contact", "companies": "company", "deals": "deal", "tickets": "ticket"}
_SCALAR: Final = frozenset(
    {"EQ", "NEQ", "GT", "GTE", "LT", "LTE", "BETWEEN", "STARTS_WITH", "ENDS_WITH"}
    | {f"IS_{how}_THAN_X_DAYS_{when}" for how in ("LESS", "MORE") for when in ("AGO", "FROM_NOW")}
)
"""Operators that compare one value."""


def check(read: Node) -> Iterator[Problem]:
    """Yield what is wrong with the prefixes of what records of the type *read* carry."""
    associated = read.mapping("associated")
    for key in _BLOCKS:
        for block in read.entries(key):
            if block.name == _LISTS:
                message = "'lists' begins the names of memberships; choose another prefix"
                yield block.problem(message, at_key=True)
            elif key == "owners" and block.name in associated:
                message = f"the prefix {shown(block.name)} is used under 'associated' already"
                yield block.problem(message, at_key=True)


def is_carried(name: str, read: Node) -> bool:
    """Return whether *name* is to be looked for in what records of the type *read* carry."""
    prefix, dot, _ = name.partition(".")
    has_blocks = any(read.mapping(key) for key in _BLOCKS)
    return bool(dot) and prefix != _LISTS and has_blocks


def check_use(
    webhook: Node, used: Iterable[tuple[Node, str]], read: Node, source: str
) -> Iterator[Problem]:
    """Yield what *webhook* wants of what records carry: those of *used* names that are carried."""
    compared = [item.steps for item in webhook.items("trigger", "changed_properties")]
    compared.append(webhook.at("trigger", "at", "property").steps)
    for place, name in used:
        if not is_carried(name, read):
            continue
        prefix, _, own = name.partition(".")
        key = next((key for key in _BLOCKS if prefix in read.mapping(key)), None)
        where = f"sources.{source}.objects.{read.name}"
        if key is None:
            prefixes = [one.name for each in _BLOCKS for one in read.entries(each)]
            hint = near(prefix, prefixes) or f"; add a block {shown(prefix)} to {where}.associated"
            yield place.problem(f"nothing is carried as {shown(name)}{hint}")
            continue
        block = read.at(key, prefix)
        there = ["id", *(item.text() or "" for item in block.items("properties"))]
        if own not in there:
            hint = near(own, there) or f"; add it to {where}.{key}.{prefix}.properties"
            yield place.problem(f"nothing is carried as {shown(name)}{hint}")
        elif place.steps[-2:] == ("at", "property"):
            message = f"{name} is carried, not compared, so that no moment would move with it"
            yield place.problem(f"{message}; a date of the {read.name} themselves is looked at")
        elif place.steps in compared:
            yield from _unwatched(place, name, key, block, read)


def _unwatched(place: Node, name: str, key: str, block: Node, read: Node) -> Iterator[Problem]:
    """Yield a problem where *name* is carried: its change is not a change of the record."""
    record = _ONE.get(read.name, "record")
    if key == "owners":
        whose, instead = "owner", f"watch {block.text('of')}"
    elif name.partition(".")[2] == "id":
        return
    else:
        other = block.text("object") or block.name
        whose = _ONE.get(other, "associated record")
        instead = f"watch {block.name}.id, or make a webhook of object {other}"
    message = (
        f"{name} is carried, not compared: a change of the {whose} is not one of the {record};"
        f" {instead}"
    )
    yield place.problem(message)


def warnings(webhook: Webhook, source: Source, node: Node) -> Iterator[Problem]:
    """Yield a warning for each condition that compares a list of values as if it were one."""
    if not isinstance(source, HubspotSource):
        return
    lists = {
        name
        for read in source.objects
        if read.name == webhook.object
        for one in read.associated
        if one.take == "all"
        for name in one.names
    }
    for item in node.items("trigger", "when") if lists else ():
        for condition in triggers.conditions(item):
            name, operator = condition.text("property"), condition.text("operator")
            if name in lists and operator in _SCALAR:
                message = (
                    f"{name} is a list (take: all), and {operator} compares one value;"
                    " write take: first, or ask with HAS_PROPERTY or CONTAINS"
                )
                yield condition.problem(message, "operator")
