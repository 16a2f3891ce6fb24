"""A replay under the configuration in force says what intake did, change by change."""

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.making import NOW, a_webhook, read_here, some_definitions
from webhookd import model
from webhookd.cli import offline, replay
from webhookd.clock import Clock
from webhookd.definitions import AllOf, AnyOf, Condition, Enroll, NotOf, Operator, Trigger
from webhookd.delivery.claims import ClaimTable
from webhookd.intake.batch import Intake
from webhookd.model import Asked, Batch, ChangeKind, FileProgress, Observation
from webhookd.rules.replay import Replay, listeners
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer

NAMES = st.sampled_from(["x", "y", "when"])
VALUES = st.sampled_from(['"a"', '"b a"', "1", "1.0", "true", '""', '{"n":[1]}', '"1740830400000"'])
IDS = st.sampled_from(["1", "ø"])
ASKED = st.none() | st.builds(
    Asked,
    names=st.just(frozenset({"x", "y", "when"})),
    instants=st.sets(st.just("when")).map(frozenset),
    unwatched=st.sets(st.just("y")).map(frozenset),
)
OBSERVED = st.builds(
    Observation,
    object=st.sampled_from(["contacts", "contacts", "contacts", "deals"]),
    record_id=IDS,
    properties=st.dictionaries(NAMES, VALUES),
    deleted=st.booleans(),
    is_partial=st.booleans(),
    cleared=st.sets(NAMES).map(frozenset),
    asked=ASKED,
    unknown_is=st.sampled_from([ChangeKind.CREATED, ChangeKind.UPDATED, None]),
)
TEXTS = st.sampled_from(["a", "1", "true", "2026-03-01", "2025-03-01T12:00:00Z"])
CONDITIONS = st.recursive(
    st.one_of(
        st.builds(
            Condition,
            NAMES,
            st.sampled_from([Operator.EQ, Operator.NEQ, Operator.LT, Operator.CONTAINS_TOKEN]),
            st.tuples(TEXTS),
        ),
        st.builds(
            Condition,
            NAMES,
            st.sampled_from([Operator.HAS_PROPERTY, Operator.NOT_HAS_PROPERTY, Operator.CHANGED]),
        ),
        st.builds(Condition, NAMES, st.just(Operator.CHANGED_TO), st.tuples(TEXTS)),
        st.builds(Condition, NAMES, st.just(Operator.BETWEEN), st.tuples(TEXTS, TEXTS)),
    ),
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3).map(lambda several: AnyOf(tuple(several))),
        st.lists(parts, min_size=1, max_size=3).map(lambda several: AllOf(tuple(several))),
        parts.map(NotOf),
    ),
    max_leaves=4,
)
TRIGGERS = st.builds(
    Trigger,
    changes=st.sets(st.sampled_from(model.OBSERVED), min_size=1).map(frozenset),
    changed_properties=st.sets(NAMES).map(frozenset),
    when=st.none() | CONDITIONS.map(lambda one: AllOf((one,))),
    enroll=st.sampled_from(Enroll),
)
WEBHOOKS = st.lists(
    st.tuples(
        TRIGGERS,
        st.sampled_from(["contacts", "contacts", "deals"]),
        st.sampled_from([True, True, False]),
    ),
    min_size=1,
    max_size=4,
)


class Taken:
    """A database, with what intake made of batches, a second after each other."""

    def __init__(self, url, webhooks, batches):
        self.definitions = some_definitions(
            *(
                a_webhook(f"hook-{number}", trigger=trigger, object=object_, enabled=enabled)
                for number, (trigger, object_, enabled) in enumerate(webhooks)
            )
        )
        self.now, self.deliveries = NOW, []
        self.database = open_database(url)
        asyncio.run(self._ingest(batches))

    async def _ingest(self, batches):
        ids = count(1)
        async with Writer(self.database) as writer:
            await read_here(writer, "export")
            intake = Intake(
                self.database,
                writer,
                definitions=lambda: self.definitions,
                offer=self.deliveries.extend,
                claims=ClaimTable(lambda: None),
                clock=Clock(now=lambda: self.now),
                new_id=lambda _: f"{next(ids):032x}",
            )
            for number, batch in enumerate(batches, 1):
                progress = FileProgress("export", "claim", "1.ndjson", number)
                await intake.ingest(Batch("export", tuple(batch), progress))
                self.now += timedelta(seconds=1)

    def replayed(self, since):
        """Return how often each webhook fires on what is known since a time."""
        found = Replay(listeners(self.definitions))
        assert replay.replay(offline.changes(self.database, since), found) == []
        return +Counter({name: tally.fired for name, tally in found.tallies.items()})

    def fired(self, since):
        """Return how often each webhook fired."""
        return Counter(one.webhook for one in self.deliveries if one.created_at >= since)


@given(
    webhooks=WEBHOOKS,
    batches=st.lists(st.lists(OBSERVED, max_size=5), max_size=6),
    seconds=st.integers(0, 6),
)
@settings(max_examples=150)
def test_a_replay_says_what_intake_did(tmp_path_factory, webhooks, batches, seconds):
    url = f"sqlite:///{tmp_path_factory.mktemp('replay') / 'webhookd.db'}"
    taken = Taken(url, webhooks, batches)
    try:
        for since in (NOW, NOW + timedelta(seconds=seconds)):
            assert taken.replayed(since) == taken.fired(since)
    finally:
        taken.database.close()


def contact(when=None, **more):
    """Return an observation of a contact, whose `when` it tells if it has one."""
    return Observation("contacts", "1", {} if when is None else {"when": when}, **more)


def test_a_record_that_was_enrolled_before_fires_no_more(url):
    once = [(Trigger(enroll=Enroll.ONCE), "contacts", True)]
    taken = Taken(url, once, [[contact()], [contact('"a"')], [contact('"b"')]])
    counts = [taken.replayed(NOW), taken.replayed(NOW + timedelta(seconds=1))]
    taken.database.close()

    assert counts == [{"hook-0": 1}, {}]


def test_dates_are_dates_in_a_replay_too_and_in_the_replay_of_a_deletion(url):
    """HubSpot tells them as milliseconds; a deletion carries no properties of its own."""
    asked = Asked(frozenset({"when"}), instants=frozenset({"when"}))
    since = Condition("when", Operator.BETWEEN, ("2025-03-01", "2025-03-02"))
    trigger = Trigger(changes=tuple(ChangeKind), when=AllOf((since,)))
    seen = [[contact('"1740830400000"', asked=asked)], [contact(deleted=True)]]
    taken = Taken(url, [(trigger, "contacts", True)], seen)
    counts = [taken.replayed(NOW), taken.fired(NOW)]
    taken.database.close()

    assert counts == [{"hook-0": 2}] * 2


def test_a_change_that_comes_while_pages_are_read_is_nobodys_question(url):
    """What comes in for ever must not be read for ever."""
    created = [[Observation("contacts", str(number), {})] for number in range(5)]
    taken = Taken(url, [(Trigger(), "contacts", True)], created)
    read = offline.changes(taken.database, NOW)
    asked = []

    def pages(after):
        asked.append(after)
        page = read(after)
        # The journal grows by as much as was read, again and again.
        return page | {"next": after + 1, "last": 3 + len(asked)}

    found = Replay(listeners(taken.definitions))
    replay.replay(pages, found)
    taken.database.close()

    assert asked == [0, 1, 2, 3]
