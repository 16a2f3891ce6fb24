"""JSON texts put together from JSON texts, so that nothing is parsed and numbers stay exact."""

from __future__ import annotations

from json.encoder import encode_basestring as text
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import JsonText

__all__ = ["NULL", "Members", "object_of", "text"]

Members: TypeAlias = "Mapping[str, JsonText]"
"""What is in an object, by name."""

NULL: Final[JsonText] = "null"


def object_of(members: Members) -> JsonText:
    """Return the object that has *members*, in their order."""
    return "{" + ",".join([f"{text(name)}:{value}" for name, value in members.items()]) + "}"
