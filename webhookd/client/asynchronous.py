"""Asking the daemon without waiting for it: what the console does.

Each question has a connection of its own: the daemon closes idle ones after five seconds, and a
question must not meet one that is just being closed.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import httpx

from webhookd.client.admin_address import host_and_port, reachable
from webhookd.client.client_errors import LostError, NoDaemonError, RefusedError
from webhookd.views import json_reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from webhookd.client.admin_address import AdminAddress
    from webhookd.model import Secret
    from webhookd.views.view import View

    Kind = TypeVar("Kind", bound=View)

SECONDS = 30.0
"""For an answer to begin, and for each part of it to follow."""
CONNECT_SECONDS = 5.0


class AsyncClient:
    """Asks one daemon, from one event loop; to be closed."""

    def __init__(self, address: AdminAddress, token: Secret | None) -> None:
        self._address = address
        self._exits = ExitStack()
        headers = {b"user-agent": b"webhookd-console"}
        if token is not None and token.reveal():
            # The bytes that the variable or the file holds, whichever characters they are.
            bearer = token.reveal().encode(errors="surrogateescape")
            headers[b"authorization"] = b"Bearer " + bearer
        name = "webhookd" if address.path else host_and_port(address.host, address.port)
        self._client = httpx.AsyncClient(
            base_url=f"http://{name}",
            headers=headers,
            timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
            transport=httpx.AsyncHTTPTransport(
                uds=self._socket_name(),
                limits=httpx.Limits(max_keepalive_connections=0),
                trust_env=False,
            ),
        )

    async def close(self) -> None:
        """Close the connections that are open."""
        await self._client.aclose()
        self._exits.close()

    async def is_alive(self) -> None:
        """Return when the daemon answers; NoDaemonError when it does not."""
        try:
            answer = await self._client.get("/healthz", timeout=CONNECT_SECONDS)
        except (httpx.HTTPError, OSError) as error:
            raise self._is_away(error) from None
        if answer.is_error:
            raise NoDaemonError(f"what answers at {self._address} is no webhookd")

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return what the daemon answers; NoDaemonError when it does not."""
        wanted = {name: value for name, value in query.items() if value is not None}
        return await self._ask("GET", path, params=wanted)

    async def read(self, kind: type[Kind], path: str, **query: Any) -> Kind:
        """Return what the daemon answers as a view."""
        return json_reader.read(kind, await self.get(path, **query))

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Have the daemon do something and return its answer."""
        given = {name: value for name, value in body.items() if value is not None}
        return await self._ask("POST", path, json=given)

    @asynccontextmanager
    async def lines(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        after: str | None = None,
        **query: Any,
    ) -> AsyncIterator[AsyncIterator[str]]:
        """Ask what is answered line by line, for as long as that takes.

        Of a stream of events, those *after* the one with that id. Raises LostError when the answer
        breaks off.
        """
        headers = {} if after is None else {"last-event-id": after}
        wanted = {name: value for name, value in query.items() if value is not None}
        patient = httpx.Timeout(SECONDS, connect=CONNECT_SECONDS, read=None)
        try:
            async with self._client.stream(
                method, path, params=wanted, json=body, headers=headers, timeout=patient
            ) as answer:
                if answer.is_error:
                    raise RefusedError(answer.status_code, self._object(await answer.aread()))
                yield answer.aiter_lines()
        except httpx.ConnectError as error:
            raise self._is_away(error) from None
        except httpx.HTTPError:
            raise self._is_lost() from None

    async def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            answer = await self._client.request(method, path, **more)
        except httpx.TimeoutException:
            told = f"the daemon at {self._address} did not answer in time"
            raise NoDaemonError(told) from None
        except httpx.ReadError:
            raise self._is_lost() from None
        except (httpx.HTTPError, OSError) as error:
            raise self._is_away(error) from None
        said = self._object(answer.content)
        if answer.is_error:
            raise RefusedError(answer.status_code, said)
        return said

    def _object(self, content: bytes) -> dict[str, Any]:
        try:
            said = json.loads(content)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise NoDaemonError(f"what answers at {self._address} is no webhookd")
        return said

    def _is_away(self, error: Exception) -> NoDaemonError:
        told = str(error) or type(error).__name__
        return NoDaemonError(f"no daemon answers at {self._address}: {told}")

    def _is_lost(self) -> LostError:
        return LostError(f"the daemon at {self._address} broke off its answer")

    def _socket_name(self) -> str | None:
        """Return a name of the socket that the kernel takes, until the client is closed."""
        path = self._address.path
        try:
            return None if path is None else self._exits.enter_context(reachable(path))
        except OSError as error:
            raise self._is_away(error) from None


def quoted(part: str) -> str:
    """Return *part* as one part of a path, whatever it holds."""
    return quote(part, safe="")
