"""Values for tests: complete, plausible, and easy to vary."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from itertools import count
from typing import Any

from webhookd.definitions import (
    Body,
    BodyFormat,
    Definitions,
    DeliveryPolicy,
    Egress,
    Request,
    Webhook,
)
from webhookd.model import (
    Attempt,
    Change,
    ChangeKind,
    Delivered,
    Delivery,
    Outcome,
    Rendered,
    Settlement,
)
from webhookd.storage.fleet.exclusive import reading

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""A moment for tests whose rules take time as an argument."""

LOOPBACK = Egress(allow=(IPv4Network("127.0.0.0/8"),))

_serial = count(1)


async def read_here(writer, *sources):
    """Have the daemon that *writer* is of be the one that reads *sources*.

    One that died in the same test, as if it was killed, may have left its session behind.
    """
    for source in sources:
        for _ in range(100):
            if await writer.write(lambda connection: connection.session.acquire(reading(source))):  # noqa: B023
                break
            gc.collect()
            await asyncio.sleep(0.02)
        else:
            raise AssertionError(f"{source} is read by somebody else")


def a_webhook(name: str = "crm-mirror", **changes: Any) -> Webhook:
    """Return a webhook that posts every change of contacts to a receiver that is not there."""
    body = Body(properties=None, static={}, format=BodyFormat.RECORD, previous=False)
    request = Request("POST", "https://receiver.example/hook", body=body)
    return replace(Webhook(name, "export", "contacts", request), **changes)


def a_policy(**changes: Any) -> DeliveryPolicy:
    """Return the default delivery policy, varied."""
    return replace(DeliveryPolicy(), **changes)


def some_definitions(*webhooks: Webhook) -> Definitions:
    """Return a plan of *webhooks* that may reach loopback."""
    by_name = {webhook.name: webhook for webhook in webhooks}
    return Definitions("c0ffee000000", LOOPBACK, {}, by_name)


def a_delivery(webhook: str = "crm-mirror", **changes: Any) -> Delivery:
    """Return a delivery of its own id, due at NOW."""
    delivery = Delivery(
        id=f"{next(_serial):032x}",
        webhook=webhook,
        source="export",
        object="contacts",
        record_id="123",
        change=ChangeKind.UPDATED,
        rendered=Rendered("POST", b'{"email":"ada@example.com"}', "application/json", ""),
        created_at=NOW,
        due_at=NOW,
    )
    return replace(delivery, **changes)


def a_settlement(
    delivery: Delivery, outcome: Outcome | None = None, *, lane: int = 1, **changes: Any
) -> Settlement:
    """Return the settlement of an attempt at *delivery* that lasted a second."""
    attempt = Attempt(
        number=delivery.attempts_made + 1,
        started_at=NOW,
        seconds=1.0,
        status=200,
        error=None,
        answer="thank you",
        config_hash="c0ffee000000",
    )
    settlement = Settlement(
        delivery=delivery,
        lane=lane,
        epoch=0,
        attempt=attempt,
        outcome=outcome or Delivered(),
        first_attempt_at=NOW,
        held_before=0.0,
        ended_at=NOW + timedelta(seconds=1),
    )
    return replace(settlement, **changes)


def a_change(kind: ChangeKind = ChangeKind.UPDATED, **changes: Any) -> Change:
    """Return a change of a contact's e-mail address, seen at NOW."""
    change = Change(
        kind=kind,
        source="export",
        object="contacts",
        record_id="123",
        properties={"email": '"ada@example.com"'},
        previous={"email": '"ada@example.org"'},
        occurred_at=NOW,
    )
    return replace(change, **changes)
