"""Load a configuration, check it against what runs, and put it in force: whole or not at all.

Everything that can fail comes first: reading, checking, comparing with the sources that are
known, and the one transaction that brings the lanes' rows in line. What follows is assignments.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd import config, telemetry
from webhookd.delivery.lanes import define
from webhookd.errors import ConfigError, WebhookdError
from webhookd.rules.redaction import Redactor
from webhookd.storage import lanes, outbox, records
from webhookd.telemetry.logs import redact_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from webhookd.config import Loaded
    from webhookd.delivery.courier import Courier
    from webhookd.delivery.dispatch import Dispatch
    from webhookd.delivery.lanes import LaneDefinition
    from webhookd.delivery.settling import Settling
    from webhookd.rules.plan import Plan
    from webhookd.sources.running import RunningSources
    from webhookd.storage.lanes import LaneRow
    from webhookd.storage.writer import Connection, Writer

FEW_WEBHOOKS = 5
"""As many may vanish in one reload without a question."""


class ReloadRefusedError(WebhookdError):
    """A valid configuration that does not go with what runs; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the daemon that a configuration is put in force in."""

    writer: Writer
    dispatch: Dispatch
    courier: Courier
    settling: Settling
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
            telemetry.config_loaded("config.loaded", loaded.plan.hash, _facts(loaded.plan))

    async def reload(self, *, allow_mass_removal: bool = False) -> bool:
        """Read the configuration anew; return whether it is now in force.

        A refused one changes nothing; every problem is logged.
        """
        async with self._lock:
            try:
                loaded = await asyncio.to_thread(
                    config.load, self._path, environment=self._environment
                )
                if loaded.plan == self.plan:
                    telemetry.config_loaded("config.unchanged", self.plan.hash, {})
                    return True
                if not allow_mass_removal:
                    _refuse_mass_removal(self.plan, loaded.plan)
                await self._adopt(loaded)
            except ConfigError as error:
                telemetry.config_rejected(error.problems)
                return False
            except WebhookdError as error:
                telemetry.config_rejected([str(error)])
                return False
            telemetry.config_loaded("config.reloaded", loaded.plan.hash, _facts(loaded.plan))
            return True

    async def _adopt(self, loaded: Loaded) -> None:
        plan, before = loaded.plan, self._plan
        prepared = {name: define(webhook, plan.egress) for name, webhook in plan.webhooks.items()}
        definitions = [_row_definition(one, before) for one in prepared.values()]
        in_force = {name: one for name, one in prepared.items() if one.webhook.enabled}
        # A 410 on its way to the disk must be there before the lanes are compared.
        await self._parts.settling.drain()
        rows, starts = await self._parts.writer.write(
            lambda connection: _write(connection, plan, before, definitions, self._now())
        )
        # Nothing above touched what runs; nothing below can fail.
        redactor = Redactor.of(plan)
        redact_with(redactor.text)
        self._plan = plan
        self._parts.courier.redactor = redactor
        self._parts.courier.config_hash = plan.hash
        self._parts.dispatch.adopt(rows, in_force, starts)
        await self._parts.sources.adopt(plan.sources)
        for warning in loaded.warnings:
            telemetry.config_warned(warning)


def _row_definition(prepared: LaneDefinition, before: Plan | None) -> lanes.Definition:
    webhook = prepared.webhook
    request = webhook.request
    old = before.webhooks.get(webhook.name) if before is not None else None
    return lanes.Definition(
        webhook.name,
        request_digest=prepared.request_digest,
        target_digest=prepared.target_digest,
        absent_reason=None if webhook.enabled else "disabled in the configuration",
        is_retargeted=old is not None
        and (old.request.authentication, old.request.signature)
        != (request.authentication, request.signature),
    )


def _write(
    connection: Connection,
    plan: Plan,
    before: Plan | None,
    definitions: Iterable[lanes.Definition],
    now: datetime,
) -> tuple[list[LaneRow], dict[str, list[datetime]]]:
    """Compare with what the database knows, and bring it in line, in one transaction."""
    _refuse_other_identities(plan, records.identities(connection))
    for source in plan.sources.values():
        records.introduce(connection, source.name, source.identity)
    rows = lanes.adopt(connection, definitions, now)
    paced = {webhook.name for webhook in plan.webhooks.values() if webhook.delivery.rate_limit}
    # Lanes in memory know their starts better than the disk, where some are still to come.
    paced -= before.webhooks.keys() if before is not None else set()
    starts = {
        row.webhook: outbox.recall_starts(connection, row.number, now)
        for row in rows
        if row.webhook in paced
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
    if len(gone) > FEW_WEBHOOKS and 2 * len(gone) > len(before.webhooks):
        raise ReloadRefusedError(
            f"{len(gone)} of {len(before.webhooks)} webhooks would vanish, which looks like a"
            " truncated file; allow it explicitly, or restart the daemon, if it is meant"
        )


def _facts(plan: Plan) -> dict[str, int]:
    return {"webhooks": len(plan.webhooks), "sources": len(plan.sources)}
