"""A webhook's definition, prepared once for the many attempts that are made under it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.authentication.client_credentials import LONGEST_WAIT
from webhookd.authentication.credentials import fixed
from webhookd.definitions import OAuth2
from webhookd.delivery.signed_request import RequestTemplate
from webhookd.transport import SendOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.authentication.credentials import Credentials
    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.definitions import Egress, Webhook
    from webhookd.model import Secret
    from webhookd.model.trace_context import Sampling


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
        """Return the whole seconds that an attempt may take, those for a token included."""
        waits = isinstance(self.webhook.request.authentication, OAuth2)
        return math.ceil(self.options.timeout + (LONGEST_WAIT if waits else 0))

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


def prepare(
    webhook: Webhook,
    egress: Egress,
    *,
    secrets: Mapping[str, Secret] | None = None,
    config_hash: str = "",
    credentials_of: CredentialsOf = fixed,
    tracing: Sampling | None = None,
) -> PreparedWebhook:
    """Return *webhook* prepared for attempts under the configuration with *config_hash*.

    *secrets* are those of the configuration that templates may name. *credentials_of* gives its
    credentials (`Keyring.of`); without it, it can have fixed ones only. With *tracing*, attempts
    say where they stand in a trace.
    """
    options = SendOptions(
        timeout=webhook.delivery.timeout.total_seconds(),
        connect_timeout=webhook.delivery.connect_timeout.total_seconds(),
        tls=webhook.request.tls,
        egress=egress,
        proxy=webhook.request.proxy,
    )
    template = RequestTemplate(webhook.request, secrets or {}, tracing)
    request = webhook.request
    credentials = credentials_of(request.authentication, request.tls, request.proxy)
    return PreparedWebhook(webhook, template, credentials, options, config_hash)
