"""JMESPath's functions over exact numbers.

The library's own know Python's floats and whole numbers, and would round an amount, refuse to add
two of them, or put quotes around one.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, Final

from jmespath import functions

from webhookd.rules import json_text
from webhookd.rules.exact_numbers import ExactNumber

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: Final = {None: "null", True: "true", False: "false"}
_NUMBER_TYPES: Final = ("Decimal", "ExactNumber")
_SUMS: Final = Context(prec=200, Emax=999_999, Emin=-999_999)
"""Sums are exact up to so many digits."""

_QUOTIENTS: Final = Context(prec=28, Emax=999_999, Emin=-999_999)


class ExactFunctions(functions.Functions):
    """The functions of JMESPath; each takes and gives numbers as they were written."""

    def _get_allowed_pytypes(self, types: list[str]) -> tuple[list[str], list[tuple[str, ...]]]:
        # The stubs name no methods that are the library's own affair.
        allowed, subtypes = super()._get_allowed_pytypes(types)  # type: ignore[misc]
        if "float" in allowed:
            allowed.extend(_NUMBER_TYPES)
        return allowed, [
            (*subtype, *_NUMBER_TYPES) if "float" in subtype else subtype for subtype in subtypes
        ]

    def _convert_to_jmespath_type(self, pyobject: str) -> str:
        if pyobject in _NUMBER_TYPES:
            return "number"
        return str(super()._convert_to_jmespath_type(pyobject))  # type: ignore[misc]

    @functions.signature({"types": ["number"]})
    def _func_abs(self, arg: Any) -> Any:
        return arg if arg >= 0 else _decimal(arg).copy_abs()

    @functions.signature({"types": ["array-number"]})
    def _func_avg(self, arg: list[Any]) -> Any:
        return _QUOTIENTS.divide(_sum(arg), len(arg)) if arg else None

    @functions.signature({"types": ["number"]})
    def _func_ceil(self, arg: Any) -> Any:
        return _decimal(arg).to_integral_value(ROUND_CEILING)

    @functions.signature({"types": ["number"]})
    def _func_floor(self, arg: Any) -> Any:
        return _decimal(arg).to_integral_value(ROUND_FLOOR)

    @functions.signature({"types": ["array-number"]})
    def _func_sum(self, arg: list[Any]) -> Any:
        return _sum(arg)

    @functions.signature({"types": []})
    def _func_to_string(self, arg: Any) -> str:
        return arg if isinstance(arg, str) else written(arg)

    @functions.signature({"types": []})
    def _func_to_number(self, arg: Any) -> Any:
        if isinstance(arg, (Decimal, int)) and not isinstance(arg, bool):
            return arg
        text = arg.strip() if isinstance(arg, str) else ""
        return ExactNumber(text) if _NUMBER.fullmatch(text) else None

    @functions.signature({"types": []})
    def _func_type(self, arg: Any) -> str:
        return self._convert_to_jmespath_type(type(arg).__name__)


def written(value: Any) -> str:
    """Return the compact JSON text of *value*, numbers as they were written.

    ValueError where it is no JSON: a number without an end, or what a row holds that is none.
    """
    if isinstance(value, str):
        text = json_text.text(value)
    elif isinstance(value, ExactNumber):
        text = value.written
    elif isinstance(value, dict):
        members = [f"{json_text.text(name)}:{written(one)}" for name, one in value.items()]
        text = f"{{{','.join(members)}}}"
    elif isinstance(value, list):
        text = f"[{','.join([written(one) for one in value])}]"
    elif value is None or isinstance(value, bool):
        text = _WORDS[value]
    elif isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite()):
        text = str(value)
    else:
        raise ValueError(f"it is {value!r:.60}, which is not JSON")
    return text


def _sum(numbers: list[Any]) -> Decimal:
    total = Decimal(0)
    for number in numbers:
        total = _SUMS.add(total, _decimal(number))
    return total


def _decimal(number: Any) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(number)
