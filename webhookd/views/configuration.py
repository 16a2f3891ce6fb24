"""The configuration: its files, and what is on the disk beside what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from webhookd.views.view import Count, View


@dataclass(frozen=True, slots=True)
class WrittenFileView(View):
    """A file of the configuration in force."""

    file: str
    """Where it was read."""
    text: str
    """What was read, secrets that are known replaced."""


@dataclass(frozen=True, slots=True)
class ConfigurationView(View):
    """The files of the configuration in force."""

    config_hash: str
    """The configuration in force."""
    config_path: str
    """The file or folder that was read."""
    read_at: datetime | None
    """When a configuration was read last, whatever came of it."""
    files: tuple[WrittenFileView, ...]
    """The files, as they were read."""


@dataclass(frozen=True, slots=True)
class SettingView(View):
    """A setting that differs."""

    name: str
    """Its dotted name."""
    before: str | None
    """Its value in force; null where it has none."""
    after: str | None
    """Its value on the disk."""


@dataclass(frozen=True, slots=True)
class DifferenceView(View):
    """A webhook or a source that differs."""

    kind: str
    """`added`, `removed` or `changed`."""
    name: str
    """Its name."""
    settings: tuple[SettingView, ...]
    """What differs of it."""
    pending: Count
    """Deliveries of the webhook that wait; 0 of a source."""
    effect: str
    """What a reload does to these, as a sentence; empty of a source."""


@dataclass(frozen=True, slots=True)
class PlanView(View):
    """What a reload would change now."""

    problems: tuple[str, ...]
    """Why the configuration on the disk would be refused; then nothing else is told."""
    config_hash: str | None
    """The configuration on the disk; null where it is wrong."""
    running_hash: str
    """The configuration in force."""
    changes: bool
    """Whether anything would change."""
    refused_as_mass_removal: bool
    """Whether a reload asks first, since most webhooks would vanish."""
    webhooks: tuple[DifferenceView, ...]
    """The webhooks that differ."""
    sources: tuple[DifferenceView, ...]
    """The sources that differ."""
    egress: tuple[SettingView, ...]
    """What differs of where requests may go."""
    rotated: Mapping[str, tuple[str, ...]]
    """By webhook, settings whose secret has another value."""
    lacking: Mapping[str, Mapping[str, int]]
    """By webhook, what templates would ask for, and how many that wait do not hold it."""
