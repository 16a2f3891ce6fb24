"""What `/v1/events` tells of what happens, an object for each kind of event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from webhookd.views.deliveries import ChangeName
from webhookd.views.view import Count, Ordinal, Seconds, View


@dataclass(frozen=True, slots=True)
class EndedAttemptView(View):
    """An attempt that ended."""

    at: datetime
    """When it ended."""
    id: str
    """The id of its delivery."""
    webhook: str
    """The webhook's key in the configuration."""
    source: str
    """The source that saw the change."""
    object: str
    """The type of the record."""
    record_id: str
    """The record that changed."""
    change: ChangeName
    """What happened to the record."""
    attempt: Ordinal
    """Which attempt it was, counted from 1."""
    outcome: Literal["delivered", "retry", "given_up", "held"]
    """What it led to."""
    status: int | None
    """The status of the answer; null where none came."""
    seconds: Seconds | None
    """How long the exchange took; null of another daemon's."""
    error: str | None
    """Why it did not deliver; null where it did."""
    retry_at: datetime | None
    """When it is tried again; null where it is not."""
    is_elsewhere: bool = False
    """Whether another daemon made it: of those, only what settled its delivery is told."""


@dataclass(frozen=True, slots=True)
class EndedAttemptsView(View):
    """Attempts that ended since the last time; of very many, some."""

    attempts: tuple[EndedAttemptView, ...]
    """Some of them, the oldest first."""
    skipped: Count
    """How many more there were."""


@dataclass(frozen=True, slots=True)
class HoldChangeView(View):
    """A webhook was held, or let go."""

    webhook: str
    """The webhook's key in the configuration."""
    hold: str | None
    """Why its deliveries are held; null where they are not any more."""


@dataclass(frozen=True, slots=True)
class ReadConfigurationView(View):
    """A configuration was read."""

    outcome: str
    """What came of it, as in the status."""
    config_hash: str
    """The configuration in force afterwards."""
    problems: tuple[str, ...]
    """Why it was refused."""


@dataclass(frozen=True, slots=True)
class SourceEventView(View):
    """A source failed or recovered, or put a file into `failed/`."""

    source: str
    """The source."""
    event: Literal["failed", "recovered", "file_failed"]
    """What happened."""
    detail: str | None
    """Why, or which file."""


@dataclass(frozen=True, slots=True)
class ActView(View):
    """A person did something."""

    lacks_where_none: ClassVar[frozenset[str]] = frozenset()

    action: str
    """What: `retry`, `pause`, `reload` and the like."""
    subject: str
    """To which webhook or source; empty where to none."""
    via: str
    """By which way: the user of the process that asked, or `tcp`."""
    status: int
    """The status of the answer."""
