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

_WEBHOOK: Final[dict[str, JsonText]] = {"webhook": '"new-customer"'}

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
        "webhook.held": EventKind("error", _WEBHOOK | {"reason": '"410: the receiver is gone"'}),
        "webhook.paused": EventKind(
            "warning", _WEBHOOK | {"reason": '"the receiver is being moved"'}
        ),
        "webhook.resumed": EventKind("info", _WEBHOOK | {"reason": '"by hand"'}),
        "webhook.probed": EventKind(
            "warning", _WEBHOOK | {"reason": '"the last 20 attempts got no answer"'}
        ),
        "webhook.probing_ended": EventKind(
            "info", _WEBHOOK | {"reason": '"the receiver answered 200"', "seconds": "311"}
        ),
        "webhook.backlogged": EventKind(
            "warning", _WEBHOOK | {"pending": "5120", "oldest_seconds": "3604"}
        ),
        "webhook.caught_up": EventKind(
            "info", _WEBHOOK | {"pending": "12", "oldest_seconds": "1790"}
        ),
        "source.failed": EventKind(
            "error", {"source": '"crm"', "reason": '"contacts: it answered 503"'}
        ),
        "source.recovered": EventKind(
            "info", {"source": '"crm"', "reason": '"contacts: it answered 503"'}
        ),
        "file.failed": EventKind(
            "error",
            {
                "source": '"crm-export"',
                "file": '"contacts.csv"',
                "reason": '"contacts.csv: 1 of 200 rows is bad"',
                "bad_rows": "1",
            },
        ),
        "config.reloaded": EventKind("info", {"config_hash": '"5f2c8e0a91b3"'}),
        "config.rejected": EventKind(
            "error",
            {
                "config_hash": '"5f2c8e0a91b3"',
                "problems": '["config.yaml:3:5: webhooks.erp.reqest: unknown key"]',
            },
        ),
        "daemon.ready": EventKind("info", {"version": '"1.0.0"'}),
        "fleet.daemon_died": EventKind(
            "warning", {"number": "2", "died_on": '"files2.example.com"', "process_id": "4711"}
        ),
    }
)
"""Each kind of own events by its name."""

PROPERTIES: Final = tuple(
    dict.fromkeys([*COMMON, *(name for kind in EVENT_KINDS.values() for name in kind.properties)])
)
"""All properties that own events have."""
