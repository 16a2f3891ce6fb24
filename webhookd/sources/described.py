"""What an API says of a type of object now: its properties, and some records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import Properties

SOME: Final = 100
"""Records that are read to see what they have."""


@dataclass(frozen=True, slots=True)
class DescribedProperty:
    """A property as the API describes it; *options* are the values that it may have, if it says."""

    name: str
    type: str
    label: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """The *properties* by name, None where an API does not list them, and some *records*."""

    properties: Mapping[str, DescribedProperty] | None
    records: tuple[Properties, ...]
