"""Words in a text: a token is a run of letters and digits, compared without case."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN = re.compile(r"[^\W_]+")
_NO_LETTER_BEFORE, _NO_LETTER_AFTER = r"(?<![^\W_])", r"(?![^\W_])"
_BETWEEN = r"[\W_]+"


def containing(wanted: str) -> Callable[[str], bool]:
    """Return whether a text contains the token *wanted*, as a question to ask of many texts.

    A `*` at an end of *wanted* matches any rest of the token there. Where *wanted* holds
    several tokens (`*@example.com`), they must stand in the text one after the other.
    """
    pattern = _pattern(folded(wanted.strip()))
    if pattern is None:
        return lambda _text: False
    search = pattern.search
    return lambda text: search(folded(text)) is not None


def _pattern(wanted: str) -> re.Pattern[str] | None:
    tokens = _TOKEN.findall(wanted)
    if not tokens:
        return _TOKEN if "*" in wanted else None
    is_open_before = wanted.startswith("*" + tokens[0])
    is_open_after = wanted.endswith(tokens[-1] + "*")
    return re.compile(
        ("" if is_open_before else _NO_LETTER_BEFORE)
        + _BETWEEN.join(tokens)
        + ("" if is_open_after else _NO_LETTER_AFTER)
    )


def folded(text: str) -> str:
    """Return *text* as it is compared without case."""
    if text.isascii():
        return text.lower()
    # The same letter may come as one character or as a letter and its accent.
    return normalize("NFC", text.casefold())
