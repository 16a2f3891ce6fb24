"""Webhooks: how each stands, its hold, and whose secrets changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from webhookd.views.view import Count, Ordinal, Seconds, View

WebhookState: TypeAlias = Literal[
    "active", "failing", "probed", "paused", "gone", "disabled", "removed", "elsewhere"
]


@dataclass(frozen=True, slots=True)
class WebhookView(View):
    """How a webhook stands."""

    webhook: str
    """The webhook's key in the configuration."""
    description: str
    """What the configuration says it is for."""
    state: WebhookState
    """`failing`: none of the latest five attempts (of all, where there were fewer) was delivered;
    `probed`: one attempt at a time, for the latest had no answer; `paused`: by a person; `gone`:
    the receiver answered 410; `disabled` or `removed` by the configuration; `elsewhere`: another
    daemon has it in force."""
    hold: str | None
    """Why its deliveries are held; null where they are not."""
    quiet_until: datetime | None
    """Until when the receiver asked to be left alone."""
    probed_since: datetime | None
    """Since when its receiver has not answered."""
    probed_reason: str | None
    """What the latest attempts met in place of an answer."""
    pending: Count
    """Deliveries that wait, held ones included."""
    due: Count
    """Deliveries that could be attempted now."""
    failed: Count
    """Deliveries that were given up."""
    in_flight: Count
    """Attempts under way, of this daemon."""
    oldest_pending_at: datetime | None
    """When the oldest of those that wait was stored."""
    last_delivered_at: datetime | None
    """When an attempt was last delivered, by whichever daemon."""
    last_error: str | None
    """Why the latest attempt that failed did, of whichever daemon."""
    last_error_at: datetime | None
    """When it failed."""
    notes: tuple[str, ...] = ()
    """A sentence for each property that the webhook speaks of and no known record has."""
    method: str | None = None
    """The method of its requests; null of a webhook that is not configured any more."""
    url: str | None = None
    """Where they go, without secrets; of a URL by reference, the reference: `{env: ERP_URL}`."""
    is_failing: bool = False
    """Whether none of the latest five attempts was delivered, whatever its `state`."""
    failing_since: datetime | None = None
    """When the first of the attempts failed that have failed since one was delivered."""
    failing_attempts: Count = 0
    """How many have failed since then, at all daemons."""
    moments: Count | None = None
    """How many records await a moment of its timed trigger; null where it has none."""
    next_moment_at: datetime | None = None
    """When the next of them is looked at."""


@dataclass(frozen=True, slots=True)
class PlaceView(View):
    """Where something stands in the configuration."""

    file: str
    """The file."""
    line: Ordinal
    """Its first line."""
    end_line: Ordinal
    """Its last line."""


@dataclass(frozen=True, slots=True)
class ShownWebhookView(WebhookView):
    """A webhook whole: how it stands, and what the configuration in force says of it."""

    definition: Mapping[str, Any] | None = None
    """Its keys with every default, references for secrets; null where it is not configured."""
    text: str | None = None
    """The lines of the file that define it, as they were read, secrets replaced."""
    place: PlaceView | None = None
    """Where these stand."""
    schedule: tuple[Seconds, ...] = ()
    """How long is waited behind each attempt that failed, without jitter, until it is given up."""


@dataclass(frozen=True, slots=True)
class HoldView(View):
    """A webhook and its hold."""

    webhook: str
    """The webhook's key in the configuration."""
    hold: str | None
    """Why its deliveries are held; null where they are not."""


@dataclass(frozen=True, slots=True)
class RotatedView(View):
    """Settings whose secret, or file's content, a reload would change, and what would lack."""

    webhooks: Mapping[str, tuple[str, ...]]
    """By webhook, the settings."""
    lacking: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By webhook, what its templates would ask for (`properties.region`, `secrets.key`) and so many
    of the deliveries that wait do not hold, or could not be given."""
