"""Events as the daemon reports them, for tests of what becomes of them."""

from __future__ import annotations

from tests.making import a_delivery, a_settlement
from webhookd.telemetry import events
from webhookd.telemetry.figures import PollSummary

WRONG = ValueError("wrong")
DELIVERY = a_delivery(id="new", supersedes=("old", "older"))
POLL = PollSummary("hub", "contacts", 1.23456, {"200": 3}, 7)


def attempted(outcome):
    """Return an attempt that came to *outcome*."""
    return events.DeliveryAttempted(a_settlement(DELIVERY, outcome, kind="2xx"))
