"""What a plan is compared with: a daemon, its saved status, or nothing beside its database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webhookd.cli import replay
from webhookd.cli.client import connect, find
from webhookd.cli.replay import NoReplayError, Pages
from webhookd.cli.settings import open_outbox
from webhookd.client.blocking import Client
from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from webhookd.storage.database.database import Database


class StatusFileError(WebhookdError):
    """The saved status cannot be read."""


@dataclass(frozen=True)
class Where:
    """Where the options of the command say that it is found."""

    status: Path | None = None
    admin_address: str | None = None
    state_directory: Path | None = None
    database_url: str | None = None


@dataclass(frozen=True)
class InForce:
    """What `status --json` says, its document empty when nothing is in force.

    *client* asks the daemon, if one runs; *database* is what it left, if it was looked for.
    """

    status: dict[str, Any]
    client: Client | None = None
    database: Database | None = None

    @property
    def is_known(self) -> bool:
        """Return whether anything is in force."""
        return self.database is None

    def changes(self, since: datetime) -> Pages:
        """Return the changes that are known since a time."""
        if self.client is not None:
            return replay.from_daemon(self.client, since)
        if self.database is not None:
            from webhookd.cli import offline  # noqa: PLC0415

            return offline.changes(self.database, since)
        raise NoReplayError(
            "a saved status holds no changes; --replay asks the daemon, or reads its database"
        )


def find_in_force(where: Where, *, needs_daemon: bool) -> InForce:
    """Return what is in force; without a daemon, its database.

    Raises NoDaemonError when none runs and *needs_daemon*, StorageError when there is no database.
    """
    if where.status is not None:
        return InForce(_saved(where.status))
    client = _client(where, needs_daemon=needs_daemon)
    if client is not None:
        return InForce(client.get("/v1/status"), client)
    from webhookd.cli import offline  # noqa: PLC0415

    database = open_outbox(where.state_directory, where.database_url)
    return InForce(offline.status(database), database=database)


def _client(where: Where, *, needs_daemon: bool) -> Client | None:
    if where.database_url is not None:
        if needs_daemon:
            raise WebhookdError("--database-url is for --replay; a plan alone asks the daemon")
        return None
    if where.state_directory is not None and where.admin_address is None:
        if needs_daemon:
            return connect(f"unix:{where.state_directory}/admin.sock")
        return find(where.state_directory)
    is_told = where.admin_address is not None
    return connect(where.admin_address) if needs_daemon or is_told else find(None)


def _saved(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        if isinstance(found, dict) and {"document", "webhooks", "config_hash"} <= found.keys():
            return found
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise StatusFileError(f"{path} cannot be read: {why}") from None
    raise StatusFileError(f"{path} is not what `webhookd status --json` prints")
