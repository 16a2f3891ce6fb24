"""Texts that a person types, which may not be what they should."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from webhookd.rules import failure_causes

if TYPE_CHECKING:
    from datetime import timedelta


def utf8(text: str | None) -> str | None:
    """Return what was typed; refuse bytes that are not UTF-8, as no name and no id is."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(f"it is not UTF-8: {text!r}") from None
    return text


def all_utf8(texts: list[str] | None) -> list[str] | None:
    """Return texts as they were typed, where each is one."""
    for text in texts or ():
        utf8(text)
    return texts


def cause(text: str | None) -> str | None:
    """Return what attempts came to, as it was typed; refuse what no attempt comes to."""
    try:
        if text is not None:
            failure_causes.require_shape(text)
    except ValueError as error:
        raise typer.BadParameter(f"it is not {error}") from None
    return text


def moment(text: str) -> datetime:
    """Return the time that ISO 8601 calls *text*, in UTC unless it says; raises ValueError."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def length(text: str, option: str, *, at_most: timedelta) -> timedelta:
    """Return the length of time that was typed behind *option*, as `30s`."""
    from webhookd.definitions import durations  # noqa: PLC0415 - few commands take one

    try:
        found = durations.duration(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no length of time; write 500ms, 30s, 5m or 2h", param_hint=option
        ) from None
    if found > at_most:
        raise typer.BadParameter(f"it is longer than {at_most}", param_hint=option)
    return found
