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
from webhookd.delivery.definition import define
from webhookd.errors import ConfigError, WebhookdError
from webhookd.model import ReloadOutcome, ReloadResult
from webhookd.rules import digests
from webhookd.rules.difference import is_mass_removal
from webhookd.rules.plan import HubspotSource
from webhookd.rules.redaction import Redactor
from webhookd.storage import fleet, lanes, records, starting
from webhookd.storage.connection import ALONE
from webhookd.telemetry import figures, metrics
from webhookd.telemetry.logs import redact_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from pathlib import Path

    from webhookd.config.loading import Loaded
    from webhookd.delivery.courier import Courier
    from webhookd.delivery.definition import LaneDefinition
    from webhookd.delivery.dispatch import Dispatch
    from webhookd.rules.plan import Plan
    from webhookd.sources.running import RunningSources
    from webhookd.storage.connection import Connection
    from webhookd.storage.lanes import LaneRow
    from webhookd.storage.writer import Writer


class ReloadRefusedError(WebhookdError):
    """A valid configuration that does not go with what runs; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the daemon that a configuration is put in force in."""

    writer: Writer
    dispatch: Dispatch
    courier: Courier
    sources: RunningSources


class Reloader:
    """Holds the plan in force and replaces it. One reload at a time."""

    def __init__(
        self,
        path: Path,
        parts: Parts,
        *,
        environment: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        self._path = path
        self._parts = parts
        self._environment = environment
        self._now = now
        self._lock = asyncio.Lock()
        self._plan: Plan | None = None
        self._waiting: asyncio.Task[ReloadResult] | None = None
        self._allows_mass_removal = False
        self.document: Mapping[str, Any] = {}
        self.last: ReloadResult | None = None

    @property
    def path(self) -> Path:
        """Return where the configuration is read."""
        return self._path

    @property
    def plan(self) -> Plan:
        """Return the plan in force; take it once per batch and keep it."""
        if self._plan is None:
            raise RuntimeError("no configuration is in force yet")
        return self._plan

    async def start(self, loaded: Loaded) -> None:
        """Put the first configuration in force."""
        async with self._lock:
            await self._adopt(loaded)
            self._note("loaded")

    async def rejoin(self) -> None:
        """Put the configuration in force once more, for other daemons thought that nobody had it.

        Raises StorageError.
        """
        async with self._lock:
            await self._adopt(loading.Loaded(self.plan, (), self.document))

    async def read(self) -> Loaded:
        """Return the configuration as it is on disk now; ConfigError when it is wrong."""
        return await asyncio.to_thread(loading.load, self._path, environment=self._environment)

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
            try:
                loaded = await self.read()
                if loaded.plan == self.plan:
                    return self._note("unchanged")
                if not allow:
                    _refuse_mass_removal(self.plan, loaded.plan)
                await self._adopt(loaded)
            except ConfigError as error:
                return self._note("rejected", *map(str, error.problems))
            except WebhookdError as error:
                return self._note("rejected", str(error))
            except Exception as error:  # noqa: BLE001 - a bug in a reload must not end the daemon
                telemetry.bug("config.reload_broke", error)
                return self._note(
                    "rejected", f"internal: a bug in webhookd ({type(error).__name__})"
                )
            return self._note("reloaded")

    def _note(self, outcome: ReloadOutcome, *problems: str) -> ReloadResult:
        """Report what came of a reload, and remember it."""
        result = ReloadResult(outcome, self._now(), self.plan.hash, problems)
        self.last = result
        telemetry.config_read(result.outcome, self.plan.hash, problems, _facts(self.plan))
        if outcome == "rejected":
            metrics.RELOAD_SUCCESSFUL.set(0)
        else:
            metrics.config_in_force(self.plan.hash, result.at)
        return result

    async def _adopt(self, loaded: Loaded) -> None:
        plan, before = loaded.plan, self._plan
        prepared = {name: define(webhook, plan.egress) for name, webhook in plan.webhooks.items()}
        # The key may be read before the transaction: once there is one, it never changes.
        key = await self._parts.writer.write(lanes.digest_key)
        definitions = [_row_definition(one, before, key) for one in prepared.values()]
        in_force = {name: one for name, one in prepared.items() if one.webhook.enabled}
        redactor = Redactor.of(plan)
        async with self._parts.dispatch.still():
            remembered = self._parts.dispatch.paced
            rows, starts = await self._parts.writer.write(
                lambda connection: _write(connection, plan, remembered, definitions, self._now()),
                ALONE,
            )
            # Nothing above touched what runs; nothing below can fail.
            redact_with(redactor.text)
            self._plan, self.document = plan, loaded.document
            self._parts.courier.redactor = redactor
            self._parts.courier.config_hash = plan.hash
            self._parts.dispatch.adopt(rows, in_force, starts)
        self._parts.dispatch.tell("lanes", ())
        if before is not None:
            metrics.forget_webhooks(before.webhooks.keys() - plan.webhooks.keys())
        await self._parts.sources.adopt(plan.sources)
        figures.keep(set(_polled(plan)))
        if before is not None:
            # Only now: a source that stops may still count.
            metrics.forget_sources(before.sources.keys() - plan.sources.keys())
        for warning in loaded.warnings:
            telemetry.config_warned(warning)


def _polled(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield each type of object that is polled, with its source."""
    for source in plan.sources.values():
        if isinstance(source, HubspotSource):
            yield from ((source.name, read.name) for read in source.objects)


def _row_definition(prepared: LaneDefinition, before: Plan | None, key: bytes) -> lanes.Definition:
    webhook = prepared.webhook
    target = digests.target_digest(webhook.request, key)
    old = before.webhooks.get(webhook.name) if before is not None else None
    return lanes.Definition(
        webhook.name,
        request_digest=digests.request_digest(webhook.request, key),
        target_digest=target,
        is_ordered=webhook.delivery.order == "record",
        absent_reason=None if webhook.enabled else lanes.DISABLED,
        is_retargeted=old is not None and digests.target_digest(old.request, key) != target,
        seconds=prepared.seconds,
    )


def _write(
    connection: Connection,
    plan: Plan,
    remembered: AbstractSet[str],
    definitions: Iterable[lanes.Definition],
    now: datetime,
) -> tuple[list[LaneRow], dict[str, list[datetime]]]:
    """Compare with what the database knows, and bring it in line, in one transaction.

    The lanes that are *remembered* know their late starts better than the disk, where some are
    still to come.
    """
    _refuse_other_identities(plan, records.identities(connection))
    for source in plan.sources.values():
        records.introduce(connection, source.name, source.identity)
    rows = lanes.adopt(connection, definitions, now)
    if connection.owner is not None:
        # Late starts are asked for with every batch of them.
        fleet.set_config(connection, plan.hash)
        return rows, {}
    paced = {webhook.name for webhook in plan.webhooks.values() if webhook.delivery.rate_limit}
    starts = {
        row.webhook: starting.recall(connection, row.number, now)
        for row in rows
        if row.webhook in paced - remembered
    }
    return rows, starts


def _refuse_other_identities(plan: Plan, known: Mapping[str, Mapping[str, str]]) -> None:
    problems = [
        f"sources.{name}.{key}: it was {known[name][key]!r} and may not become {value!r} under"
        " the same key; give the changed source a new key"
        for name, source in plan.sources.items()
        if name in known
        for key, value in source.identity.items()
        if known[name].get(key, value) != value
    ]
    if problems:
        raise ReloadRefusedError("\n".join(problems))


def _refuse_mass_removal(before: Plan, after: Plan) -> None:
    gone = before.webhooks.keys() - after.webhooks.keys()
    if is_mass_removal(len(gone), len(before.webhooks)):
        raise ReloadRefusedError(
            f"{len(gone)} of {len(before.webhooks)} webhooks would vanish, which looks like a"
            " truncated file; allow it explicitly, or restart the daemon, if it is meant"
        )


def _facts(plan: Plan) -> dict[str, int]:
    return {"webhooks": len(plan.webhooks), "sources": len(plan.sources)}
