"""Decode the JSON of an API's answer, so that a bad value in one record costs only that record.

The reader of files (`formats.json_values`) refuses a whole row for a repeated key or a NaN. An
answer holds many records, so here such a value becomes a `BadValue`, which no record may hold.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any, Final

from webhookd.rules.exact_numbers import ExactNumber
from webhookd.sources.formats.json_values import (
    DEEPEST,
    DecimalNumber,
    WholeNumber,
    is_too_deep,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_SPACE: Final = " \t\r\n"
_ABSURD: Final = 5 * DEEPEST
"""An answer that is nested deeper is not read: what goes through it goes a step down at each."""


class BadValue:
    """A value that is not JSON, or an object with a repeated key; *told* says what it is."""

    __slots__ = ("told",)

    def __init__(self, told: str) -> None:
        self.told = told

    def __repr__(self) -> str:
        """Return what it is."""
        return self.told


BAD_VALUE: Final = BadValue("not JSON")
NO_TEXT: Final = BadValue("bytes that are not UTF-8")

_STRAY: Final = re.compile("[\udc80-\udcff]")
_NONCHARACTERS: Final = range(0xFDD0, 0xFDF0)
"""Code points that no text has (Unicode, 23.7): one that is not in an answer marks stray bytes."""


class TooDeepError(ValueError):
    """An answer one value of which is nested absurdly deep."""


def decoded(content: bytes) -> dict[str, Any]:
    """Return the JSON object that *content* is, its values as they were written.

    TooDeepError when a value in it is nested absurdly deep, ValueError when it is anything else.
    """
    try:
        text, mark = content.decode(), ""
    except UnicodeDecodeError:
        text, mark = _marked(content)
    text = text.strip(_SPACE)
    if is_too_deep(text):
        raise TooDeepError("it is nested absurdly deep")
    value = _scanned(_SCAN, text)
    if not isinstance(value, dict):
        raise ValueError("it is not one JSON object")  # noqa: TRY004 - a wrong value
    return _whole(value, mark) if mark else value


@dataclass(frozen=True, slots=True)
class ExactAnswer:
    """Any JSON value, its numbers exact; a `BadValue` stands for what in it is no JSON.

    *is_deep* says that something in it is nested deeper than a record may be.
    """

    value: Any
    is_deep: bool = False


def decoded_exactly(content: bytes) -> ExactAnswer:
    """Return the JSON value that *content* is; errors are those of `decoded`.

    What no record may hold is left to whoever takes the records out of it.
    """
    try:
        text, mark = content.decode(), ""
    except UnicodeDecodeError:
        text, mark = _marked(content)
    text = text.strip(_SPACE)
    is_deep = is_too_deep(text)
    if is_deep and is_too_deep(text, _ABSURD):
        raise TooDeepError("it is nested absurdly deep")
    value = _scanned(_SCAN_EXACTLY, text)
    return ExactAnswer(_without(value, mark) if mark else value, is_deep)


def _scanned(scan: Callable[[str, int], tuple[Any, int]], text: str) -> Any:
    try:
        value, end = scan(text, 0)
    except (StopIteration, RecursionError):
        raise ValueError("it is not JSON") from None
    if end != len(text):
        raise ValueError("it is not one JSON value")
    return value


def _whole(answer: dict[str, Any], mark: str) -> dict[str, Any]:
    """Return *answer* with `NO_TEXT` within its records, the objects in its lists.

    ValueError where *mark* stands elsewhere: what leads on from an answer must not be guessed.
    """
    whole: dict[str, Any] = {}
    for name, value in answer.items():
        listed = isinstance(value, list)
        elements = value if listed else [value]
        kept = [_without(one, mark) for one in elements]
        are_sure = (listed and isinstance(one, dict) for one in elements)
        if mark in name or any(
            not is_sure and after != before
            for is_sure, before, after in zip(are_sure, elements, kept, strict=True)
        ):
            raise ValueError("it is not UTF-8")
        whole[name] = kept if listed else kept[0]
    return whole


def _marked(content: bytes) -> tuple[str, str]:
    r"""Return *content* as text, a mark in place of each byte that is not UTF-8, and the mark.

    Half of a character that is written as an escape (`\ud800`) is no such byte.
    """
    text = content.decode(errors="surrogateescape")
    for code in _NONCHARACTERS:
        mark = chr(code)
        if mark not in text and f"\\u{code:04x}" not in text.lower():
            return _STRAY.sub(mark, text), mark
    raise ValueError("it is not UTF-8")


def _without(value: Any, mark: str) -> Any:
    """Return *value* with `NO_TEXT` for each text, or object by a name, that holds *mark*."""
    if isinstance(value, dict):
        if any(mark in name for name in value):
            return NO_TEXT
        return {name: _without(one, mark) for name, one in value.items()}
    if isinstance(value, list):
        return [_without(one, mark) for one in value]
    return NO_TEXT if isinstance(value, str) and mark in value else value


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

_SCAN_EXACTLY: Final[Callable[[str, int], tuple[Any, int]]] = make_scanner(
    json.JSONDecoder(  # type: ignore[arg-type]
        object_pairs_hook=_members,
        parse_int=ExactNumber,
        parse_float=ExactNumber,
        parse_constant=lambda _: BAD_VALUE,
    )
)
