"""What happened to the daemon itself, as far as webhooks may tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Fact: TypeAlias = "str | int | tuple[str, ...]"
"""A text, a number, or a list of texts."""


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """One event. *name* is one of `definitions.event_kinds`.

    *subject* is the webhook or the source that it is about, empty where it is about the daemon:
    events of one name and subject that come close together are told as one. *facts* are its
    properties, without those that every event has; None stands for no value.
    """

    name: str
    subject: str
    at: datetime
    facts: Mapping[str, Fact | None]
