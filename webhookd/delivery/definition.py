"""What the configuration in force says of a lane, prepared for attempts."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.delivery.outgoing import Outbound
from webhookd.transport import SendOptions

if TYPE_CHECKING:
    from webhookd.rules.plan import Egress, Request, Webhook


@dataclass(frozen=True, slots=True)
class LaneDefinition:
    """What the configuration in force says of a lane, prepared for attempts.

    *request_digest* covers all that the request is, *target_digest* the way to the receiver;
    neither covers a secret.
    """

    webhook: Webhook
    outbound: Outbound
    options: SendOptions
    request_digest: str
    target_digest: str

    @property
    def seconds(self) -> int:
        """Return the whole seconds that an attempt may take."""
        return math.ceil(self.options.timeout)

    def asks_as(self, other: LaneDefinition) -> bool:
        """Return whether the request is that of *other*; secrets count."""
        # Every attempt asks, and hardly ever of another one.
        return self is other or self.webhook.request == other.webhook.request


def define(webhook: Webhook, egress: Egress) -> LaneDefinition:
    """Return *webhook* prepared for attempts."""
    options = SendOptions(
        timeout=webhook.delivery.timeout.total_seconds(),
        connect_timeout=webhook.delivery.connect_timeout.total_seconds(),
        tls=webhook.request.tls,
        egress=egress,
        proxy=webhook.request.proxy,
    )
    request = webhook.request
    digests = _digest(request), _digest(way(request))
    return LaneDefinition(webhook, Outbound(request), options, *digests)


def way(request: Request) -> tuple[object, ...]:
    """Return what leads to the receiver and past its door: if it changes, a try is worth it."""
    return request.url, request.authentication, request.signature, request.tls, request.proxy


def _digest(value: object) -> str:
    # A Secret shows itself as ***, so a digest says nothing of it.
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]
