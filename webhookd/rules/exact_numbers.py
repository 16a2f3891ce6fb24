"""JSON numbers that compare and reckon as numbers, and remember how they were written.

`1.10` stays `1.10` and an id of thirty digits keeps all of them, where a float would round both.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Self


class ExactNumber(Decimal):
    """A JSON number: its value, and its text as it was written."""

    __slots__ = ("written",)

    written: str

    def __new__(cls, written: str) -> Self:
        """Return the number that the JSON text *written* stands for.

        An exponent of more digits than are reckoned with makes it zero or infinite; the text stays.
        """
        try:
            number = super().__new__(cls, written)
        except InvalidOperation:
            sign = "-" if written.startswith("-") else ""
            is_small = "e-" in written.lower()
            number = super().__new__(cls, f"{sign}0" if is_small else f"{sign}Infinity")
        number.written = written
        return number

    def __str__(self) -> str:
        """Return the number as it was written."""
        return self.written
