"""Whether a text is one for the parser of expressions, which takes a while to load."""

from __future__ import annotations

import re
from typing import Final

_NOT_SENT_AS_WRITTEN: Final = re.compile(
    r"\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}"
    r"|\{#.*?#\}"
    # A text in an expression may hold what would end it.
    r"|\{\{(?:'(?:\\.|[^'\\])*+'|\"(?:\\.|[^\"\\])*+\"|(?!\}\}).)*+\}\}",
    re.DOTALL,
)


def holds_marks(text: str) -> bool:
    """Return whether *text* holds a mark of expressions: `{{`, `{%` or `{#`."""
    return "{{" in text or "{%" in text or "{#" in text


def without_marked(text: str) -> str:
    """Return what *text* has besides its expressions, its comments and what is meant literally."""
    return _NOT_SENT_AS_WRITTEN.sub("", text) if holds_marks(text) else text
