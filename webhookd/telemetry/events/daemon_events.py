"""Events of the daemon as a whole: its life, configuration, database and fleet, and its bugs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhookd.telemetry.events.event import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import ReloadOutcome


@dataclass(frozen=True, slots=True)
class BugFound(Event):
    """Webhookd did something wrong; *name* is that of the log event, and says where.

    A listener that keeps the event keeps *error* too, and with its stack all that was at hand.
    """

    name: str
    error: BaseException
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StorageRefused(Event):
    """The database did not take or give *count* of *what*; it is tried again."""

    what: str
    count: int
    error: str


@dataclass(frozen=True, slots=True)
class DaemonStarted(Event):
    """The process knows what to work with."""

    version: str
    host: str
    config: str
    database: str
    state_directory: str


@dataclass(frozen=True, slots=True)
class DaemonReady(Event):
    """Sources are read and deliveries go out."""

    webhooks: int
    sources: int
    config_hash: str


@dataclass(frozen=True, slots=True)
class DaemonOusted(Event):
    """Another daemon has taken the database over; this one ends."""

    error: str


@dataclass(frozen=True, slots=True)
class DaemonStopping(Event):
    """The daemon was asked to stop, by *signal*, and drains."""

    signal: str


@dataclass(frozen=True, slots=True)
class DaemonStopped(Event):
    """The end; *unfinished* attempts were cut off and will be made again."""

    unfinished: int


@dataclass(frozen=True, slots=True)
class FleetRejoined(Event):
    """Others had given this daemon up; it goes on as another member, *number*."""

    number: int | None


@dataclass(frozen=True, slots=True)
class FleetDaemonDied(Event):
    """The lease of another daemon is over: what it had is taken over."""

    number: int
    host: str
    process_id: int


@dataclass(frozen=True, slots=True)
class ConfigRead(Event):
    """A configuration was read; *config_hash* is of the one in force afterwards.

    *problems* say why one was rejected; *facts* are counts of what a new one changed.
    """

    outcome: ReloadOutcome
    config_hash: str
    problems: tuple[str, ...] = ()
    facts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigWarned(Event):
    """Something in a configuration is allowed and will not work as hoped."""

    problem: str


@dataclass(frozen=True, slots=True)
class ConfigChangeSeen(Event):
    """*files* of the configuration are others than were read: a reload begins."""

    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MetricsListening(Event):
    """Health and metrics are served at *address*, to anybody who reaches it."""

    address: str


@dataclass(frozen=True, slots=True)
class AdminListening(Event):
    """The admin API answers at *address*."""

    address: str


@dataclass(frozen=True, slots=True)
class InboundListening(Event):
    """Wakes may come in at *address*."""

    address: str
    tls: bool


@dataclass(frozen=True, slots=True)
class InboundMissing(Event):
    """The configuration says who may wake *sources*, and nothing listens for that."""

    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InboundCertificateRead(Event):
    """Other files are there than were read: they are used now, but for an *error*."""

    certificate: str
    error: str | None


@dataclass(frozen=True, slots=True)
class PersonActed(Event):
    """Somebody had the daemon do something: *action* to a webhook or source, its *subject*.

    *via* is the user of the process that asked, as far as that is known; *status* the answer's.
    """

    action: str
    subject: str
    via: str
    status: int


@dataclass(frozen=True, slots=True)
class AdminWithoutToken(Event):
    """The admin API has no token and therefore answers no one on TCP."""

    address: str
