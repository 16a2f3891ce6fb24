"""Ids as people type them, names that are known, and what a hold keeps, on each database."""

import pytest

from tests.making import NOW, a_delivery
from webhookd.model import DeliveryFilter, DeliveryState
from webhookd.storage.deliveries import enqueue, lanes, manual, query, typed_ids
from webhookd.storage.deliveries.lanes import ConfiguredLane
from webhookd.storage.deliveries.manual import RETRIED, Changed, Selection
from webhookd.storage.deliveries.typed_ids import NoDeliveryError, SeveralDeliveriesError
from webhookd.storage.records import known_names

IDS = tuple(f"01a20c505b3a42023791ea2c6488{number:04x}" for number in range(20))


@pytest.fixture
def connection(database):
    connection = database.connect()
    lanes.adopt(connection, [ConfiguredLane("crm-mirror"), ConfiguredLane("empty")], NOW)
    enqueue.store(connection, [a_delivery(id=id_) for id_ in IDS])
    connection.commit()
    yield connection
    connection.close()


def find(database, typed):
    return typed_ids.find(database, typed, now=NOW)


def test_a_whole_id_its_beginning_and_its_ending_are_found(database, connection):
    one = IDS[7]

    found = {
        find(database, typed) for typed in (one, one[:32], one[-6:], one[-31:], f" #{one[-8:]} ")
    }

    assert found == {one}
    assert typed_ids.find_all(database, [one[-6:], one, IDS[3]], now=NOW) == (one, IDS[3])


def test_several_are_listed_and_none_is_said(database, connection):
    with pytest.raises(SeveralDeliveriesError, match="more than 10 deliveries") as several:
        find(database, IDS[0][:20])
    connection.execute("DELETE FROM deliveries WHERE id > ?", (IDS[2],))
    connection.commit()
    with pytest.raises(SeveralDeliveriesError, match=r"^3 deliveries") as few:
        find(database, IDS[0][:31])
    for typed in ("8" * 6, "%", "_", "'", "", "\0", "0" * 5):
        with pytest.raises(NoDeliveryError):
            find(database, typed)

    assert [one.id for one in several.value.found] == list(reversed(IDS[:10]))
    assert [one.id for one in few.value.found] == list(reversed(IDS[:3]))


def test_endings_are_sought_among_the_newest(database, connection, monkeypatch):
    monkeypatch.setattr(typed_ids, "NEWEST", 5)

    assert find(database, IDS[-1][-6:]) == IDS[-1]
    with pytest.raises(NoDeliveryError):
        find(database, IDS[0][-6:])


def test_a_page_goes_on_before_a_number_whose_delivery_is_gone(database, connection):
    first = list(query.deliveries(database, DeliveryFilter(), limit=3, now=NOW))
    connection.execute("DELETE FROM deliveries WHERE id = ?", (first[-1].id,))
    connection.commit()

    following = query.deliveries(
        database, DeliveryFilter(), limit=2, now=NOW, before=first[-1].number
    )

    assert [one.id for one in following] == [IDS[16], IDS[15]]


def test_webhooks_are_known_while_configured_or_with_deliveries(database, connection):
    before = [known_names.is_known(connection, name) for name in ("crm-mirror", "empty", "x")]
    lanes.adopt(connection, [], NOW)
    after = [known_names.is_known(connection, name) for name in ("crm-mirror", "empty", "x")]

    assert before == [True, True, False]
    assert after == [True, False, False]


def test_what_a_hold_keeps_is_counted_apart(database, connection):
    lanes.pause(connection, "crm-mirror", "by hand", NOW)
    connection.execute("UPDATE deliveries SET state = 'failed', due_at = NULL, attempts = 1")
    connection.execute(
        "UPDATE deliveries SET state = 'pending', due_at = 1 WHERE id = ?", (IDS[0],)
    )
    connection.commit()
    by_filter = Selection(DeliveryFilter(webhook="crm-mirror"), states=RETRIED)
    by_id = Selection(DeliveryFilter(), ids=IDS[:2])
    explicit = Selection(DeliveryFilter(state=DeliveryState.DELIVERED))

    assert manual.count_retried(database, by_filter, with_overtaken=False) == Changed(held=19)
    assert manual.count_retried(database, by_id, with_overtaken=True) == Changed(held=2)
    assert manual.held(database, by_filter, is_dry_run=True) == {"crm-mirror": 20}
    assert manual.held(database, by_filter, is_dry_run=False) == {"crm-mirror": 1}
    assert manual.held(database, by_id, is_dry_run=True) == {"crm-mirror": 2}
    assert manual.held(database, explicit, is_dry_run=True) == {"crm-mirror": 1}
    assert manual.count_cancelled(database, by_id) == Changed(1)
