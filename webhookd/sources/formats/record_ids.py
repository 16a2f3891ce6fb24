"""The one rule for ids, whichever the format: what is taken for one, and as which text.

A spreadsheet that opened a table of ids and saved it has often made numbers of them (`1.0`,
`1.23457E+11`): taken as they stand, everybody would be a new record, or two people one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from webhookd.sources.formats.json_values import INVISIBLE, DecimalNumber, WholeNumber

LONGEST_ID: Final = 1024
"""Characters; a longer id makes the row bad."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MARK: Final = "\ufeff"
_INVISIBLE: Final = INVISIBLE + "\u200e\u200f\u00ad"
_FORMULA: Final = re.compile(r'="((?:[^"]|"")*)"')
_SPREADSHEET: Final = re.compile(r"[+-]?\d+(?:\.0+|(?:[.,]\d+)?[eE][+-]\d+)", re.ASCII)


class RefusedIdError(ValueError):
    """Why something is no id."""


@dataclass(frozen=True, slots=True)
class IdRule:
    """What is taken for the id in the property *name*.

    *is_text*: what looks like a number of a spreadsheet is an id, too.
    """

    name: str
    is_text: bool = False

    def id_of(self, value: object) -> str:
        """Return the id that *value* is; RefusedIdError when it is none."""
        if type(value) is str:
            return self._checked(value)
        if type(value) is WholeNumber or (self.is_text and type(value) is DecimalNumber):
            return self._checked(str(value))
        if value is None:
            raise self._refusal("is missing or null")
        raise self._refusal(f"must be text or a whole number, not {_kind(value)}")

    def _checked(self, text: str) -> str:
        if not text.isalnum():
            text = self._plain(text)
        if len(text) > LONGEST_ID:
            raise self._refusal(f"is over {LONGEST_ID} characters")
        # Digits alone are the common case, letters and digits need one look for an exponent's sign.
        if not (self.is_text or text.isalnum()) and _SPREADSHEET.fullmatch(text):
            raise self._refusal(
                f"is {text}: a spreadsheet turned the id into a number: export it as text"
            )
        return text

    def _plain(self, text: str) -> str:
        """Return *text* without what stands around an id."""
        # Control characters are refused, not trimmed, as far as `strip` takes them for blanks.
        stripped = text.strip(" \t") if _CONTROL.search(text) else text.strip()
        if formula := _FORMULA.fullmatch(stripped):
            stripped = formula[1].replace('""', '"').strip()
        if not stripped or stripped.isspace():
            raise self._refusal("is empty")
        if stripped[0] in _INVISIBLE or stripped[-1] in _INVISIBLE or _MARK in stripped:
            raise self._refusal(
                "begins or ends with an invisible character, or holds a byte order mark:"
                " were several files joined?"
            )
        if _CONTROL.search(stripped):
            raise self._refusal("holds a control character")
        # JSON allows -0, which is the number 0 in a second spelling: two records for one.
        if stripped == "-0":
            raise self._refusal("is -0")
        return stripped

    def _refusal(self, what: str) -> RefusedIdError:
        return RefusedIdError(f"the id ({self.name!r}) {what}")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, dict | list):
        return "a nested value"
    return "a number with a fraction or exponent; a spreadsheet or a program made it one"
