"""What an expression gives: a JSON text, so that a number arrives as it was written, or no value.

Two things are none: `OMIT`, and a `Hole`, which stands for a secret that only an attempt knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from webhookd.model import text_of
from webhookd.rules.json_text import NULL

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.model import JsonText
    from webhookd.rules.templating.scope import Scope

    Evaluate: TypeAlias = Callable[[Scope], JsonText]

OMIT: Final = ""
"""What `omit` gives: no JSON text is empty."""

EMPTY: Final = frozenset({NULL, '""', OMIT})
"""What stands for nothing inside a text, and is equal to nothing but itself."""


class Hole(str):
    """The place of a secret, whose name this is."""

    __slots__ = ()


def plain(value: JsonText) -> str:
    """Return *value* as it stands inside a text: nothing where there is none."""
    return "" if value in EMPTY else text_of(value)
