"""The parts of the daemon that operators' questions and commands go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.delivery.caused_events import NO_EVENTS

if TYPE_CHECKING:
    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.authentication.known_secrets import KnownSecrets
    from webhookd.delivery.caused_events import CausedEvents
    from webhookd.delivery.dispatcher import Dispatcher
    from webhookd.delivery.sender import Sender
    from webhookd.fleet.known_members import KnownMembers
    from webhookd.intake.running_backfills import Backfills
    from webhookd.operations.activity_counts import ActivityCounts
    from webhookd.operations.reloading.reload import Reloader
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer


@dataclass(frozen=True, slots=True)
class ControlDependencies:
    """The parts that are asked."""

    database: Database
    writer: Writer
    dispatcher: Dispatcher
    reloader: Reloader
    backfills: Backfills
    members: KnownMembers
    secrets: KnownSecrets
    activity: ActivityCounts
    sender: Sender
    credentials_of: CredentialsOf
    events: CausedEvents = NO_EVENTS
