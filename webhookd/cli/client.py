"""Where commands find the running daemon: by option, environment, or where it usually is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd.cli.settings import is_there
from webhookd.client.admin_address import AdminAddress
from webhookd.client.blocking import Client
from webhookd.client.client_errors import NoDaemonError
from webhookd.config.settings import setting_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.model import Secret

USUAL_SOCKETS = (Path("/run/webhookd/admin.sock"), Path(".webhookd/admin.sock"))


def connect(
    admin_address: str | None,
    state_directory: Path | None = None,
    *,
    seconds: float | None = 60.0,
) -> Client:
    """Return a client of the daemon, found by option, environment, or where it usually is.

    Raises NoDaemonError (exit 3) when none answers.
    """
    client = _first_there(_candidates(admin_address, state_directory, seconds))
    if client is not None:
        return client
    raise NoDaemonError(f"no daemon answers (looked at {looked_at(admin_address)}); is it running?")


def find(state_directory: Path | None) -> Client | None:
    """Return a client of the daemon that works on *state_directory*, None when none runs."""
    return _first_there(_candidates(None, state_directory, 60.0))


def _first_there(clients: Iterator[Client]) -> Client | None:
    return next((client for client in clients if client.is_there()), None)


def _told_address(admin_address: str | None) -> str | None:
    return admin_address or setting_names.written(os.environ, "admin_address")


def places(
    admin_address: str | None, state_directory: Path | None
) -> Iterator[tuple[AdminAddress, Secret | None]]:
    """Yield each address at which a daemon may be now, with the token that it takes.

    Raises StorageError when this user may not look.
    """
    told = _told_address(admin_address)
    if told is not None:
        address = AdminAddress.parse(told)
        yield address, None if address.path else _token()
        return
    folder = state_directory or setting_names.written(os.environ, "state_directory")
    sockets = (Path(folder) / "admin.sock",) if folder else USUAL_SOCKETS
    for path in sockets:
        if is_there(path):
            yield AdminAddress(path), None


def looked_at(admin_address: str | None) -> str:
    """Return in words where a daemon is looked for."""
    return _told_address(admin_address) or " and ".join(map(str, USUAL_SOCKETS))


def _candidates(
    admin_address: str | None, state_directory: Path | None, seconds: float | None
) -> Iterator[Client]:
    for address, token in places(admin_address, state_directory):
        yield Client(address, token, seconds)


def _token() -> Secret | None:
    # Only a TCP port asks for one: most commands need not wait for what reads all settings.
    from webhookd.config.settings.process_settings import Settings  # noqa: PLC0415

    return Settings.from_environment(os.environ).token()
