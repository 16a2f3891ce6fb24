"""What a reload works out before its transaction: each webhook prepared, and its lane's row."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.delivery.prepared_webhook import prepare
from webhookd.model import DISABLED
from webhookd.rules import digests
from webhookd.storage.deliveries.lanes import ConfiguredLane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.definitions import Definitions
    from webhookd.delivery.prepared_webhook import PreparedWebhook
    from webhookd.model.trace_context import Sampling

PREPARED_AT_ONCE: Final = 16
"""Webhooks that are prepared in one turn of the event loop, which takes two milliseconds."""


@dataclass(frozen=True, slots=True)
class PreparedConfiguration:
    """The *enabled* webhooks, ready for attempts, and the *lanes* of all as they are configured."""

    enabled: Mapping[str, PreparedWebhook]
    lanes: Sequence[ConfiguredLane]


async def prepare_all(
    definitions: Definitions,
    before: Definitions | None,
    key: bytes,
    credentials_of: CredentialsOf,
    tracing: Sampling | None,
) -> PreparedConfiguration:
    """Prepare the webhooks of *definitions*; *before* are those in force, *key* is the digests'.

    Attempts go on meanwhile: nothing that they need is touched, and the event loop has its turns.
    """
    enabled, configured = {}, []
    for number, (name, webhook) in enumerate(definitions.webhooks.items(), start=1):
        prepared = prepare(
            webhook,
            definitions.egress,
            secrets=definitions.named_secrets,
            config_hash=definitions.hash,
            credentials_of=credentials_of,
            tracing=tracing,
        )
        if webhook.enabled:
            enabled[name] = prepared
        configured.append(_configured_lane(prepared, before, key))
        if number % PREPARED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return PreparedConfiguration(enabled, configured)


def _configured_lane(
    prepared: PreparedWebhook, before: Definitions | None, key: bytes
) -> ConfiguredLane:
    webhook = prepared.webhook
    target = digests.target_digest(webhook.request, key)
    old = before.webhooks.get(webhook.name) if before is not None else None
    return ConfiguredLane(
        webhook.name,
        request_digest=digests.request_digest(webhook.request, key),
        target_digest=target,
        is_ordered=webhook.delivery.order == "record",
        absent_reason=None if webhook.enabled else DISABLED,
        is_retargeted=old is not None
        and old.request != webhook.request
        and digests.target_digest(old.request, key) != target,
        seconds=prepared.seconds,
    )
