"""Backfills: how far one is, and those under way."""

from __future__ import annotations

from dataclasses import dataclass

from webhookd.views.view import Count, View


@dataclass(frozen=True, slots=True)
class BackfillView(View):
    """How far a backfill is."""

    records: Count
    """Known records that were looked at."""
    deliveries: Count
    """Deliveries made of them."""
    over: bool
    """Whether this is its end."""
    error: str | None = None
    """Why it ended before it had looked at every record."""
    missing: tuple[str, ...] = ()
    """Properties in `where` that no known record has: of a dry run's end."""
    notes: tuple[str, ...] = ()
    """A sentence for each property that `where` or the webhook names and that no known record has,
    or of which a value has no order beside that of a condition: of a dry run's end."""


@dataclass(frozen=True, slots=True)
class RunningBackfillView(View):
    """A backfill that is not over."""

    webhook: str
    """The webhook's key in the configuration."""
    per_second: float
    """Deliveries made in a second, at most."""
    records: Count
    """Known records that were looked at."""
    deliveries: Count
    """Deliveries made of them."""
