"""`coalesce`: a newer change takes the place of those of its record that wait."""

import asyncio
import json
import sqlite3
import sys
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count, pairwise

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import engine, until
from tests.making import NOW, a_policy, a_settlement, a_webhook, read_here
from webhookd import clock
from webhookd.definitions import Body, BodyFormat, Definitions, Enroll, RetryPolicy, Trigger
from webhookd.delivery.claims import ClaimTable
from webhookd.errors import StorageError
from webhookd.intake.batch import Intake
from webhookd.intake.decision import Decision, decide, store
from webhookd.model import (
    Batch,
    ChangeKind,
    Delivered,
    DeliveryFilter,
    DeliveryState,
    FileProgress,
    GivenUp,
    Held,
    Observation,
    RetryAt,
)
from webhookd.rules import changes, render
from webhookd.storage.database.database import open_database
from webhookd.storage.deliveries import lanes, manual, query, settle
from webhookd.storage.deliveries.due import FetchRequest, find_due
from webhookd.storage.webhooks import backlog
from webhookd.telemetry import metrics

EVERYTHING = Trigger(changes=tuple(ChangeKind))
SOON = RetryPolicy(first_after=timedelta(milliseconds=5), factor=1.0, jitter=0.0)


def hook(name="crm-mirror", trigger=EVERYTHING, **policy):
    """Return a webhook that coalesces, and tells the values before."""
    webhook = a_webhook(
        name, delivery=a_policy(**{"order": "record", "coalesce": True} | policy), trigger=trigger
    )
    body = Body(properties=None, static={}, format=BodyFormat.RECORD, previous=True)
    return replace(webhook, request=replace(webhook.request, body=body))


def digest(webhook):
    return lanes.ConfiguredLane(
        webhook.name, "2:d", "2:d", is_ordered=webhook.delivery.order == "record"
    )


class Outbox:
    """A database that changes are told to, and what waits in it; one transaction after another."""

    def __init__(self, url, webhook):
        self.webhook = webhook
        self.claims = ClaimTable(lambda: None)
        self.now = NOW
        self._ids = count(1)
        self._known = {}
        self.database = open_database(url)
        self.connection = self.database.connect()
        self.adopt(webhook)

    def close(self):
        self.connection.close()
        self.database.close()

    def adopt(self, webhook):
        self.webhook = webhook
        lanes.adopt(self.connection, [digest(webhook)], self.now)

    def see(self, *rows):
        """Take rows of (id, properties), None for a deletion; return what is stored."""
        decision = Decision()
        for record, properties in rows:
            texts = (
                None if properties is None else {k: json.dumps(v) for k, v in properties.items()}
            )
            seen = Observation("contacts", record, texts or {}, deleted=texts is None)
            known = self._known.get(record)
            noticed = changes.notice(known, seen, source="export", seen_at=self.now)
            if noticed.known is not None:
                self._known[record] = noticed.known
            if noticed.change is not None:
                id_ = f"{next(self._ids):032x}"
                decide(self.webhook, noticed.change, id_, self.now, decision)
        claims = self.claims.transaction(["w"])
        stored = store(self.connection, decision, claims)
        claims.release()
        return stored

    def due(self):
        wanted = FetchRequest(1, self.epoch, 100, is_ordered=True)
        (due,) = find_due(self.connection, [wanted], self.now)
        return due.deliveries

    def start(self, under_way):
        """Begin attempts of what is due and not under way."""
        fresh = [one for one in self.due() if one.id not in {other.id for other in under_way}]
        return [one for one in fresh if self.claims.start(one.id)]

    @property
    def epoch(self):
        return lanes.all_rows(self.connection)[0].epoch

    def settle(self, delivery, outcome):
        settlement = a_settlement(
            delivery, outcome, ended_at=self.now, first_attempt_at=self.now, epoch=self.epoch
        )
        settle.settle(self.connection, [settlement])
        self.claims.settled((delivery.id,))

    def rows(self):
        listed = query.deliveries(self.database, DeliveryFilter(), limit=99, now=self.now)
        return list(listed)[::-1]


@pytest.fixture
def opened(url):
    outboxes = []

    def make(webhook=None):
        outboxes.append(Outbox(url, webhook or hook()))
        return outboxes[-1]

    yield make
    for one in outboxes:
        one.close()


def told(delivery):
    """Return the kind, the properties and those before that a delivery tells."""
    body = json.loads(delivery.rendered.body)
    kind = body["eventType"].removeprefix("contacts.")
    assert kind == delivery.change.value
    return kind, body["properties"], body["previousProperties"]


A, B, C = {"x": 1, "y": 1}, {"x": 2, "y": 1}, {"x": 3, "y": 1}
LATER = RetryAt(NOW + timedelta(hours=1), "the receiver answered 500")


def test_a_change_takes_the_place_of_the_one_that_waits(opened):
    """It keeps the creation that was not told, and the older one says who took its place."""
    running = opened()
    (first,) = running.see(("1", A))
    (second,) = running.see(("1", B))

    older, newer = running.rows()
    assert (older.state, older.superseded_by, older.settled_at) == ("superseded", second.id, NOW)
    assert (newer.state, newer.is_behind, newer.superseded_by) == ("pending", False, None)
    assert second.supersedes == (first.id,)
    assert [told(one) for one in running.due()] == [("created", B, {"x": None, "y": None})]


def test_the_values_before_are_those_before_the_first_change_that_was_not_told(opened):
    running = opened()
    running.settle(running.see(("1", A))[0], Delivered())
    running.see(("1", B))
    running.see(("1", C))

    assert [told(one) for one in running.due()] == [("updated", C, {"x": 1})]


def test_changes_of_one_batch_are_told_as_one_each_of_them_to_be_seen(opened):
    running = opened()
    (before,) = running.see(("1", A))
    stored = running.see(("1", B), ("2", A), ("1", C), ("1", None))

    assert [told(one)[:2] for one in running.due()] == [("created", A), ("deleted", C)]
    assert [one.record_id for one in stored] == ["2", "1"]
    assert set(stored[1].supersedes) == {before.id, *(one.id for one in running.rows()[1:4:2])}
    states = ["superseded", "superseded", "pending", "superseded", "pending"]
    assert [one.state for one in running.rows()] == states
    taken_by = [one.superseded_by for one in running.rows() if one.superseded_by]
    assert len(set(taken_by)) == 3


def test_one_whose_attempt_is_under_way_stays_first_and_those_behind_it_coalesce(opened):
    running = opened()
    (first,) = running.see(("1", A))
    assert running.claims.start(first.id)
    (second,) = running.see(("1", B))
    (third,) = running.see(("1", C))

    assert (second.supersedes, second.is_behind) == ((), True)
    assert (third.supersedes, third.is_behind) == ((second.id,), True)
    assert [one.id for one in running.due()] == [first.id]
    running.settle(first, Delivered())
    assert [told(one) for one in running.due()] == [("updated", C, {"x": 1})]


def test_one_that_waits_for_its_retry_is_superseded_with_all_behind_it(opened):
    """The newer one waits as long, and as many attempts were made: changes hurry nothing."""
    running = opened()
    (first,) = running.see(("1", A))
    running.claims.start(first.id)
    running.see(("1", B))
    running.settle(first, LATER)
    running.now += timedelta(minutes=1)
    (third,) = running.see(("1", C))

    assert len(third.supersedes) == 2
    assert (third.due_at, third.attempts_made, third.first_attempt_at) == (LATER.when, 1, None)
    assert running.due() == ()
    running.now = LATER.when
    (due,) = running.due()
    assert told(due) == ("created", C, {"x": None, "y": None})
    assert (due.attempts_made, due.first_attempt_at) == (1, None)


def test_a_newer_one_goes_on_in_the_row_of_short_hints(opened):
    """Changes without an end do not have a receiver asked more often than it may be."""
    running = opened()
    (first,) = running.see(("1", A))
    hint = replace(LATER, hints_in_row=1)
    running.settle(first, hint)
    (second,) = running.see(("1", B))
    running.now = LATER.when

    assert second.hints == (1, 1)
    (due,) = running.due()
    assert (due.attempts_made, due.hints) == (1, (1, 1))


def test_one_that_a_release_made_due_makes_the_newer_one_due(opened):
    running = opened()
    (first,) = running.see(("1", A))
    running.settle(first, LATER)
    lanes.pause(running.connection, "crm-mirror", "maintenance", running.now)
    running.see(("1", B))
    lanes.resume(running.connection, "crm-mirror", running.now)
    running.see(("1", C))

    assert [told(one)[:2] for one in running.due()] == [("created", C)]


def test_a_record_that_changes_all_the_time_looks_as_old_as_its_first_untold_change(opened):
    running = opened()
    for minute in range(5):
        running.now = NOW + timedelta(minutes=minute)
        running.see(("1", {"x": minute}))

    (found,) = backlog.standings(running.database, running.now).values()
    assert (found.pending, found.oldest_pending_at) == (1, NOW)


def test_a_held_webhooks_deliveries_coalesce_too(opened):
    running = opened()
    (first,) = running.see(("1", A))
    running.settle(first, Held("the receiver answered 410: it is gone"))
    running.see(("1", B))

    assert [one.state for one in running.rows()] == ["superseded", "held"]


def test_what_was_given_up_or_cancelled_is_not_superseded(opened):
    running = opened()
    running.settle(running.see(("1", A))[0], GivenUp("the receiver answered 400"))
    running.see(("1", B))
    manual.cancel(running.connection, [2], running.now)
    running.see(("1", C))

    assert [one.state for one in running.rows()] == ["failed", "cancelled", "pending"]
    assert [told(one) for one in running.due()] == [("updated", C, {"x": 2})]


def test_what_a_person_retries_is_sent_as_it_is(opened):
    running = opened()
    running.settle(running.see(("1", A))[0], LATER)
    manual.retry(running.connection, [1], running.now)
    running.see(("1", B))
    running.see(("1", C))

    assert [one.state for one in running.rows()] == ["pending", "superseded", "pending"]
    (first,) = running.due()
    running.settle(first, Delivered())
    assert [told(one) for one in running.due()] == [("updated", C, {"x": 1})]


def test_a_superseded_one_is_retried_out_of_order_only(opened):
    running = opened()
    running.see(("1", A))
    running.see(("1", B))
    retried = manual.retry(running.connection, [1], running.now)
    meant = manual.Selection(DeliveryFilter(state=DeliveryState.SUPERSEDED))
    counted = manual.count_retried(running.database, meant, with_overtaken=False)
    assert (retried, counted) == (manual.Changed(0, 1), manual.Changed(0, 1))
    assert manual.retry_overtaken(running.connection, [1], running.now).count == 1

    older, newer = running.rows()
    assert (older.state, older.superseded_by, older.is_behind) == ("pending", None, True)
    running.settle(running.due()[0], Delivered())
    assert [told(one)[1] for one in running.due()] == [A]
    assert newer.state == "pending"


def test_turned_on_or_off_by_a_reload_it_leaves_what_waits_as_it_is(opened):
    running = opened(hook(coalesce=False))
    running.see(("1", A))
    running.adopt(hook())
    running.see(("1", B))
    running.see(("1", C))
    running.adopt(hook(coalesce=False))
    running.see(("1", A))
    running.adopt(hook())
    running.see(("1", B))

    states = ["pending", "superseded", "pending", "pending", "pending"]
    assert [one.state for one in running.rows()] == states
    seen = []
    for _ in range(4):
        (due,) = running.due()
        seen.append(told(due)[:2])
        running.settle(due, Delivered())
    assert seen == [("created", A), ("updated", C), ("updated", A), ("updated", B)]


def test_without_an_order_any_more_nothing_is_superseded(opened):
    """A batch decided before a reload may be stored after it."""
    running = opened()
    running.see(("1", A))
    lanes.adopt(running.connection, [digest(hook(order="none"))], running.now)
    running.see(("1", B))
    assert [one.state for one in running.rows()] == ["pending", "pending"]
    lanes.adopt(running.connection, [digest(hook())], running.now)
    running.see(("1", C))
    assert [one.state for one in running.rows()] == ["pending"] * 3


def test_only_what_fires_supersedes(opened):
    once = Trigger(changes=tuple(ChangeKind), enroll=Enroll.ONCE)
    running = opened(hook(trigger=once))
    running.see(("1", A))
    running.see(("1", B))

    assert [told(one)[1] for one in running.due()] == [A]


def test_a_bug_in_rendering_the_whole_supersedes_nothing(opened, monkeypatch):
    running = opened()
    running.settle(running.see(("1", A))[0], Delivered())
    running.see(("1", B))
    real = render.render

    def broken(webhook, change, *, delivery_id):
        if change.previous == {"x": "1", "y": "1"}:
            raise RuntimeError("a bug")
        return real(webhook, change, delivery_id=delivery_id)

    monkeypatch.setattr(render, "render", broken)
    running.see(("1", C))

    assert [one.state for one in running.rows()] == ["delivered", "pending", "pending"]
    assert [one.is_behind for one in running.rows()] == [False, False, True]


VALUES = st.fixed_dictionaries({}, optional={"x": st.integers(0, 2), "y": st.integers(0, 2)})
RECORDS = st.sampled_from(["1", "2"])
SEEN = st.tuples(st.just("see"), st.lists(st.tuples(RECORDS, VALUES | st.none()), max_size=4))
STEPS = st.lists(
    SEEN | st.tuples(st.sampled_from(["start", "deliver", "fail", "crash"]), st.just([])),
    max_size=25,
)


class Told:
    """A receiver that checks each delivery against what it was told before."""

    def __init__(self):
        self.records = {}

    def take(self, delivery):
        kind, properties, previous = told(delivery)
        record = delivery.record_id
        known = self.records.get(record)
        is_another = known is None or known["life"] != properties["life"]
        assert kind == "deleted" or (kind == "created") == is_another
        if kind == "updated":
            names = {name for name in known | properties if known.get(name) != properties.get(name)}
            assert previous == {name: known.get(name) for name in names}
        self.records[record] = None if kind == "deleted" else properties


@settings(max_examples=80)
@given(steps=STEPS)
def test_the_receiver_ends_with_the_last_state_and_each_step_follows_from_the_one_before(
    tmp_path_factory, steps
):
    """Whatever is delivered, under way, fails or is cut off by a crash in between."""
    running = Outbox(f"sqlite:///{tmp_path_factory.mktemp('one')}/webhookd.db", hook())
    receiver, last, lives, under_way = Told(), {}, Counter(), []
    for what, rows in [*steps, *[("deliver", [])] * 60]:
        running.now += timedelta(minutes=1)
        match what:
            case "see":
                seen = []
                for record, values in rows:
                    lives[record] += values is not None and last.get(record) is None
                    properties = None if values is None else values | {"life": lives[record]}
                    seen.append((record, properties))
                    if properties is not None or record in last:
                        last[record] = properties
                running.see(*seen)
            case "start":
                under_way += running.start(under_way)
            case "crash":
                running.claims, under_way = ClaimTable(lambda: None), []
            case _:
                under_way = under_way or running.start(under_way)
                for one in under_way[:1]:
                    if what == "deliver":
                        receiver.take(one)
                        running.settle(one, Delivered())
                    else:
                        running.settle(one, RetryAt(running.now + timedelta(minutes=3), "500"))
                under_way = under_way[1:]
    states = [one.state for one in running.rows()]
    running.close()

    assert set(states) <= {"delivered", "superseded"}
    assert receiver.records == last


class Watching:
    """A receiver that notes what it is told of each record, and fails as it is told to."""

    def __init__(self, fails=lambda _n: False):
        self._fails = fails
        self._numbers = count()
        self.ids = Counter()
        self.taken = defaultdict(list)
        self.gate = None

    async def answer(self, request):
        await (asyncio.sleep(0) if self.gate is None else self.gate.wait())
        body = json.loads(request.content)
        if self._fails(next(self._numbers)):
            return httpx.Response(500)
        self.ids[request.headers["webhook-id"]] += 1
        kind = body["eventType"].removeprefix("contacts.")
        self.taken[body["objectId"]].append((kind, body["properties"], body["previousProperties"]))
        return httpx.Response(200)


@asynccontextmanager
async def taking_in(url, receiver, webhook):
    """Run the engine with an intake before it, as the daemon does."""
    async with engine(url, receiver.answer) as running:
        await running.adopt(webhook)
        await read_here(running.writer, "export")
        definitions = Definitions("c0ffee000000", None, {}, {webhook.name: webhook})
        taker = Intake(
            running.database,
            running.writer,
            definitions=lambda: definitions,
            offer=running.dispatcher.offer,
            claims=running.dispatcher.claims,
            clock=clock.SYSTEM,
            new_id=clock.new_id,
        )
        batches = count(1)

        async def take(*rows):
            seen = tuple(
                Observation("contacts", id_, {k: str(v) for k, v in properties.items()})
                for id_, properties in rows
            )
            progress = FileProgress("export", "claim", "1.ndjson", next(batches))
            await taker.ingest(Batch("export", seen, progress))

        yield running, take


def is_done(running):
    async def check():
        return await running.query("SELECT 1 FROM deliveries WHERE due_at IS NOT NULL") == []

    return check


@pytest.mark.parametrize("fails", [False, True], ids=["well", "shaky"])
def test_nothing_is_told_twice_or_lost_while_changes_race_with_attempts(url, fails):
    """Changes come as fast as they are taken in, and attempts start in between."""
    receiver = Watching(lambda number: fails and number % 3 == 0)
    records, rounds = [str(number) for number in range(8)], 60
    before = metrics.SUPERSEDED.labels("crm-mirror")._value.get()

    async def scenario():
        webhook = hook(concurrency=3, retry=SOON)
        async with taking_in(url, receiver, webhook) as (running, take):
            for number in range(rounds):
                await take(*((record, {"n": number}) for record in records))
            await until(is_done(running), 30)
            return await running.query("SELECT id, state FROM deliveries"), running.dispatcher

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        rows, dispatcher = asyncio.run(scenario())
    finally:
        sys.setswitchinterval(interval)

    superseded = {id_ for id_, state in rows if state == "superseded"}
    delivered = {id_ for id_, state in rows if state == "delivered"}
    assert len(rows) == rounds * len(records)
    assert superseded
    assert set(receiver.ids) == delivered
    assert set(receiver.ids.values()) == {1}
    for record in records:
        steps = receiver.taken[record]
        assert [kind for kind, _, _ in steps] == ["created"] + ["updated"] * (len(steps) - 1)
        assert steps[-1][1] == {"n": rounds - 1}
        for (_, before_it, _), (_, _, previous) in pairwise(steps):
            assert previous == before_it
    assert dispatcher.claims._started == set()
    assert not dispatcher.claims._claimed
    counted = metrics.SUPERSEDED.labels("crm-mirror")._value.get() - before
    assert counted == len(superseded)


def test_a_transaction_that_fails_gives_back_what_it_was_about_to_supersede(url):
    """What waits in memory does not start while that is open, and does then."""
    receiver = Watching()

    async def scenario():
        async with taking_in(url, receiver, hook(concurrency=1)) as (running, take):
            receiver.gate = asyncio.Event()
            await take(("0", {"n": 0}), ("1", {"n": 0}))
            await until(lambda: running.dispatcher.in_flight == 1)
            ((waiting,),) = await running.query("SELECT id FROM deliveries WHERE record_id = '1'")
            claims = running.dispatcher.claims.transaction([])

            def breaks(_connection):
                assert claims.claim(waiting)
                raise sqlite3.OperationalError("database or disk is full")

            refused = running.writer.write(breaks)
            await asyncio.wait([refused])
            receiver.gate.set()
            await until(lambda: running.query("SELECT 1 FROM attempts"))
            for _ in range(20):
                await running.query("SELECT 1")
            meanwhile = receiver.ids.total()
            claims.release()
            await until(is_done(running))
            return refused.exception(), meanwhile

    error, meanwhile = asyncio.run(scenario())

    assert isinstance(error, StorageError)
    assert (meanwhile, receiver.ids.total()) == (1, 2)


def test_a_newer_change_takes_the_older_ones_place_in_memory(url):
    """A record that changes all the time is not put behind the others again and again."""
    receiver = Watching()

    async def scenario():
        async with taking_in(url, receiver, hook(concurrency=1)) as (running, take):
            receiver.gate = asyncio.Event()
            await take(*((str(number), {"n": 0}) for number in range(5)))
            await until(lambda: running.dispatcher.in_flight == 1)
            for number in range(1, 20):
                await take(("1", {"n": number}))
            receiver.gate.set()
            await until(is_done(running))

    asyncio.run(scenario())

    assert list(receiver.taken) == ["0", "1", "2", "3", "4"]
    assert receiver.taken["1"] == [("created", {"n": 19}, {"n": None})]
