"""Try a kind of source on a real database, and kill its daemon at every step.

`SourceDaemon` is as much of a daemon as one source needs: a database, intake, the runner of
sources and a schedule that polls when a test says so. `check_every_crash` runs a source through a
story, again and again, and kills the daemon once before and once after each batch is committed.
What was reported must lead from each state of the outside world to the next, with nothing lost and
nothing twice. docs/sources.md shows it in use.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from tests.making import LOOPBACK, a_webhook, some_definitions
from tests.virtual_time import VirtualTime
from webhookd import telemetry
from webhookd.definitions import Body, BodyFormat, Trigger
from webhookd.delivery.claims import ClaimTable
from webhookd.fleet.exclusive_work import ExclusiveWork
from webhookd.intake.batch import Intake
from webhookd.model import ChangeKind
from webhookd.rules.usage import NOTHING
from webhookd.sources.dependencies import SourceDependencies
from webhookd.sources.polling.request_budget import Budgets
from webhookd.sources.runner import NeverContested, RunningSources
from webhookd.storage.database.connection import Member
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.fleet.exclusive import ExclusiveWriter, reading
from webhookd.storage.records import known_records
from webhookd.storage.records.cursors import Polls
from webhookd.storage.records.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self, TypeAlias

    from webhookd.definitions import Source as Settings
    from webhookd.definitions import Webhook
    from webhookd.model import Batch
    from webhookd.sources.source import Source

    Build: TypeAlias = Callable[[Settings, SourceDependencies], Source]
    World: TypeAlias = Mapping[str, Mapping[str, Any]]

NEVER = 10**9
FACTS = ("objectId", "eventType", "properties", "previousProperties")
PATIENCE = 10.0
"""Seconds, real ones, until something must have happened."""


class KilledError(BaseException):
    """The daemon was killed: nothing after this reaches the database."""


class SourceDaemon:
    """A daemon with one source. An async context manager: it starts, and stops in good order.

    *url* is that of its database. On PostgreSQL it is a member of a fleet under the name *member*,
    and reads the source when no other does. *kill_at* counts steps, two for each batch: that and
    every later one fails, as nothing more happens after a kill.
    """

    def __init__(
        self,
        url: str,
        settings: Settings,
        build: Build,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        member: str = "first",
        kill_at: int = NEVER,
    ) -> None:
        self.time = VirtualTime()
        self.steps = 0
        self._url = url
        self._settings = settings
        self._build = build
        self._transport = transport or httpx.MockTransport(lambda _: httpx.Response(500))
        self._member = member
        self._kill_at = kill_at
        self._jobs: dict[str, Callable] = {}

    async def __aenter__(self) -> Self:
        self.database = open_database(self._url)
        member = Member(self._member, self._member, 1, "0")
        self.writer = await Writer(self.database, None, member).__aenter__()
        name, identity = self._settings.name, self._settings.identity
        await self.writer.write(lambda one: known_records.introduce(one, name, identity))
        webhooks = map(everything_of(name), self._settings.polled_objects)
        definitions = some_definitions(*webhooks)
        self._intake = Intake(
            self.database,
            self.writer,
            definitions=lambda: definitions,
            offer=lambda _: None,
            claims=ClaimTable(lambda: None),
            clock=self.time.clock,
            new_id=lambda _: uuid4().hex,
        )
        dependencies = SourceDependencies(
            ingest=self._ingest,
            files=lambda source: Files(ExclusiveWriter(self.writer, reading(source))),
            polls=Polls(self.writer),
            report=telemetry.report,
            used=lambda _: NOTHING,
            transport=self._transport,
            egress=lambda: LOOPBACK,
            schedule=self._schedule,
            clock=self.time.clock,
            budgets=Budgets(clock=self.time.clock),
            has_others=self.writer.is_shared,
        )
        is_shared = self.writer.is_shared
        self._sources = RunningSources(
            lambda settings: self._build(settings, dependencies),
            host=self._member,
            exclusive_work=ExclusiveWork(self.writer) if is_shared else NeverContested(),
            has_others=lambda: is_shared,
        )
        await self._sources.adopt({name: self._settings})
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._sources.stop()
        await self.writer.__aexit__()
        self.database.close()

    @property
    def is_killed(self) -> bool:
        """Return whether the step at which it is killed was reached."""
        return self.steps >= self._kill_at

    @property
    def is_reading(self) -> bool:
        """Return whether this daemon polls the source: in a fleet, one does."""
        return bool(self._jobs)

    async def poll(self, *, times: int = 1, every: float = 30.0) -> None:
        """Run everything that the source has scheduled, and let *every* seconds pass after it."""
        for _ in range(times):
            await until(lambda: self.is_reading or self.is_killed)
            jobs = [job() for job in tuple(self._jobs.values())]
            for result in await asyncio.gather(*jobs, return_exceptions=True):
                if isinstance(result, BaseException) and not isinstance(result, KilledError):
                    raise result
            self.time.seconds += every

    async def changes(self) -> list[dict[str, Any]]:
        """Return what was reported, in order: of each change, what does not depend on time."""
        query = "SELECT body FROM deliveries ORDER BY number"
        rows = await self.writer.read(lambda one: one.execute(query).fetchall())
        bodies = [json.loads(bytes(body)) for (body,) in rows]
        return [{key: body.get(key) for key in FACTS} for body in bodies]

    def _schedule(self, _period: object, work: Callable, name: str) -> Callable[[], None]:
        self._jobs[name] = work
        return lambda: self._jobs.pop(name, None)

    async def _ingest(self, batch: Batch) -> int:
        self._step()
        changes = await self._intake.ingest(batch)
        self._step()
        return changes

    def _step(self) -> None:
        self.steps += 1
        if self.is_killed:
            raise KilledError


@dataclass(frozen=True, slots=True)
class Report:
    """What `check_every_crash` did; a difference is an AssertionError instead."""

    states: int
    batches: int
    crashes: int
    changes: int

    def __str__(self) -> str:
        return (
            f"{self.states} states, {self.batches} batches, {self.changes} changes;"
            f" {self.crashes} crashes, and nothing lost or twice"
        )


def check_every_crash(
    new_url: Callable[[], str],
    settings: Settings,
    build: Build,
    *,
    put: Callable[[World], None],
    states: Sequence[World],
) -> Report:
    """Lead a source through *states* of the outside world, once for each step to be killed at.

    *new_url* returns a new database at each call; *put* makes the outside world so: records by
    id, their properties by name. A record that is missing in a state is expected as deleted.
    """
    story = _Story(settings, build, put, states)
    steps, changes = asyncio.run(story.tell(new_url(), NEVER))
    for kill_at in range(1, steps + 1):
        _, reported = asyncio.run(story.tell(new_url(), kill_at))
        assert reported == changes, f"killed at step {kill_at}: {reported} in place of {changes}"
    return Report(len(states), steps // 2, steps, len(changes))


@dataclass(frozen=True, slots=True)
class _Story:
    settings: Settings
    build: Build
    put: Callable[[World], None]
    states: Sequence[World]

    async def tell(self, url: str, kill_at: int) -> tuple[int, list[dict[str, Any]]]:
        """Return how many steps were made, and every change that was reported."""
        steps, changes = 0, []
        state: dict[str, dict[str, Any]] = {}
        where = f"killed at step {kill_at}" if kill_at < NEVER else "never killed"
        for number, world in enumerate(self.states):
            self.put(world)
            made, reported = await self._poll(url, kill_at - steps)
            steps += made
            assert reported[: len(changes)] == changes, f"{where}: what was reported has changed"
            for change in reported[len(changes) :]:
                _apply(change, state, where)
            assert state == world, f"{where}: state {number} is {world}, reported is {state}"
            changes = reported
        return steps, changes

    async def _poll(self, url: str, kill_at: int) -> tuple[int, list[dict[str, Any]]]:
        """Poll once, by a second daemon if the first is killed, and once more for good measure."""
        steps = 0
        if kill_at > 0:
            async with SourceDaemon(url, self.settings, self.build, kill_at=kill_at) as daemon:
                await daemon.poll()
                steps = daemon.steps
        async with SourceDaemon(url, self.settings, self.build) as daemon:
            await daemon.poll(times=2)
            return steps, await daemon.changes()


def _apply(change: dict[str, Any], state: dict[str, dict[str, Any]], where: str) -> None:
    """Apply *change* to *state*, in which it must be possible and news."""
    id_, properties = change["objectId"], change["properties"]
    before = state.get(id_)
    match change["eventType"].rpartition(".")[2]:
        case "created":
            assert before is None, f"{where}: {id_} is created, and was there: {change}"
            state[id_] = properties
        case "updated":
            assert before not in (None, properties), f"{where}: {id_} did not change: {change}"
            was = {name: before.get(name) for name in change["previousProperties"]}
            assert was == change["previousProperties"], f"{where}: {id_} was {before}: {change}"
            state[id_] = properties
        case "deleted":
            assert before is not None, f"{where}: {id_} is deleted, and was not there: {change}"
            del state[id_]


def everything_of(source: str) -> Callable[[str], Webhook]:
    """Return what makes a webhook for every change of a type of object of *source*."""

    def make(object_: str) -> Webhook:
        webhook = a_webhook(object_, source=source, object=object_)
        body = Body(properties=None, static={}, format=BodyFormat.RECORD, previous=True)
        trigger = Trigger(changes=frozenset(ChangeKind))
        return replace(webhook, request=replace(webhook.request, body=body), trigger=trigger)

    return make


async def until(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds; AssertionError when it does not in time."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - any condition, which tells nobody
            await asyncio.sleep(0.005)
