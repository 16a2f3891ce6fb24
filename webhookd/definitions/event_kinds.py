"""The daemon's own events: which there are, and what each says.

The names are those of the log lines that tell of the same. `intake.own_events` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import JsonText

OBJECT: Final = "events"
"""The type of the records that own events are."""

Severity: TypeAlias = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of own events. *properties* are its own, each with an example as JSON."""

    severity: Severity
    properties: Mapping[str, JsonText]


COMMON: Final[Mapping[str, JsonText]] = MappingProxyType(
    {
        "event": '"delivery.failed"',
        "at": '"2026-03-01T08:00:00.000Z"',
        "host": '"files1.example.com"',
        "severity": '"error"',
        "count": "1",
        "first_at": '"2026-03-01T08:00:00.000Z"',
    }
)
"""The properties of every event, each with an example as JSON."""

OF_WINDOWS: Final = frozenset({"count", "first_at"})
"""Properties that are known when a window ends: conditions cannot ask for them."""

TIMES: Final = frozenset({"at", "first_at"})
"""The properties that are times."""

EVENT_KINDS: Final[Mapping[str, EventKind]] = MappingProxyType(
    {
        "delivery.failed": EventKind(
            "error",
            {
                "webhook": '"new-customer"',
                "delivery_id": '"01900000-0000-7000-8000-000000000000"',
                "object": '"contacts"',
                "record_id": '"4711"',
                "change": '"updated"',
                "attempts": "19",
                "status": "503",
                "reason": '"503; no attempt within 72h"',
            },
        ),
    }
)
"""Each kind of own events by its name."""

PROPERTIES: Final = tuple(
    dict.fromkeys([*COMMON, *(name for kind in EVENT_KINDS.values() for name in kind.properties)])
)
"""All properties that own events have."""
