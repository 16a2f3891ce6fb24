"""The values that plain YAML scalars stand for: the core schema of YAML 1.2, made safe.

PyYAML's own resolvers are those of YAML 1.1, where `no`, `on`, `1_000`, `010`, `1:30` and
`2026-03-01` are not what they look like. Here only `true` and `false` are booleans, numbers
are decimal, everything else is text, and what two YAML versions read differently is refused.
"""

from __future__ import annotations

import json
import re
from typing import Self, TypeAlias

from webhookd.config.messages import shortened

Scalar: TypeAlias = str | int | float | bool | None

LONGEST_NUMBER = 300

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FIRST_OF_NUMBERS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_AMBIGUOUS = re.compile(
    r"[-+]?0[0-9_]+(\.[0-9_]*)?([eE][-+]?[0-9]+)?"  # 010: eight or ten
    r"|[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?"  # 1_000: a number or text
    r"|[-+]?0(b[01_]+|o[0-7_]+|x[0-9a-fA-F_]+)"  # 0b11, 0o17, 0x1F: depends on the version
)
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


class WrittenFloat(float):
    """A float that remembers how it was written, so that `1.10` stays `1.10`."""

    __slots__ = ("written",)

    written: str

    def __new__(cls, written: str) -> Self:
        """Return the number that *written* stands for."""
        number = super().__new__(cls, written)
        number.written = written
        return number


class ScalarError(ValueError):
    """A plain scalar cannot be taken; the message says why and what to write."""


def resolve(text: str) -> Scalar:
    """Return the value that the plain scalar *text* stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST_OF_NUMBERS:
        return text
    return _number(text)


def json_of(value: object) -> str:
    """Return *value*, taken from a document, as compact JSON text."""
    match value:
        case WrittenFloat() if _JSON_NUMBER.fullmatch(value.written):
            return value.written
        case dict():
            pairs = (f"{json_of(key)}:{json_of(item)}" for key, item in value.items())
            return f"{{{','.join(pairs)}}}"
        case list():
            return f"[{','.join(map(json_of, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _number(text: str) -> Scalar:
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError(f"{text} is not a finite number; put it in quotes if it is text")
    if _AMBIGUOUS.fullmatch(text) and not _is_plain_decimal(text):
        raise ScalarError(
            f"{shortened(text)} is ambiguous: YAML's versions read it differently; "
            "write a plain decimal number, or put it in quotes if it is text"
        )
    if not _FLOAT.fullmatch(text):
        return text
    if len(text) > LONGEST_NUMBER:
        raise ScalarError(f"the number {shortened(text)} is too long; put it in quotes")
    return int(text) if _INTEGER.fullmatch(text) else _finite(text)


def _is_plain_decimal(text: str) -> bool:
    digits = text.lstrip("+-")
    has_leading_zero = digits[0] == "0" and digits[1:2].isdigit()
    return not has_leading_zero and _FLOAT.fullmatch(text) is not None


def _finite(text: str) -> float:
    number = WrittenFloat(text)
    if number in (float("inf"), float("-inf")):
        raise ScalarError(f"the number {shortened(text)} is too large; put it in quotes")
    return number
