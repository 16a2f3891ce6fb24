"""What the daemon reports to its log, as far as it is an own event, too.

These are the events whose cause is no transaction; `OwnEvents` listens for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhookd import __version__
from webhookd.model import OwnEvent
from webhookd.telemetry.events import (
    ConfigRead,
    DaemonReady,
    FleetDaemonDied,
    WebhookProbed,
    WebhookProbingEnded,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from webhookd.model.own_event import Fact
    from webhookd.telemetry.events import Event


def _config_read(event: ConfigRead, at: datetime) -> OwnEvent | None:
    facts: dict[str, Fact | None] = {"config_hash": event.config_hash}
    if event.outcome == "rejected":
        facts["problems"] = tuple(
            line for problem in event.problems for line in problem.splitlines()
        )
    if event.outcome in {"reloaded", "rejected"}:
        return OwnEvent(f"config.{event.outcome}", "", at, facts)
    return None


def _daemon_ready(_event: DaemonReady, at: datetime) -> OwnEvent:
    return OwnEvent("daemon.ready", "", at, {"version": __version__})


def _daemon_died(event: FleetDaemonDied, at: datetime) -> OwnEvent:
    facts: dict[str, Fact | None] = {
        "number": event.number,
        "died_on": event.host,
        "process_id": event.process_id,
    }
    return OwnEvent("fleet.daemon_died", str(event.number), at, facts)


def _probed(event: WebhookProbed, at: datetime) -> OwnEvent:
    facts = {"webhook": event.webhook, "reason": event.reason}
    return OwnEvent("webhook.probed", event.webhook, at, facts)


def _probing_ended(event: WebhookProbingEnded, at: datetime) -> OwnEvent:
    facts: dict[str, Fact | None] = {
        "webhook": event.webhook,
        "reason": event.reason,
        "seconds": round(event.seconds),
    }
    return OwnEvent("webhook.probing_ended", event.webhook, at, facts)


HEARD: Final[Mapping[type[Event], Callable[[Any, datetime], OwnEvent | None]]] = {
    ConfigRead: _config_read,
    DaemonReady: _daemon_ready,
    FleetDaemonDied: _daemon_died,
    WebhookProbed: _probed,
    WebhookProbingEnded: _probing_ended,
}
"""What is to be told of what is reported, by its class; None for nothing."""
