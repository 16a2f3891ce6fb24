"""Texts that a person types, which may not be texts at all."""

from __future__ import annotations

import typer

from webhookd.rules import failure_causes


def utf8(text: str | None) -> str | None:
    """Return what was typed; refuse bytes that are not UTF-8, as no name and no id is."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(f"it is not UTF-8: {text!r}") from None
    return text


def cause(text: str | None) -> str | None:
    """Return what attempts came to, as it was typed; refuse what no attempt comes to."""
    try:
        if text is not None:
            failure_causes.require_shape(text)
    except ValueError as error:
        raise typer.BadParameter(f"it is not {error}") from None
    return text
