"""The sources that are being read: one task for each, and what a reload does to them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from webhookd.errors import SourceError, WebhookdError
from webhookd.rules.plan import host_of, is_same_host
from webhookd.telemetry import bug
from webhookd.telemetry.sources import source_elsewhere, source_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from webhookd.rules import plan
    from webhookd.sources.source import Source

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class RunningSources:
    """Runs each source of the plan in force that is read here.

    *build* makes a source from its definition; *host* is the name of the host that this is.
    """

    def __init__(self, build: Callable[[plan.Source], Source], *, host: str) -> None:
        self._build = build
        self._host = host
        self._elsewhere: dict[str, str] = {}
        self._running: dict[str, tuple[plan.Source, asyncio.Task[None]]] = {}

    async def adopt(self, sources: Mapping[str, plan.Source]) -> None:
        """Stop what is gone or changed, start what is new; the others go on undisturbed."""
        elsewhere = dict(self._read_elsewhere(sources))
        here = {name: one for name, one in sources.items() if name not in elsewhere}
        await self._stop(
            name
            for name, (definition, _) in tuple(self._running.items())
            if here.get(name) != definition
        )
        for name, host in elsewhere.items():
            if self._elsewhere.get(name) != host:
                source_elsewhere(name, host, self._host)
        self._elsewhere = elsewhere
        for name, definition in here.items():
            if name not in self._running:
                source = self._build(definition)
                # Whoever waits for the daemon to be ready may drop a file at once.
                with suppress(SourceError):
                    await source.prepare()
                task = asyncio.create_task(_run(source), name=f"source {name}")
                self._running[name] = (definition, task)

    async def stop(self) -> None:
        """Stop them all; each leaves what it reads in good order."""
        await self._stop(tuple(self._running))

    def _read_elsewhere(self, sources: Mapping[str, plan.Source]) -> Iterator[tuple[str, str]]:
        """Yield the sources that another host reads, with its name."""
        for name, definition in sources.items():
            host = host_of(definition)
            if host is not None and not is_same_host(host, self._host):
                yield name, host

    async def _stop(self, names: Iterable[str]) -> None:
        tasks = [self._running.pop(name)[1] for name in names]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _run(source: Source) -> None:
    """Run a source, and again with growing pauses when it fails as a whole."""
    pause = FIRST_PAUSE
    while True:
        try:
            await source.run()
        except WebhookdError as error:
            source_failed(source.name, error, pause)
        except Exception as error:  # noqa: BLE001 - a bug in one source stops only itself
            bug("source.broke", error, source=source.name)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
