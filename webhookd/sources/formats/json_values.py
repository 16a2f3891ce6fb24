"""JSON values with numbers exactly as written, and their compact text.

Python's own decoder reads `1.10` as a float and forgets the zero, and lets duplicate keys and
NaN (which RFC 8259 has not) pass. Here numbers stay the text they were, and those are refused.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhookd.model import JsonText

DEEPEST: Final = 64
"""How deep a value may be nested, the row itself counted."""

# Possessive, and an unfinished string goes to the end: otherwise each quote in it is tried again.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_SHOWN = 60


class WholeNumber(str):
    """A number without fraction and exponent, as it was written."""

    __slots__ = ()


class DecimalNumber(str):
    """A number with a fraction or an exponent, as it was written."""

    __slots__ = ()


INVISIBLE: Final = "\ufeff\u200b\u200c\u200d\u2060"
"""Characters that nobody sees: a byte order mark, and blanks of no width."""


class RefusedValueError(ValueError):
    """JSON by its grammar, but not a value that can be kept."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise RefusedValueError(f"the key {_first_repeated(pairs)!r:.{_SHOWN}} stands twice")
    return members


def _first_repeated(pairs: Iterable[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _refuse_constant(name: str) -> NoReturn:
    raise RefusedValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=WholeNumber,
    parse_float=DecimalNumber,
    parse_constant=_refuse_constant,
)

# The stubs take the function for a class of its own kind.
scan: Final[Callable[[str, int], tuple[Any, int]]] = make_scanner(
    _DECODER  # type: ignore[arg-type]
)
"""Return the value that starts at a place of a text, and the place behind it.

Raises StopIteration when no value starts there, JSONDecodeError when it is broken,
RefusedValueError, and RecursionError when it is nested absurdly deep.
"""


def is_too_deep(text: str, deepest: int = DEEPEST) -> bool:
    """Return whether *text* nests deeper than *deepest*; cheap where it cannot."""
    if text.count("{") + text.count("[") <= deepest:
        return False
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "{[" else -1
        if depth > deepest:
            return True
    return False


def has_lone_surrogate(value: object) -> bool:
    """Return whether a string of *value* could not be written as UTF-8."""
    try:
        compact(value).encode()
    except UnicodeEncodeError:
        return True
    return False


def compact(value: object) -> JsonText:
    """Return the compact JSON text: key order and numbers as written, non-ASCII unescaped."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)  # type: ignore[arg-type] # kind says it is
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return f"{{{','.join([f'{encode_basestring(k)}:{compact(v)}' for k, v in value.items()])}}}"
    if isinstance(value, list):
        return f"[{','.join([compact(element) for element in value])}]"
    return {None: "null", True: "true", False: "false"}[value]  # type: ignore[index]


def why_no_value(text: str, at: int) -> str:
    """Return what is wrong with a row in which no value stands *at* a place of its *text*."""
    found = text[at : at + 1]
    if found and found in INVISIBLE:
        return f"the row is not JSON: an invisible character (U+{ord(found):04X}) stands here"
    return "the row is not JSON: a value is missing here"
