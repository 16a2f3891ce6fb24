"""Whether a text is one for the parser of expressions, which takes a while to load."""

from __future__ import annotations


def holds_marks(text: str) -> bool:
    """Return whether *text* holds a mark of expressions: `{{`, `{%` or `{#`."""
    return "{{" in text or "{%" in text or "{#" in text
