"""The daemon as the pages see it: found anew when it went away, its status kept for two seconds.

All viewers share one link: however many look, the daemon is asked for its status once in that time.
Everything here runs on the console's event loop.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from webhookd import clock
from webhookd.client.asynchronous import AsyncClient
from webhookd.client.client_errors import NoDaemonError
from webhookd.views import json_reader
from webhookd.views.status import StatusView
from webhookd.views.trials import TrialView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from webhookd.client.admin_address import AdminAddress
    from webhookd.model import Secret
    from webhookd.views.view import View

    Kind = TypeVar("Kind", bound=View)

Value = TypeVar("Value")

STATUS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where a daemon may be: *find* yields addresses and tokens, *told* says it in words."""

    find: Callable[[], Iterator[tuple[AdminAddress, Secret | None]]]
    told: str


class DaemonLink:
    """Asks the daemon that is there now."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._client: AsyncClient | None = None
        self._finding = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._status: StatusView | None = None
        self._status_at = 0.0

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def status(self) -> StatusView:
        """Return how everything stands, at most two seconds old."""
        async with self._asking:
            # Those who waited for the lock find the answer that it was held for.
            if self._status is None or clock.monotonic() - self._status_at > STATUS_SECONDS:
                self._status = None
                self._status = await self.read(StatusView, "/v1/status")
                self._status_at = clock.monotonic()
            return self._status

    def forget_status(self) -> None:
        """Ask anew the next time: something was changed."""
        self._status = None

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return what the daemon answers."""
        return await self._try(lambda client: client.get(path, **query))

    async def read(self, kind: type[Kind], path: str, **query: Any) -> Kind:
        """Return what the daemon answers as a view."""
        return json_reader.read(kind, await self.get(path, **query))

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Have the daemon do something: asked once, for it may have been done all the same."""
        self.forget_status()
        client = await self._found()
        try:
            return await client.post(path, **body)
        finally:
            self.forget_status()

    async def look(self, path: str, **body: Any) -> dict[str, Any]:
        """Return what the daemon answers to a question that is as long as a body."""
        return await self._try(lambda client: client.post(path, **body))

    async def tried(self, *, is_sent: bool, **asked: Any) -> TrialView:
        """Have a webhook or a draft tried as *asked*: sent once, or only looked at."""
        if is_sent:
            answer = await self.post("/v1/test", anyway=True, **asked)
        else:
            answer = await self.look("/v1/test", dry_run=True, **asked)
        return json_reader.read(TrialView, answer)

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
        """Ask what is answered line by line; of events, those *after* the one with that id."""
        client = await self._found()
        async with client.lines(method, path, body=body, after=after, **query) as lines:
            yield lines

    async def _try(self, ask: Callable[[AsyncClient], Awaitable[Value]]) -> Value:
        """Ask the daemon that was there last; when it is not any more, the one that is now."""
        known = self._client
        if known is not None:
            try:
                return await ask(known)
            except NoDaemonError:
                await self._lose(known)
        return await ask(await self._found())

    async def _found(self) -> AsyncClient:
        """Return a client of a daemon that answers; NoDaemonError without one."""
        async with self._finding:
            if self._client is not None and await _answers(self._client):
                return self._client
            await self.close()
            for address, token in self.places.find():
                try:
                    client = AsyncClient(address, token)
                except NoDaemonError:
                    continue
                if await _answers(client):
                    self._client = client
                    return client
                await client.close()
        raise NoDaemonError(f"no daemon answers (looked at {self.places.told})")

    async def _lose(self, client: AsyncClient) -> None:
        async with self._finding:
            if self._client is client:
                await self.close()


async def _answers(client: AsyncClient) -> bool:
    try:
        await client.is_alive()
    except NoDaemonError:
        return False
    return True
