"""What attempts came to over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from webhookd.views.view import Ordinal, View


@dataclass(frozen=True, slots=True)
class ActivityView(View):
    """How many attempts ended in each step of time, by webhook; those without any are left out."""

    first: datetime
    """When the first step began."""
    step: Ordinal
    """How many seconds a step has."""
    webhooks: Mapping[str, tuple[tuple[float, ...], ...]]
    """By webhook, a list for each step with attempts: its number from 0, how many were delivered,
    are to be tried again, were given up, held their webhook, and the seconds that all took."""
