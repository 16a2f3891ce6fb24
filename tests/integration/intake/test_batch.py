"""Intake on a real database: what batches lead to, against an independent diff."""

import asyncio
import json
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.making import NOW, a_webhook
from tests.taking import Taking
from webhookd import telemetry
from webhookd.definitions import AllOf, Body, BodyFormat, Condition, Enroll, Operator, Trigger
from webhookd.errors import StorageError
from webhookd.model import Batch, ChangeKind, FileProgress, Observation
from webhookd.rules import render
from webhookd.telemetry.events import ValueNotComparable

EVERYTHING = Trigger(changes=tuple(ChangeKind))
IDS = st.sampled_from(["1", "2", "3", "ø"])
VALUES = st.sampled_from(['"a"', '"b"', "1", "1.0", "true", '""', '{"n":[1]}'])
RECORDS = st.dictionaries(st.sampled_from(["x", "y", "dotted.name"]), VALUES)
ROWS = st.lists(st.tuples(IDS, RECORDS | st.none()), max_size=6)


def told(delivery):
    body = json.loads(delivery.rendered.body, parse_int=str, parse_float=str)
    return (
        delivery.record_id,
        delivery.change.value,
        body["properties"],
        body.get("previousProperties"),
    )


def plain(properties):
    return {
        name: json.loads(value, parse_int=str, parse_float=str)
        for name, value in properties.items()
    }


def differences(batches):
    """Say what changed, in plain dictionaries: what a reader would write down by hand."""
    known = {}
    for batch in batches:
        for id_, now in batch:
            before = known.get(id_)
            if now is None:
                if before is not None:
                    yield (id_, "deleted", plain(before), {})
                known.pop(id_, None)
                continue
            if before is None:
                yield (id_, "created", plain(now), dict.fromkeys(now))
            elif now != before:
                names = [n for n in before.keys() | now.keys() if before.get(n) != now.get(n)]
                old = plain(before)
                yield (id_, "updated", plain(now), {name: old.get(name) for name in names})
            known[id_] = now


def mirror():
    webhook = a_webhook(trigger=EVERYTHING)
    body = Body(properties=None, static={}, format=BodyFormat.RECORD, previous=True)
    return replace(webhook, request=replace(webhook.request, body=body))


@given(batches=st.lists(ROWS, max_size=6))
@settings(max_examples=60)
def test_exactly_the_true_changes_are_reported(tmp_path_factory, batches):
    url = f"sqlite:///{tmp_path_factory.mktemp('taking') / 'webhookd.db'}"

    async def scenario():
        async with Taking(url, mirror()) as taking:
            for batch in batches:
                await taking.take(*batch)
            return taking.offered, await taking.rows()

    offered, stored = asyncio.run(scenario())

    assert [told(delivery) for delivery in offered] == list(differences(batches))
    assert stored == [(delivery.id,) for delivery in offered]


def run(url, scenario, *webhooks):
    async def inside():
        async with Taking(url, *(webhooks or (mirror(),))) as taking:
            return await scenario(taking)

    return asyncio.run(inside())


def test_what_is_taken_as_known_is_reported_to_nobody(url):
    async def scenario(taking):
        await taking.take(("1", {"x": '"a"'}), as_known=True)
        await taking.take(("1", {"x": '"a"'}), ("2", {"x": '"a"'}))
        return [told(delivery)[:2] for delivery in taking.offered]

    assert run(url, scenario) == [("2", "created")]


def test_an_older_observation_changes_nothing(url):
    async def scenario(taking):
        new = Observation("contacts", "1", {"x": '"new"'}, modified_at=NOW)
        old = replace(new, properties={"x": '"old"'}, modified_at=NOW.replace(hour=1))
        for row, seen in enumerate((new, old), 1):
            progress = FileProgress("export", "claim", "1.ndjson", row)
            await taking.intake.ingest(Batch("export", (seen,), progress))
        return len(taking.offered)

    assert run(url, scenario) == 1


def test_a_batch_is_taken_whole_or_not_at_all(url):
    """Known records, enrollments, deliveries, journal and progress stand and fall together."""

    async def scenario(taking):
        await taking.take(("1", {"x": '"a"'}))
        taking._serial = count(1)  # the next delivery's id is taken: its insert fails
        with pytest.raises(StorageError):
            await taking.take(("1", {"x": '"b"'}), ("2", {}))
        after = [
            await taking.rows("SELECT count(*) FROM deliveries"),
            await taking.rows("SELECT count(*) FROM known_records"),
            await taking.rows("SELECT count(*) FROM changes"),
            await taking.rows("SELECT rows_taken FROM files"),
        ]
        taking._serial = count(100)
        await taking.take(("1", {"x": '"b"'}), ("2", {}))
        return after, [told(delivery)[:2] for delivery in taking.offered[1:]]

    after, later = run(url, scenario)

    assert after == [[(1,)], [(1,)], [(1,)], [(1,)]]
    assert later == [("1", "updated"), ("2", "created")]


def test_once_means_once_whatever_is_deleted_later(url):
    trigger = Trigger(changes=tuple(ChangeKind), enroll=Enroll.ONCE)

    async def scenario(taking):
        for state in ({"x": "1"}, {"x": "2"}, None, {"x": "3"}):
            await taking.take(("1", state))
        await taking.take(("2", {"x": "1"}), ("2", {"x": "2"}))
        return [told(delivery)[:2] for delivery in taking.offered]

    once = replace(mirror(), trigger=trigger)
    assert run(url, scenario, once) == [("1", "created"), ("1", "deleted"), ("2", "created")]


def test_every_match_fires_when_a_record_comes_to_match(url):
    when = AllOf((Condition("stage", Operator.EQ, ("customer",)),))
    trigger = Trigger(when=when, enroll=Enroll.EVERY_MATCH)

    async def scenario(taking):
        for stage in ("lead", "customer", "customer", "lead", "customer"):
            await taking.take(("1", {"stage": f'"{stage}"', "n": str(len(taking.offered))}))
        return len(taking.offered)

    assert run(url, scenario, replace(mirror(), trigger=trigger)) == 2


def test_a_value_that_has_no_order_is_warned_of_once_for_its_property(url):
    when = AllOf((Condition("amount", Operator.GT, ("1000",)),))

    async def scenario(taking):
        for number, amount in enumerate(("900,00", "n/a", " 1500", "9 %")):
            await taking.take((str(number), {"amount": f'"{amount}"'}))
        return [delivery.record_id for delivery in taking.offered]

    events = []
    stop = telemetry.reporter().listen(events.append)
    assert run(url, scenario, replace(mirror(), trigger=Trigger(when=when))) == ["2"]
    stop()

    (warned,) = [event for event in events if isinstance(event, ValueNotComparable)]
    assert (warned.property, warned.example, warned.expected) == ("amount", "900,00", "number")


def test_a_disabled_webhook_matches_nothing(url):
    async def scenario(taking):
        await taking.take(("1", {"x": "1"}))
        return taking.offered

    assert run(url, scenario, replace(mirror(), enabled=False)) == []


def test_one_webhooks_bug_neither_stops_the_others_nor_hides(url, monkeypatch):
    whole = render.render

    def broken(webhook, change, *, delivery_id):
        if webhook.name == "broken":
            raise ZeroDivisionError
        return whole(webhook, change, delivery_id=delivery_id)

    monkeypatch.setattr(render, "render", broken)

    async def scenario(taking):
        await taking.take(("1", {"x": "1"}))
        rows = await taking.rows(
            "SELECT webhook, state, deliveries.last_error FROM deliveries"
            " JOIN lanes ON lane = lanes.number"
        )
        return sorted(rows), len(taking.offered)

    rows, offered = run(url, scenario, replace(mirror(), name="broken"), mirror())

    assert offered == 1
    assert rows[0][:2] == ("broken", "failed")
    assert "ZeroDivisionError" in rows[0][2]
    assert rows[1][:2] == ("crm-mirror", "pending")
