"""Questions of texts without case, and the options of a property that may have several."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from webhookd.model import text_of
from webhookd.rules.tokens import folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.model import JsonText


def holding(wanted: str) -> Callable[[str], bool]:
    """Return whether a text holds *wanted* somewhere, as a question to ask of many texts."""
    sought = folded(wanted)
    return lambda text: sought in folded(text)


def starting(wanted: str) -> Callable[[str], bool]:
    """Return whether a text begins with *wanted*, as a question to ask of many texts."""
    sought = folded(wanted)
    return lambda text: folded(text).startswith(sought)


def ending(wanted: str) -> Callable[[str], bool]:
    """Return whether a text ends with *wanted*, as a question to ask of many texts."""
    sought = folded(wanted)
    return lambda text: folded(text).endswith(sought)


def options_of(value: JsonText) -> frozenset[str]:
    """Return the options that *value* has: the texts of a JSON list, else what `;` parts.

    CRMs join the options of multiple checkboxes so. Blanks around one do not matter, and an empty
    one is none; options differ by case.
    """
    if value.startswith("["):
        # Numbers stay as they are written.
        listed = json.loads(value, parse_int=str, parse_float=str, parse_constant=str)
        texts = [one if isinstance(one, str) else json.dumps(one) for one in listed]
    else:
        texts = text_of(value).split(";")
    return frozenset(filter(None, map(str.strip, texts)))
