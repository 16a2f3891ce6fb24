"""Lanes, slots and claims under whatever happens in whatever order, on a virtual clock.

The machine plays the scheduler, the database and the receivers. Between any two steps it may store
and supersede deliveries, let the writer's thread do one unit of work, bring one answer back, end
an attempt, hold and resume a lane or move the clock.
"""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.making import LOOPBACK, a_delivery, a_policy, a_webhook
from tests.unit.delivery.outbox import GatheringPeers, Outbox, ScriptedCourier, VirtualLoop
from webhookd.delivery.dispatcher import Dispatcher
from webhookd.delivery.prepared_webhook import prepare
from webhookd.model import Delivered, GivenUp, Held, RetryAt
from webhookd.storage.deliveries.lanes import LaneRow

WEBHOOKS = ("plain", "ordered")
MAX_IN_FLIGHT = 2


def prepared(concurrency):
    policy = {"plain": a_policy(), "ordered": a_policy(order="record")}
    return {
        name: prepare(a_webhook(name, delivery=replace_policy(policy[name], concurrency)), LOOPBACK)
        for name in WEBHOOKS
    }


def replace_policy(policy, concurrency):
    return a_policy(order=policy.order, concurrency=concurrency)


class EngineMachine(RuleBasedStateMachine):
    """The engine, and what must hold of it."""

    def __init__(self):
        super().__init__()
        self.loop = VirtualLoop()
        self.outbox = Outbox(self.loop, LaneRow(1, "plain"), LaneRow(2, "ordered", is_ordered=True))
        self.courier = ScriptedCourier(self.loop, self.begun)
        self.dispatcher = None
        self.concurrency = 2
        self.is_woken = False
        self.rings_at = None
        self.buffer = []
        self.unsettled = set()
        self.broken = []
        self.told_holds = {}
        self.quiet_until = {}
        self.loop.run_until_complete(self.build())

    async def build(self):
        self.dispatcher = Dispatcher(
            self.courier,
            self.outbox,
            GatheringPeers(self.outbox),
            max_in_flight=MAX_IN_FLIGHT,
            clock=self.loop.clock,
        )
        self.dispatcher.open(self.wake)

    def wake(self):
        self.is_woken = True

    def on_loop(self, function, *arguments):
        async def call():
            return function(*arguments)

        result = self.loop.run_until_complete(call())
        self.loop.settle()
        return result

    # What happens.

    @initialize(concurrency=st.integers(1, 3))
    def begin(self, concurrency):
        self.adopt(concurrency)
        self.work(20)

    @rule(concurrency=st.integers(1, 3))
    def reload(self, concurrency):
        if not self.unsettled:
            self.adopt(concurrency)

    def adopt(self, concurrency):
        self.concurrency = concurrency
        rows = self.outbox.lanes.values()
        self.on_loop(self.dispatcher.adopt, list(rows), prepared(concurrency), {})

    @rule(
        webhook=st.sampled_from(WEBHOOKS),
        record=st.sampled_from("ab"),
        count=st.integers(1, 3),
        steps=st.sampled_from([0, 1, 2, 12]),
    )
    def store(self, webhook, record, count, steps):
        for _ in range(count):
            self.store_one(webhook, record)
        self.work(steps)

    @rule(steps=st.integers(1, 8))
    def work(self, steps):
        """Let the scheduler, the writer's thread and its answers go on for some steps."""
        for _ in range(steps):
            if self.outbox.answers:
                self.answer()
            elif self.outbox.units:
                self.execute()
            elif self.is_ringing:
                self.ring()

    def store_one(self, webhook, record, kind="store"):
        """Queue a transaction that stores a delivery, or has it take the place of one.

        A *kind* of "refused" is one that fails when it has claimed what it would supersede.
        """
        now = self.loop.now()
        delivery = a_delivery(webhook, record_id=record, due_at=now, created_at=now)
        claims = self.dispatcher.claims.transaction([webhook])
        self.outbox.units.append((kind, (delivery, claims), None))

    @rule(kind=st.sampled_from(["store", "refused"]))
    def overtake(self, kind):
        """Have slots come free while transactions have claimed all that waits for them."""
        # One more record than the lane has slots at the most, so that one waits.
        for record in "abcd":
            self.store_one("ordered", record)
        self.work(20)
        lane = self.dispatcher.lanes.by_name["ordered"]
        for waiting in tuple(lane.memory.ready):
            self.store_one("ordered", waiting.record_id, kind)
        while self.outbox.units:
            self.execute()
        for id_, (one, *_) in sorted(self.courier.under_way.items()):
            if one is lane and id_ in self.courier.under_way:
                self.end_attempt(sorted(self.courier.under_way).index(id_), "delivered", 0)
        while self.outbox.answers:
            self.answer()
        is_free = lane.has_slot() and not lane.row.quiet_seconds(self.loop.now())
        assert lane.in_flight or not lane.memory.ready or not is_free, "passed over, and forgotten"

    @precondition(lambda self: self.outbox.units)
    @rule()
    def execute(self):
        """Execute a unit on the writer's thread."""
        before = {id_ for id_, row in self.outbox.rows.items() if row.is_open}
        kind = self.outbox.units[0][0]
        self.outbox.execute()
        attempted = self.unsettled | self.courier.under_way.keys()
        claimed = {id_ for _, id_ in self.outbox.claimed}
        assert not claimed & attempted, "claimed by an attempt and by a transaction"
        if kind == "store":
            superseded = before - {id_ for id_, row in self.outbox.rows.items() if row.is_open}
            assert not superseded & attempted, "either attempted or superseded, never both"

    @precondition(lambda self: self.outbox.answers)
    @rule()
    def answer(self):
        """Bring the answer of a unit to the event loop."""
        kind, what, done, result = self.outbox.answers.popleft()
        match kind:
            case "fetch":
                self.buffer += self.on_loop(self.dispatcher.fetches.fetched, result)
                self.wake()
            case "store":
                self.on_loop(self.dispatcher.offer, result)
                self.release(what[1])
            case "refused":
                self.release(what[1])
            case "settle":
                ids = {settlement.delivery.id for settlement in what}
                for settlement in what:
                    assert self.dispatcher.lanes.is_prefetched(settlement.delivery)
                self.unsettled -= ids
                self.on_loop(done.set_result, result)
                for settlement in what:
                    assert not self.dispatcher.lanes.is_prefetched(settlement.delivery)
            case "other":
                self.on_loop(done.set_result, result)

    def release(self, claims):
        """End a transaction's claims, as intake does when it has offered what was stored."""
        self.outbox.claims_ended(claims)
        self.on_loop(claims.release)

    @property
    def is_ringing(self):
        return self.is_woken or (self.rings_at is not None and self.rings_at <= self.loop.now())

    @precondition(lambda self: self.is_ringing)
    @rule()
    def ring(self):
        """Run a round of the scheduler, which nothing but a wake or its timer begins."""
        self.is_woken = False
        now = self.loop.now()
        for wanted in self.on_loop(self.dispatcher.fetches.requests, now):
            self.outbox.units.append(("fetch", (wanted, now), None))
        arrived, self.buffer = self.buffer, []
        self.on_loop(self.dispatcher.arrived, arrived)
        self.rings_at = self.on_loop(self.dispatcher.fetches.next_due)

    @precondition(lambda self: self.courier.under_way)
    @rule(
        which=st.integers(0, 5),
        kind=st.sampled_from(["delivered", "given up", "retry", "paused", "held"]),
        seconds=st.sampled_from([0, 1, 7]),
    )
    def end_attempt(self, which, kind, seconds):
        ids = sorted(self.courier.under_way)
        lane, delivery, ending = self.courier.under_way[ids[which % len(ids)]]
        until = self.loop.now() + timedelta(seconds=seconds)
        outcomes = {
            "delivered": Delivered(),
            "given up": GivenUp("no attempts left"),
            "retry": RetryAt(until, "500"),
            "paused": RetryAt(until, "429", lane_paused_until=until),
            "held": Held("gone"),
        }
        self.unsettled.add(delivery.id)
        if kind == "held":
            self.told_holds[lane.name] = "gone"
        if kind == "paused":
            self.quiet_until[lane.name] = max(until, self.quiet_until.get(lane.name, until))
        self.on_loop(ending.set_result, outcomes[kind])

    @rule(webhook=st.sampled_from(WEBHOOKS))
    def pause(self, webhook):
        if not self.unsettled:
            self.change_row(webhook, paused_reason="by hand", held_since=self.loop.now())

    @rule(webhook=st.sampled_from(WEBHOOKS))
    def resume(self, webhook):
        """End every hold; all that waits becomes due."""
        if not self.unsettled:
            epoch = self.outbox.lanes[self.outbox.numbers[webhook]].epoch + 1
            self.change_row(
                webhook, paused_reason=None, gone_reason=None, held_since=None, epoch=epoch
            )

    def change_row(self, webhook, **changes):
        number = self.outbox.numbers[webhook]
        row = self.outbox.lanes[number]
        row = type(row)(**{name: getattr(row, name) for name in row.__slots__} | changes)
        self.outbox.lanes[number] = row
        self.told_holds[webhook] = row.hold
        self.on_loop(self.dispatcher.set_row, row)

    @rule(seconds=st.sampled_from([0.01, 0.02, 1.0, 5.0]))
    def pass_time(self, seconds):
        self.loop.advance(seconds)

    # What must hold.

    def begun(self, lane, delivery):
        """Check the promises at the moment an attempt begins; its task would keep the error."""
        try:
            self.check_begun(lane, delivery)
        except AssertionError as error:
            self.broken.append(error)
            raise

    @invariant()
    def no_attempt_broke_a_promise(self):
        if self.broken:
            raise self.broken[0]

    def check_begun(self, lane, delivery):
        assert delivery.id not in self.courier.under_way, "in flight twice"
        assert delivery.id not in self.unsettled, "its outcome is not on the disk yet"
        claimed = {id_ for _, id_ in self.outbox.claimed}
        assert delivery.id not in claimed, "a transaction is about to supersede it"
        mine = [one for one, *_ in self.courier.under_way.values() if one is lane]
        assert len(mine) < self.concurrency, "more in flight than the webhook's concurrency"
        # Each lane may have one attempt beyond the shared slots.
        assert len(self.courier.under_way) < MAX_IN_FLIGHT + len(WEBHOOKS)
        assert self.told_holds.get(lane.name) is None, "it is on hold"
        assert self.quiet_until.get(lane.name, self.loop.now()) <= self.loop.now(), "it is quiet"
        row = self.outbox.rows[delivery.id]
        assert row.is_open, "it was settled or superseded"
        assert self.dispatcher.lanes.is_prefetched(delivery), "it is not this lane's"
        if lane.row.is_ordered:
            first = self.outbox.of_record(delivery)[0]
            assert first.delivery.id == delivery.id, "an older one of its record is open"
        assert row.epoch < lane.row.epoch or row.due_at <= self.loop.now(), "it is not due"

    @invariant()
    def what_is_in_memory_is_prefetched(self):
        for id_, (lane, delivery, _) in self.courier.under_way.items():
            assert id_ in lane.memory
            assert self.dispatcher.lanes.is_prefetched(delivery)
        of_lanes = [lane for lane, *_ in self.courier.under_way.values()]
        for lane in set(of_lanes):
            assert of_lanes.count(lane) == lane.in_flight
        for id_ in self.unsettled:
            assert self.dispatcher.lanes.is_prefetched(self.outbox.rows[id_].delivery)

    def teardown(self):
        """Let everything go well from now on: each delivery must be attempted and delivered."""
        try:
            for webhook in WEBHOOKS:
                self.go_on(lambda: not self.unsettled)
                if self.outbox.lanes[self.outbox.numbers[webhook]].hold is not None:
                    self.resume(webhook)
            self.go_on(lambda: not (self.outbox.units or self.outbox.answers))
            self.go_on(lambda: not any(row.is_open for row in self.outbox.rows.values()))
        finally:
            self.loop.end()

    def go_on(self, is_done):
        for _ in range(60):
            for _ in range(20):
                if is_done():
                    return
                self.step_once()
            self.loop.advance(0.5)
        left = [row for row in self.outbox.rows.values() if row.is_open]
        raise AssertionError(f"forgotten: {left}")

    def step_once(self):
        self.no_attempt_broke_a_promise()
        if self.outbox.answers:
            self.answer()
        elif self.outbox.units:
            self.execute()
        elif self.is_ringing:
            self.ring()
        elif self.courier.under_way:
            self.end_attempt(0, "delivered", 0)
        else:
            self.loop.advance(0.02)


def test_the_engine_keeps_its_promises_whatever_happens():
    run_state_machine_as_test(
        EngineMachine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )
