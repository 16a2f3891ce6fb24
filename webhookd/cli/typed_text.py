"""Texts that a person types, which may not be texts at all."""

from __future__ import annotations

import typer


def utf8(text: str | None) -> str | None:
    """Return what was typed; refuse bytes that are not UTF-8, as no name and no id is."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(f"it is not UTF-8: {text!r}") from None
    return text
