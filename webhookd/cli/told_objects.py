"""Which types of objects a source has, by what `/v1/sources` says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def objects_told(source: Mapping[str, Any]) -> list[str]:
    """Return the types of objects of *source*, each once, without those that are left out."""
    several = (*(source.get("cursors") or ()), *(source.get("objects") or ()))
    names = (source.get("object"), *(one.get("object") for one in several))
    return list(dict.fromkeys(name for name in names if name))
