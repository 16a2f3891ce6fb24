"""What an API says of a type of object now: its properties, and some records."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    """Some *records*, and the *properties* that the API lists, by name.

    *is_whole*: there are no others than those. *untold* says why an API that should list them does
    not.
    """

    records: tuple[Properties, ...]
    properties: Mapping[str, DescribedProperty] = field(default_factory=dict)
    is_whole: bool = False
    untold: str = ""
