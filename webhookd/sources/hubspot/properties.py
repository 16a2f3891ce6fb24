"""Which properties are asked for: those that are chosen, as far as the API has them."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from webhookd.model import Asked
from webhookd.sources.hubspot.answers import responses
from webhookd.sources.hubspot.carried import blocks
from webhookd.sources.polling.refusals import nonsense

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.definitions import HubspotObject
    from webhookd.sources.polling.api_client import ApiAnswer

REFRESHED_EVERY: Final = 3600.0
"""Seconds after which names and types are looked up again."""

INSTANTS: Final = frozenset({"date", "datetime"})
"""Types of properties that are dates or times."""

_MODIFIED_OF_CONTACTS: Final = "lastmodifieddate"
_MODIFIED: Final = "hs_lastmodifieddate"
_CONTACTS: Final = frozenset({"contacts", "contact", "0-1"})


def modified_property(object_: str) -> str:
    """Return the property that says when a record was last modified."""
    return _MODIFIED_OF_CONTACTS if object_ in _CONTACTS else _MODIFIED


def types(answer: ApiAnswer) -> Mapping[str, str]:
    """Return the types of all properties by name, as the API's *answer* lists them."""
    try:
        found = responses.properties(answer.content)
        return {one["name"]: str(one.get("type")) for one in found}
    except TypeError as error:
        raise nonsense(f"the properties cannot be understood: {error}") from None


def asked(
    read: HubspotObject,
    types: Mapping[str, str],
    of_others: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Asked:
    """Return what to ask for of *read*, given the *types* of all properties by name.

    *of_others* has those of other types of objects. The times of the last modification move with
    properties that nobody asked for, so their moving alone is no change; neither is that of what a
    record carries, but for which record that is.
    """
    names = frozenset(types)
    if read.chosen is not None:
        names &= read.chosen
    instants = frozenset(name for name in names if types[name] in INSTANTS)
    for one in read.associated:
        instants |= blocks.instants(one, of_others.get(one.object, {}), INSTANTS)
    return Asked(
        names | {one.property for one in read.lists} | read.carried | read.marks,
        instants=instants,
        unwatched=names & {_MODIFIED_OF_CONTACTS, _MODIFIED} | read.unwatched,
    )


def missing(read: HubspotObject, types: Mapping[str, str]) -> tuple[str, ...]:
    """Return the chosen properties that the API does not have."""
    of_owners = (one.of for one in read.owners)
    wanted = dict.fromkeys((*(read.properties or ()), *of_owners))
    return tuple(name for name in wanted if name not in types)


def digest(asked_for: Asked) -> str:
    """Return a short name for the properties of *asked_for*."""
    return hashlib.sha256("\n".join(sorted(asked_for.names)).encode()).hexdigest()[:16]
