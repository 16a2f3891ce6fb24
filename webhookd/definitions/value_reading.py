"""How the texts of a source write numbers and dates: what conditions compare them as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Grouping: TypeAlias = Literal["none", "clear", "point", "comma"]
"""How numbers are written beside the form that JSON has.

`none`: in no other. `clear`: digits may be grouped where that can mean one number only, as in
`1,500.00`; `1,500` alone is none. `point`, `comma`: that is the decimal mark, and the other one,
blanks and apostrophes group thousands.
"""


@dataclass(frozen=True, slots=True)
class ValueReading:
    """How conditions read a property's text. *dates* are formats of strftime, tried in order.

    It is about texts only: a number of JSON is what it is.
    """

    grouping: Grouping = "none"
    dates: tuple[str, ...] = ()


PLAIN: Final = ValueReading()
"""Numbers as JSON has them, dates as ISO 8601 has them."""
