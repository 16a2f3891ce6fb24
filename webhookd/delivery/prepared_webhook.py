"""A webhook's definition, prepared once for the many attempts that are made under it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.authentication.credentials import Fixed
from webhookd.delivery.signed_request import RequestTemplate
from webhookd.transport import SendOptions

if TYPE_CHECKING:
    from webhookd.authentication.credentials import Credentials
    from webhookd.definitions import Egress, Webhook


@dataclass(frozen=True, slots=True)
class PreparedWebhook:
    """A webhook as the configuration in force defines it, with what every attempt needs of it."""

    webhook: Webhook
    template: RequestTemplate
    credentials: Credentials
    options: SendOptions
    config_hash: str

    @property
    def seconds(self) -> int:
        """Return the whole seconds that an attempt may take."""
        return math.ceil(self.options.timeout)

    def has_same_request(self, other: PreparedWebhook) -> bool:
        """Return whether both define the same request; secrets count."""
        # Every attempt compares, nearly always a definition with itself.
        return self is other or self.webhook.request == other.webhook.request


@dataclass(slots=True)
class AttemptContext:
    """What a lane says of its attempts at one moment.

    *held_total* is for how many seconds it was held in all, by then; *is_paced* whether its
    starts are kept for a rate limit.
    """

    definition: PreparedWebhook
    lane: int
    epoch: int
    held_total: float
    is_paced: bool


def prepare(webhook: Webhook, egress: Egress, *, config_hash: str = "") -> PreparedWebhook:
    """Return *webhook* prepared for attempts under the configuration with *config_hash*."""
    options = SendOptions(
        timeout=webhook.delivery.timeout.total_seconds(),
        connect_timeout=webhook.delivery.connect_timeout.total_seconds(),
        tls=webhook.request.tls,
        egress=egress,
        proxy=webhook.request.proxy,
    )
    template = RequestTemplate(webhook.request)
    credentials = Fixed(webhook.request.authentication)
    return PreparedWebhook(webhook, template, credentials, options, config_hash)
