"""Decode the JSON of an API's answer, so that a bad value in one record costs only that record.

The reader of files (`formats.json_values`) refuses a whole row for a repeated key or a NaN. An
answer holds many records, so here such a value becomes `BAD_VALUE`, which no record may hold.
"""

from __future__ import annotations

import json
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any, Final

from webhookd.sources.formats.json_values import DecimalNumber, WholeNumber, is_too_deep

if TYPE_CHECKING:
    from collections.abc import Callable

_SPACE: Final = " \t\r\n"


class BadValue:
    """A value that is not JSON, or an object with a repeated key."""

    __slots__ = ()


BAD_VALUE: Final = BadValue()


class TooDeepError(ValueError):
    """An answer one value of which is nested absurdly deep."""


def decoded(content: bytes) -> dict[str, Any]:
    """Return the JSON object that *content* is, its values as they were written.

    TooDeepError when a value in it is nested absurdly deep, ValueError when it is anything else.
    """
    text = content.decode().strip(_SPACE)
    if is_too_deep(text):
        raise TooDeepError("it is nested absurdly deep")
    try:
        value, end = _SCAN(text, 0)
    except (StopIteration, RecursionError):
        raise ValueError("it is not JSON") from None
    if end != len(text) or not isinstance(value, dict):
        raise ValueError("it is not one JSON object")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any] | BadValue:
    members = dict(pairs)
    return members if len(members) == len(pairs) else BAD_VALUE


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=WholeNumber,
    parse_float=DecimalNumber,
    parse_constant=lambda _: BAD_VALUE,
)

# The stubs take the function for a class of its own kind.
_SCAN: Final[Callable[[str, int], tuple[Any, int]]] = make_scanner(
    _DECODER  # type: ignore[arg-type]
)
