"""What the configuration in force says of a lane, prepared for attempts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.delivery.signed_request import Outbound
from webhookd.transport import SendOptions

if TYPE_CHECKING:
    from webhookd.definitions import Egress, Webhook


@dataclass(frozen=True, slots=True)
class LaneDefinition:
    """What the configuration in force says of a lane, prepared for attempts."""

    webhook: Webhook
    outbound: Outbound
    options: SendOptions

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
    return LaneDefinition(webhook, Outbound(webhook.request), options)
