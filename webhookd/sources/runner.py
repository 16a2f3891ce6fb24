"""The sources that are being read: one task for each, and what a reload does to them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from webhookd import telemetry
from webhookd.definitions import are_read_alike, is_same_host
from webhookd.errors import NotHeldError, SourceError, WebhookdError
from webhookd.storage.fleet.exclusive import reading
from webhookd.telemetry import figures
from webhookd.telemetry.events import BugFound, SourceElsewhere, SourceFailed
from webhookd.telemetry.unhandled import watched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    from webhookd import definitions
    from webhookd.sources.source import Source

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

UNSEEN_SECONDS: Final = 10.0
"""How long a source that this machine does not see is left to daemons that do."""


@runtime_checkable
class Wakeable(Protocol):
    """A source that may rest, after a refusal for example."""

    def wake(self) -> None:
        """Go on at once."""


@runtime_checkable
class Hinted(Protocol):
    """A source that is polled, and may be polled sooner."""

    def hint(self) -> bool:
        """Have it polled soon, because there may be news; return whether it is read here now."""


class ExclusiveWork(Protocol):
    """One daemon at a time does what is done under a name."""

    async def try_acquire(self, name: str) -> bool:
        """Return whether *name* is this daemon's now."""

    async def run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run *work* once *name* is this daemon's; return when that ends, or it is another's."""


class NeverContested:
    """The exclusive work of a daemon that is alone on its database: every name is its own."""

    async def try_acquire(self, name: str) -> bool:  # noqa: ARG002 - no name is another daemon's
        """Return True."""
        return True

    async def run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:  # noqa: ARG002
        """Run *work*."""
        await work()


class RunningSources:
    """Runs each source of the plan in force that is read here.

    *build* makes a source from its definition; *host* is the name of this host. *exclusive_work*
    says when this daemon may read a source. *has_others* returns whether there are other daemons,
    to which a source is left that this host does not see. What is not *is_read* needs no task.
    """

    def __init__(
        self,
        build: Callable[[definitions.Source], Source],
        *,
        host: str,
        exclusive_work: ExclusiveWork,
        has_others: Callable[[], bool],
        is_read: Callable[[definitions.Source], bool] = lambda _: True,
    ) -> None:
        self._build = build
        self._is_read = is_read
        self._host = host
        self._exclusive_work = exclusive_work
        self._has_others = has_others
        self._elsewhere: dict[str, str] = {}
        self._running: dict[str, tuple[definitions.Source, asyncio.Task[None]]] = {}
        self._made: dict[str, Source] = {}

    async def adopt(self, sources: Mapping[str, definitions.Source]) -> None:
        """Stop what is gone or changed, start what is new; the others go on undisturbed."""
        elsewhere = dict(self._read_elsewhere(sources))
        here = {
            name: one
            for name, one in sources.items()
            if name not in elsewhere and self._is_read(one)
        }
        await self._stop(
            name
            for name, (definition, _) in tuple(self._running.items())
            if name not in here or not are_read_alike(here[name], definition)
        )
        for name, host in elsewhere.items():
            if self._elsewhere.get(name) != host:
                telemetry.report(SourceElsewhere(name, host, self._host))
        self._elsewhere = elsewhere
        for name, definition in here.items():
            running = self._running.get(name)
            task = await self._start(definition) if running is None else running[1]
            self._running[name] = (definition, task)

    def wake(self) -> None:
        """Let sources that rest go on at once: somebody may have mended what they rest for."""
        for source in tuple(self._made.values()):
            if isinstance(source, Wakeable):
                source.wake()

    def hint(self, name: str) -> bool:
        """Have the source *name* polled soon, if this daemon reads it now; return whether it does.

        Runs on the event loop.
        """
        source = self._made.get(name)
        return isinstance(source, Hinted) and source.hint()

    async def stop(self) -> None:
        """Stop them all; each leaves what it reads in good order."""
        await self._stop(tuple(self._running))

    def _read_elsewhere(
        self, sources: Mapping[str, definitions.Source]
    ) -> Iterator[tuple[str, str]]:
        """Yield the sources that another host reads, with its name."""
        for name, definition in sources.items():
            host = definition.host
            if host is not None and not is_same_host(host, self._host):
                yield name, host

    async def _start(self, definition: definitions.Source) -> asyncio.Task[None]:
        source = self._made[definition.name] = self._build(definition)
        is_free = not self._has_others() or await source.is_there()
        if is_free and await self._exclusive_work.try_acquire(reading(definition.name)):
            await _prepare(source)
        work = self._run_exclusively(definition, source)
        name = f"source {definition.name}"
        return watched(asyncio.create_task(work, name=name), name)

    async def _run_exclusively(self, definition: definitions.Source, source: Source) -> None:
        """Read *source* when it is this daemon's turn, and then another, from what is committed."""
        while True:
            try:
                if self._has_others() and not await source.is_there():
                    await asyncio.sleep(UNSEEN_SECONDS)
                await self._exclusive_work.run(reading(definition.name), partial(_run, source))
                # It is another daemon's: here nobody would notice any more how late it is read.
                figures.leave(definition.name)
                source = self._made[definition.name] = self._build(definition)
            except Exception as error:  # noqa: BLE001 - the source is taken up again
                telemetry.report(BugFound("source.broke", error, {"source": definition.name}))
                await asyncio.sleep(UNSEEN_SECONDS)

    async def _stop(self, names: Iterable[str]) -> None:
        tasks = []
        for name in names:
            tasks.append(self._running.pop(name)[1])
            self._made.pop(name, None)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _prepare(source: Source) -> None:
    # Whoever waits for the daemon to be ready may drop a file at once.
    with suppress(SourceError):
        await source.prepare()


async def _run(source: Source) -> None:
    """Run a source, and again with growing pauses when it fails as a whole."""
    pause = FIRST_PAUSE
    while True:
        try:
            await source.run()
        except NotHeldError:
            # Another daemon reads it; whoever runs this sees to it.
            return
        except WebhookdError as error:
            telemetry.report(SourceFailed(source.name, str(error), pause))
        except Exception as error:  # noqa: BLE001 - a bug in one source stops only itself
            telemetry.report(BugFound("source.broke", error, {"source": source.name}))
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
