"""Moments: when webhooks look at records again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from webhookd.views.view import View


@dataclass(frozen=True, slots=True)
class MomentView(View):
    """A record that awaits a moment of a webhook."""

    webhook: str
    """The webhook's key in the configuration."""
    source: str
    """The source of the record."""
    object: str
    """The type of the record."""
    record_id: str
    """The record that is looked at."""
    at: datetime | None
    """When it is looked at next; null where it awaits nothing."""
    kind: Literal["at", "wait"]
    """Whether that is by a date of the record, or the end of a wait."""
    told_at: datetime | None = None
    """The last moment of the record that has come, whatever came of it."""
    waiting_since: datetime | None = None
    """When the first of the changes came that are waited with."""
    rule: Mapping[str, Any] | None = None
    """What a date's moment follows from: property, days, time, zone, yearly, offset in seconds."""
