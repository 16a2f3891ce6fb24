"""Which of the associated records count, in which order, and what a record gets of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.definitions.hubspot.carried import PRIMARY
from webhookd.rules.json_text import NULL
from webhookd.rules.json_text import text as json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from webhookd.definitions import HubspotAssociated
    from webhookd.model import JsonText, Properties
    from webhookd.sources.hubspot.carried.associations import Link

MOST: Final = 100
"""Records whose properties a list holds; more are cut off."""

_LONGEST_NUMBER: Final = 500
"""Digits: Python refuses to make numbers of thousands of them."""


@dataclass(frozen=True, slots=True)
class OtherRecord:
    """A record that is associated, as it is now; of one that was merged, what it became part of."""

    id: str
    properties: Properties


def candidates(block: HubspotAssociated, links: Iterable[Link]) -> list[str]:
    """Return the ids of those that *block* may take: the primary one first, then by number."""
    ordered = sorted((one for one in links if _counts(block, one)), key=_place)
    return [one.id for one in ordered]


def _counts(block: HubspotAssociated, link: Link) -> bool:
    if block.type_id is not None:
        return block.type_id in link.types
    if block.label is None:
        return True
    return link.is_primary if block.label == PRIMARY else block.label in link.labels


def _place(link: Link) -> tuple[bool, int, str]:
    is_number = link.id.isascii() and link.id.isdigit()
    return not link.is_primary, int(link.id[:_LONGEST_NUMBER]) if is_number else 0, link.id


def values(block: HubspotAssociated, taken: Sequence[OtherRecord]) -> dict[str, JsonText]:
    """Return what a record gets of those that are *taken*: nothing where there are none."""
    if not taken:
        return {}
    if block.take == "first":
        first = taken[0]
        found = {name: first.properties.get(name) for name in block.properties}
        own = {
            f"{block.prefix}.{name}": value for name, value in found.items() if value is not None
        }
        return {block.id_name: json_text(first.id), **own}
    lists = {
        f"{block.prefix}.{name}": _listed(one.properties.get(name, NULL) for one in taken)
        for name in block.properties
    }
    return {block.id_name: json.dumps([one.id for one in taken], separators=(",", ":")), **lists}


def _listed(values: Iterable[JsonText]) -> JsonText:
    return f"[{','.join(values)}]"


def instants(
    block: HubspotAssociated, types: Mapping[str, str], kinds: frozenset[str]
) -> frozenset[str]:
    """Return those of what a record gets that are dates or times: no list is."""
    if block.take == "all":
        return frozenset()
    return frozenset(
        f"{block.prefix}.{name}" for name in block.properties if types.get(name) in kinds
    )
