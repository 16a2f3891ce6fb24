"""Load a configuration, check it against what runs, and put it in force: whole or not at all.

Everything that can fail comes first: reading, checking, comparing with the sources that are
known, and the one transaction that brings the lanes' rows in line. What follows is assignments.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhookd import telemetry
from webhookd.config import loading
from webhookd.config.presets.catalogue import presets_of
from webhookd.delivery.caused_events import NO_EVENTS
from webhookd.errors import ConfigError, WebhookdError
from webhookd.model import ReloadOutcome, ReloadResult
from webhookd.operations.reloading.files_seen import FilesSeen
from webhookd.operations.reloading.reload_preparation import prepare_all
from webhookd.operations.reloading.reload_refusals import ReloadRefusedError, refuse_mass_removal
from webhookd.operations.reloading.reload_transaction import write
from webhookd.rules import literal_secrets
from webhookd.rules.redaction import Redactor
from webhookd.storage.database.connection import EXCLUSIVE
from webhookd.storage.deliveries import lanes
from webhookd.telemetry import figures, metrics
from webhookd.telemetry.events import BugFound, ConfigRead, ConfigWarned, PresetUsed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from webhookd.authentication.keyring import Keyring
    from webhookd.authentication.known_secrets import KnownSecrets
    from webhookd.clock import Clock
    from webhookd.config.loading import Loaded
    from webhookd.config.text.written_file import WrittenFile
    from webhookd.definitions import Definitions
    from webhookd.definitions.in_force import InForce
    from webhookd.delivery.caused_events import CausedEvents
    from webhookd.delivery.dispatcher import Dispatcher
    from webhookd.model.trace_context import Sampling
    from webhookd.sources.runner import RunningSources
    from webhookd.storage.database.writer import Writer


@dataclass(frozen=True, slots=True)
class ReloadDependencies:
    """The parts of the daemon that a configuration is put in force in.

    *settled* is called when one has come into force, *timed* when timers are in line with it.
    *tracing* says which deliveries are traced,
    None where none is.
    """

    writer: Writer
    dispatcher: Dispatcher
    secrets: KnownSecrets
    sources: RunningSources
    in_force: InForce
    keyring: Keyring
    events: CausedEvents = NO_EVENTS
    settled: Callable[[], None] = lambda: None
    tracing: Sampling | None = None
    timed: Callable[[], Awaitable[None]] | None = None


class Reloader:
    """Replaces the definitions in force by those on disk. One reload at a time."""

    def __init__(
        self,
        path: Path,
        dependencies: ReloadDependencies,
        *,
        environment: Mapping[str, str],
        clock: Clock,
        files: FilesSeen | None = None,
    ) -> None:
        self._path = path
        self._dependencies = dependencies
        self._environment = environment
        self._now = clock.now
        self._lock = asyncio.Lock()
        self._waiting: asyncio.Task[ReloadResult] | None = None
        self._allows_mass_removal = False
        self.document: Mapping[str, Any] = {}
        self.defaults: Mapping[str, Any] = {}
        self.written: tuple[WrittenFile, ...] = ()
        self.shown = literal_secrets.shown_document({})
        self.last: ReloadResult | None = None
        self.files = files or FilesSeen()
        """What the files looked like whose content was judged last: put in force, or refused."""

    @property
    def path(self) -> Path:
        """Return where the configuration is read."""
        return self._path

    @property
    def definitions(self) -> Definitions:
        """Return the definitions in force; take them once per batch and keep them.

        RuntimeError before there are any.
        """
        return self._dependencies.in_force.current()

    @property
    def has_definitions(self) -> bool:
        """Return whether there are any."""
        return not self._dependencies.in_force.is_empty

    async def start(self, loaded: Loaded) -> None:
        """Put the first configuration in force."""
        async with self._lock:
            await self.put_in_force(loaded)
            self._note("loaded")

    async def rejoin(self) -> None:
        """Put the configuration in force once more, for other daemons thought that nobody had it.

        Raises StorageError.
        """
        async with self._lock:
            await self.put_in_force(self._in_force())

    def _in_force(self) -> Loaded:
        return loading.Loaded(
            self.definitions, (), self.document, written=self.written, defaults=self.defaults
        )

    async def read(self, note: Callable[[Path], None] | None = None) -> Loaded:
        """Return the configuration as it is on disk now; ConfigError when it is wrong.

        *note* is called with each file just before it is read, on a thread.
        """
        return await asyncio.to_thread(
            loading.load, self._path, environment=self._environment, note=note
        )

    async def reload(self, *, allow_mass_removal: bool = False) -> ReloadResult:
        """Read the configuration anew and put it in force, or change nothing.

        One at a time: callers that come while one runs share the one after it, which reads
        what they may just have written.
        """
        self._allows_mass_removal |= allow_mass_removal
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._reload())
        return await asyncio.shield(self._waiting)

    async def _reload(self) -> ReloadResult:
        async with self._lock:
            self._waiting = None
            allow, self._allows_mass_removal = self._allows_mass_removal, False
            files = FilesSeen()
            try:
                loaded = await self.read(files.note)
                if loaded.definitions == self.definitions:
                    self.files = files
                    # In other words, perhaps, or with other remarks.
                    self.written, self.defaults = loaded.written, loaded.defaults
                    return self._note("unchanged")
                if not allow:
                    refuse_mass_removal(self.definitions, loaded.definitions)
                await self.put_in_force(loaded)
            except ConfigError as error:
                self.files = files
                return self._note("rejected", *map(str, error.problems))
            except WebhookdError as error:
                if isinstance(error, ReloadRefusedError) and not error.may_pass:
                    self.files = files
                return self._note("rejected", str(error))
            except Exception as error:  # noqa: BLE001 - a bug in a reload must not end the daemon
                telemetry.report(BugFound("config.reload_broke", error))
                return self._note(
                    "rejected", f"internal: a bug in webhookd ({type(error).__name__})"
                )
            finally:
                # Whoever reloads may have mended what a source rests for, a token's scopes say; and
                # of a fleet, it is perhaps another daemon that reads the source.
                self._dependencies.sources.wake()
                self._dependencies.dispatcher.peers.notify("reloaded", ())
            self.files = files
            return self._note("reloaded")

    def _note(self, outcome: ReloadOutcome, *problems: str) -> ReloadResult:
        """Report what came of a reload, and remember it."""
        result = ReloadResult(outcome, self._now(), self.definitions.hash, problems)
        self.last = result
        telemetry.report(
            ConfigRead(
                result.outcome, self.definitions.hash, tuple(problems), _facts(self.definitions)
            )
        )
        if outcome == "rejected":
            metrics.RELOAD_SUCCESSFUL.set(0)
        else:
            metrics.config_in_force(self.definitions.hash, result.at)
        return result

    async def put_in_force(self, loaded: Loaded) -> None:
        """Put *loaded* in force, whole or not at all. One call at a time; reports no outcome.

        Raises ReloadRefusedError when it does not go with what the database knows, StorageError
        when the database refuses.
        """
        definitions, in_force = loaded.definitions, self._dependencies.in_force
        before = None if in_force.is_empty else in_force.current()
        # The key may be read before the transaction: once there is one, it never changes.
        key = await self._dependencies.writer.write(lanes.digest_key)
        prepared = await prepare_all(
            definitions, before, key, self._dependencies.keyring.of, self._dependencies.tracing
        )
        redactor = Redactor.of(definitions)
        await asyncio.sleep(0)
        shown = literal_secrets.shown_document(loaded.document)
        dispatcher, events = self._dependencies.dispatcher, self._dependencies.events
        claims = dispatcher.claims.transaction(events.listening(definitions))
        async with dispatcher.quiesced():
            remembered = dispatcher.lanes.rate_limited
            done = await self._dependencies.writer.write(
                lambda connection: write(
                    connection,
                    definitions,
                    remembered,
                    prepared.lanes,
                    before,
                    self._now(),
                    events,
                    claims,
                ),
                EXCLUSIVE,
            )
            # Nothing above touched what runs; nothing below can fail.
            self._dependencies.secrets.adopt(redactor)
            in_force.replace(definitions)
            self.document, self.shown = loaded.document, shown
            self.written, self.defaults = loaded.written, loaded.defaults
            self._dependencies.dispatcher.adopt(done.rows, prepared.enabled, done.starts)
        dispatcher.offer(done.committed())
        self._dependencies.dispatcher.notify("lanes", ())
        if self._dependencies.timed is not None:
            await self._dependencies.timed()
        if before is not None:
            metrics.forget_webhooks(before.webhooks.keys() - definitions.webhooks.keys())
        await self._dependencies.sources.adopt(definitions.sources)
        figures.keep(set(_polled(definitions)))
        if before is not None:
            # Only now: a source that stops may still count.
            metrics.forget_sources(before.sources.keys() - definitions.sources.keys())
        for warning in loaded.warnings:
            telemetry.report(ConfigWarned(str(warning)))
        for name, preset in presets_of(loaded.document):
            telemetry.report(PresetUsed(name, preset.name, preset.status))
        self._dependencies.settled()


def _polled(definitions: Definitions) -> Iterator[tuple[str, str]]:
    """Yield each type of object that is polled, with its source."""
    for source in definitions.sources.values():
        yield from ((source.name, object_) for object_ in source.polled_objects)


def _facts(definitions: Definitions) -> dict[str, int]:
    return {"webhooks": len(definitions.webhooks), "sources": len(definitions.sources)}
