"""JSON texts put together from JSON texts, so that nothing is parsed and numbers stay exact."""

from __future__ import annotations

from json.encoder import encode_basestring as text
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import JsonText

__all__ = ["NULL", "Members", "encoded", "object_of", "text"]

Members: TypeAlias = "Mapping[str, JsonText]"
"""What is in an object, by name."""

NULL: Final[JsonText] = "null"


def object_of(members: Members) -> JsonText:
    """Return the object that has *members*, in their order."""
    return "{" + ",".join([f"{text(name)}:{value}" for name, value in members.items()]) + "}"


def encoded(value: JsonText) -> bytes:
    """Return *value* as UTF-8."""
    # A lone surrogate has no UTF-8; it only stands inside JSON strings, where Python's
    # backslash form of it happens to be JSON's.
    return value.encode("utf-8", "backslashreplace")
