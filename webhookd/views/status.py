"""How everything stands in the running daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from webhookd.model import ReloadOutcome
from webhookd.views.backfills import RunningBackfillView
from webhookd.views.deliveries import ByHandView
from webhookd.views.sources import SourceView
from webhookd.views.view import Count, View
from webhookd.views.webhooks import WebhookView


@dataclass(frozen=True, slots=True)
class ReloadView(View):
    """What came of reading a configuration."""

    at: datetime
    """When it was read."""
    outcome: ReloadOutcome
    """Whether it is in force: all but `rejected` are."""
    config_hash: str
    """The configuration in force now."""
    problems: tuple[str, ...]
    """What is wrong with a rejected one, each with its place."""


@dataclass(frozen=True, slots=True)
class MemberView(View):
    """A daemon of the fleet."""

    number: Count
    """Its number in the fleet."""
    host: str
    """The host that it runs on."""
    process_id: Count
    """Its process on that host."""
    version: str
    """Its version of webhookd."""
    config_hash: str
    """The configuration that it has in force."""
    started_at: datetime
    """When it joined the fleet."""
    seen_at: datetime
    """When it last wrote to the database."""
    is_late: bool
    """Whether its lease is over."""
    is_this: bool
    """Whether it is the one that answers."""


@dataclass(frozen=True, slots=True)
class StatusView(View):
    """How everything stands."""

    version: str
    """The daemon's version of webhookd."""
    host: str
    """The host that it runs on."""
    process_id: Count
    """Its process on that host."""
    started_at: datetime
    """When it began to work."""
    config_hash: str
    """The configuration in force."""
    config_path: str
    """Where that configuration was read."""
    last_reload: ReloadView | None
    """What came of reading the configuration last."""
    pending: Count
    """Deliveries that wait, held ones included."""
    failed: Count
    """Deliveries that were given up."""
    in_flight: Count
    """Attempts under way, of this daemon."""
    fleet: tuple[MemberView, ...]
    """The daemons that share the database; none where it is a file."""
    webhooks: tuple[WebhookView, ...]
    """The webhooks by name, with those that are not configured any more."""
    sources: tuple[SourceView, ...]
    """The sources by name."""
    backfills: tuple[RunningBackfillView, ...]
    """The backfills under way."""
    document: Mapping[str, Any]
    """The configuration in force, without secrets.

    URLs that are secrets stand in it up to the second segment of their path, headers as `***`.
    """
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """The section `defaults` of that configuration as it is written; merged into `document`."""
    hidden_digests: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Digests of the values that `document` does not show whole, by webhook and setting."""
    by_hand: ByHandView | None = None
    """The change of many deliveries that a person began and that is under way."""
