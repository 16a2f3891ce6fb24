"""Asking the daemon and waiting for its answer: what commands do."""

from __future__ import annotations

import json
import socket
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from webhookd.client.admin_address import reachable
from webhookd.client.client_errors import LostError, NoDaemonError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhookd.client.admin_address import AdminAddress
    from webhookd.model import Secret

CONNECT_SECONDS = 5.0
GOOD = range(200, 300)


class Client:
    """Asks one daemon: a connection for each question.

    The standard library's client speaks to it: a bigger one takes longer to load than most commands
    take.
    """

    def __init__(self, address: AdminAddress, token: Secret | None, seconds: float | None) -> None:
        self._address = address
        self._seconds = seconds
        # The bytes that the variable or the file holds, whichever characters they are.
        bearer = b"" if token is None else token.reveal().encode(errors="surrogateescape")
        self._headers = {"Connection": b"close"}
        if bearer:
            self._headers["Authorization"] = b"Bearer " + bearer

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return what the daemon answers; NoDaemonError when it does not."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", f"{path}?{urlencode(wanted)}" if wanted else path)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Have the daemon do something and return its answer."""
        return self._ask("POST", path, body)

    def stream(self, path: str, **body: Any) -> Iterator[dict[str, Any]]:
        """Have the daemon do something long, and yield each line of its answer as it comes.

        Raises LostError when the answer breaks off.
        """
        with self._answer("POST", path, body) as answer:
            if answer.status not in GOOD:
                raise RefusedError(answer.status, self._object(answer))
            try:
                for line in answer:
                    yield json.loads(line)
            except (OSError, HTTPException, ValueError, RecursionError):
                raise self._is_lost() from None

    def is_there(self) -> bool:
        """Return whether a daemon answers."""
        try:
            with self._answer("GET", "/healthz", seconds=CONNECT_SECONDS) as answer:
                return answer.status in GOOD
        except NoDaemonError:
            return False

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._answer(method, path, body) as answer:
            said = self._object(answer)
        if answer.status not in GOOD:
            raise RefusedError(answer.status, said)
        return said

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        seconds: float | None = None,
    ) -> Iterator[HTTPResponse]:
        """Ask, and give the answer, of which the head has arrived; NoDaemonError without one."""
        given = {name: value for name, value in (body or {}).items() if value is not None}
        content = None if method == "GET" else json.dumps(given).encode()
        kind = {} if content is None else {"Content-Type": b"application/json"}
        connection = _Connection(self._address, CONNECT_SECONDS)
        with closing(connection):
            try:
                connection.connect()
                connection.sock.settimeout(self._seconds if seconds is None else seconds)
                connection.request(method, path, content, {**self._headers, **kind})
                answer = connection.getresponse()
            except TimeoutError:
                raise self._is_late() from None
            except OSError as error:
                told = error.strerror or str(error) or type(error).__name__
                raise NoDaemonError(f"no daemon answers at {self._address}: {told}") from None
            except HTTPException:
                raise self._is_another() from None
            with answer:
                yield answer

    def _object(self, answer: HTTPResponse) -> dict[str, Any]:
        try:
            said = json.loads(answer.read())
        except TimeoutError:
            raise self._is_late() from None
        except (OSError, IncompleteRead):
            raise self._is_lost() from None
        except (HTTPException, ValueError, RecursionError):
            raise self._is_another() from None
        if not isinstance(said, dict):
            raise self._is_another()
        return said

    def _is_late(self) -> NoDaemonError:
        return NoDaemonError(f"the daemon at {self._address} did not answer in time")

    def _is_lost(self) -> LostError:
        return LostError(f"the daemon at {self._address} broke off its answer")

    def _is_another(self) -> NoDaemonError:
        return NoDaemonError(f"what answers at {self._address} is no webhookd")


class _Connection(HTTPConnection):
    """A connection to a unix socket or a loopback port; without TLS, which neither needs."""

    def __init__(self, address: AdminAddress, seconds: float) -> None:
        super().__init__(address.host or "webhookd", address.port or None, timeout=seconds)
        self._path = address.path

    def connect(self) -> None:
        """Connect, or raise OSError."""
        if self._path is None:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with reachable(self._path) as name:
            self.sock.connect(name)
