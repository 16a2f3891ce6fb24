"""All that a configuration defines, in one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.definitions.sources import Source
    from webhookd.definitions.webhooks import Webhook
    from webhookd.model import Secret

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Egress:
    """Which addresses may be connected to beyond the public ones, and which may not at all."""

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Definitions:
    """A whole configuration. *hash* names its content (without secrets) in logs and attempts.

    *secrets* are all that were resolved, for redaction; *named_secrets* those of the section
    `secrets`, for templates.
    """

    hash: str
    egress: Egress
    sources: Mapping[str, Source]
    webhooks: Mapping[str, Webhook]
    secrets: tuple[Secret, ...] = ()
    named_secrets: Mapping[str, Secret] = field(default_factory=dict)
