"""What an answer is, in words for who looks for something in it."""

from __future__ import annotations

from typing import Any


def shape(value: Any) -> str:
    """Return what an answer is: which keys it has."""
    if isinstance(value, dict):
        names = [str(name) for name in list(value)[:10]]
        return f"whose keys are {', '.join(names)!s:.200}" if names else "which is an empty object"
    return f"which is {kind(value)}"


def kind(value: Any) -> str:
    """Return what kind of value it is, or the value itself where that is short."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case None:
            return "null"
        case _:
            return f"{str(value)!r:.60}"
