"""Words that every message about a configuration shares: paths, values, near misses."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Steps: TypeAlias = tuple[str | int, ...]
"""The way from the top of a document to a value: keys, and numbers in lists from 0."""

LONGEST = 60


def where(steps: Steps) -> str:
    """Return *steps* as people write them: `webhooks.a.request.body.properties[0]`."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{shortened(step)}" if text else shortened(step)
    return text


def shown(value: object) -> str:
    """Return *value* in short, on one line."""
    match value:
        case dict():
            return "keys and values"
        case list():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return repr(shortened(value))
        case _:
            return shortened(str(value))


def near(word: str, options: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the option closest to *word*, or nothing."""
    if len(word) > LONGEST:
        return ""
    folded = {option.casefold(): option for option in options}
    matches = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean {shown(folded[matches[0]])}?" if matches else ""


def no_such(noun: str, name: str, there: Iterable[str]) -> str:
    """Return a message: there is no *noun* of that *name*; with the name that may be meant."""
    names = list(there)
    if not names:
        return f"there is no {noun} {shown(name)}; none is defined"
    listed = ", ".join(map(shown, names[:5])) + (", …" if names[5:] else "")
    return f"there is no {noun} {shown(name)}{near(name, names) or f'; there is {listed}'}"


def no_property(name: str, there: Iterable[str], *, looked_at: int | None = None) -> str:
    """Return that no known record has the property *name*, and which of those *there* is meant.

    *looked_at* is how many records were looked at where that was not all.
    """
    who = "no known record" if looked_at is None else f"none of {looked_at:,} known records"
    return f"{name}: {who} has a property of this name{near(name, there)}"


def shortened(text: str) -> str:
    """Return at most the first 60 characters of *text*."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
