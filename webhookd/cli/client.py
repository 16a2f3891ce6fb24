"""Finding the running daemon and asking it: the client of the admin API."""

from __future__ import annotations

import json
import os
import ssl
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from webhookd.admin.listener import AdminAddress, reachable
from webhookd.cli.settings import is_there
from webhookd.config.settings import Settings
from webhookd.errors import WebhookdError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USUAL_SOCKETS = (Path("/run/webhookd/admin.sock"), Path(".webhookd/admin.sock"))
CONNECT_SECONDS = 5.0
GOOD = range(200, 300)


class NoDaemonError(WebhookdError):
    """No daemon answers where one was looked for."""

    exit_code = 3


class LostError(WebhookdError):
    """The daemon went away in the middle of its answer."""


class RefusedError(WebhookdError):
    """The daemon understood and refused; *answer* is what it said."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        self.status = status
        self.answer = answer
        super().__init__(str(answer.get("error", f"the daemon answered {status}")))


class Client:
    """Asks one daemon."""

    def __init__(self, address: AdminAddress, settings: Settings, seconds: float | None) -> None:
        self._address = address
        uds = None
        if address.path is not None:
            # Open as long as the command runs, which is not long.
            uds = ExitStack().enter_context(reachable(address.path))
        token = settings.token() if address.path is None else None
        # The bytes that the variable or the file holds, whichever characters they are.
        bearer = b"" if token is None else token.reveal().encode(errors="surrogateescape")
        headers = {b"authorization": b"Bearer " + bearer} if bearer else {}
        self._client = httpx.Client(
            # Neither address needs TLS: no certificates are looked for, which may not be there.
            transport=httpx.HTTPTransport(uds=uds, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)),
            base_url="http://webhookd" if uds is not None else f"http://{address}",
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
            headers=headers,
        )

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return what the daemon answers; NoDaemonError when it does not."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path, params=wanted)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Have the daemon do something and return its answer."""
        wanted = {name: value for name, value in body.items() if value is not None}
        return self._ask("POST", path, json=wanted)

    def stream(self, path: str, **body: Any) -> Iterator[dict[str, Any]]:
        """Have the daemon do something long, and yield each line of its answer as it comes.

        Raises LostError when the answer breaks off.
        """
        wanted = {name: value for name, value in body.items() if value is not None}
        try:
            with self._client.stream("POST", path, json=wanted) as answer:
                if answer.status_code not in GOOD:
                    answer.read()
                    raise RefusedError(answer.status_code, answer.json())
                for line in answer.iter_lines():
                    yield json.loads(line)
        except httpx.ConnectError as error:
            raise NoDaemonError(f"no daemon answers at {self._address}: {error}") from None
        except (httpx.HTTPError, ValueError):
            raise LostError(f"the daemon at {self._address} broke off its answer") from None

    def is_there(self) -> bool:
        """Return whether a daemon answers."""
        try:
            return self._client.get("/healthz", timeout=CONNECT_SECONDS).status_code in GOOD
        except httpx.HTTPError:
            return False

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **more)
        except httpx.ReadTimeout:
            raise NoDaemonError(f"the daemon at {self._address} did not answer in time") from None
        except httpx.HTTPError as error:
            raise NoDaemonError(f"no daemon answers at {self._address}: {error}") from None
        try:
            said = answer.json()
        except ValueError:
            raise NoDaemonError(f"what answers at {self._address} is no webhookd") from None
        if answer.status_code not in GOOD:
            raise RefusedError(answer.status_code, said)
        return dict(said)


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
    settings = Settings.from_environment(os.environ, admin_address=admin_address)
    where = settings.admin_address or " and ".join(map(str, USUAL_SOCKETS))
    raise NoDaemonError(f"no daemon answers (looked at {where}); is it running?")


def find(state_directory: Path | None) -> Client | None:
    """Return a client of the daemon that works on *state_directory*, None when none runs."""
    return _first_there(_candidates(None, state_directory, 60.0))


def _first_there(clients: Iterator[Client]) -> Client | None:
    return next((client for client in clients if client.is_there()), None)


def _candidates(
    admin_address: str | None, state_directory: Path | None, seconds: float | None
) -> Iterator[Client]:
    settings = Settings.from_environment(
        os.environ, admin_address=admin_address, state_directory=state_directory
    )
    if settings.admin_address is not None:
        address = AdminAddress.parse(settings.admin_address)
        # The folder of a socket with a long path may not be there.
        with suppress(OSError):
            yield Client(address, settings, seconds)
        return
    is_told = state_directory is not None or os.environ.get("WEBHOOKD_STATE_DIRECTORY")
    sockets = (settings.state_directory / "admin.sock",) if is_told else USUAL_SOCKETS
    for path in sockets:
        if is_there(path):
            yield Client(AdminAddress(path), settings, seconds)
