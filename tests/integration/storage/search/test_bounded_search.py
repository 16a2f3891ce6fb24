"""Pages of deliveries: what is found, where a page goes on, and that no question reads all."""

import random
from datetime import timedelta

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.making import NOW, a_delivery
from webhookd.model import ChangeKind, DeliveryFilter, DeliveryState
from webhookd.rules.failure_causes import cause
from webhookd.storage.database.connection import Dialect
from webhookd.storage.deliveries import enqueue, lanes
from webhookd.storage.deliveries.lanes import ConfiguredLane
from webhookd.storage.schema import versions
from webhookd.storage.search import bounded_search, waiting_numbers

WEBHOOKS = ("mirror", "orders", "held", "unused")
COUNT = 400
ERRORS = [
    ("delivered", 200, None),
    ("failed", 422, "the receiver answered 422"),
    ("failed", 404, "the receiver answered 404"),
    ("failed", None, "refused: nobody listens"),
    ("failed", None, "the body would be too large"),
    ("superseded", None, None),
    ("cancelled", 503, "the receiver answered 503"),
    ("pending", 503, "the receiver answered 503"),
    ("pending", None, "timeout: no answer in 10 s"),
    ("pending", None, None),
]


@pytest.fixture
def stored(database):
    """Return deliveries of every kind as they were stored, the newest first."""
    chance = random.Random(7)
    connection = database.connect()
    connection.begin()
    lanes.adopt(
        connection,
        [ConfiguredLane(name, is_ordered=name == "orders") for name in WEBHOOKS],
        NOW,
    )
    made = [
        a_delivery(
            chance.choice(WEBHOOKS[:3]),
            source=chance.choice(["export", "crm"]),
            object=chance.choice(["contacts", "deals"]),
            record_id=str(chance.randrange(40)),
            change=chance.choice(list(ChangeKind)),
            # Daemons that store at once, each with its clock.
            created_at=NOW + timedelta(seconds=number * 60 + chance.randrange(90)),
        )
        for number in range(COUNT)
    ]
    enqueue.store(connection, made)
    for one in made:
        state, status, error = chance.choice(ERRORS)
        connection.execute(
            "UPDATE deliveries SET state = ?, last_status = ?, last_error = ?,"
            " due_at = CASE WHEN CAST(? AS text) = 'pending' THEN due_at END,"
            " settled_at = CASE WHEN CAST(? AS text) <> 'pending' THEN created_at END WHERE id = ?",
            (state, status, error, state, state, one.id),
        )
    lanes.pause(connection, "held", "by hand", NOW)
    connection.commit()
    # Retention leaves gaps.
    connection.begin()
    connection.execute("DELETE FROM deliveries WHERE number % 17 = 3 OR number < 20")
    connection.commit()
    connection.close()
    page = bounded_search.page(database, DeliveryFilter(), limit=COUNT, now=NOW, seconds=60)
    return page.deliveries


def is_wanted(one, wanted):
    """Say it again, in other words."""
    class_ = f"{str(one.last_status)[0]}xx"
    words = {cause(one.last_status, one.last_error), class_ if one.last_status else None}
    return (
        wanted.webhook in (None, one.webhook)
        and wanted.state in (None, one.state)
        and wanted.source in (None, one.source)
        and wanted.object in (None, one.object)
        and wanted.record_id in (None, one.record_id)
        and wanted.change in (None, one.change)
        and (wanted.error is None or wanted.error in words)
        and (wanted.since is None or one.created_at >= wanted.since)
        and (wanted.until is None or one.created_at < wanted.until)
    )


times = st.none() | st.integers(-100, COUNT * 60 + 100).map(lambda at: NOW + timedelta(seconds=at))
filters = st.builds(
    DeliveryFilter,
    webhook=st.sampled_from([None, *WEBHOOKS, "unheard-of"]),
    state=st.sampled_from([None, *DeliveryState]),
    object=st.sampled_from([None, "contacts", "deals"]),
    record_id=st.none() | st.integers(0, 45).map(str),
    since=times,
    until=times,
    source=st.sampled_from([None, "export", "crm"]),
    change=st.sampled_from([None, *ChangeKind]),
    error=st.sampled_from([None, "422", "4xx", "5xx", "2xx", "refused", "timeout", "other"]),
)


@pytest.mark.parametrize("most_waiting", [waiting_numbers.MOST, 20])
def test_pages_lead_through_all_that_is_wanted_whatever_their_size(
    database, stored, monkeypatch, most_waiting
):
    """And however little time each has."""
    monkeypatch.setattr(waiting_numbers, "MOST", most_waiting)
    for name, size in (("WINDOW", 30), ("OF_AN_INDEX", 7), ("LISTED", 9)):
        monkeypatch.setattr(bounded_search, name, size)

    @settings(
        max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(filters, st.integers(1, 60), st.sampled_from([0, 60]))
    def run(wanted, limit, seconds):
        found, before, pages = [], None, 0
        while True:
            page = bounded_search.page(
                database, wanted, limit=limit, now=NOW, before=before, seconds=seconds
            )
            assert len(page.deliveries) <= limit
            assert page.is_partial or len(page.deliveries) == limit or page.next is None
            assert not (page.is_partial and seconds)
            found += page.deliveries
            pages += 1
            if page.next is None:
                break
            assert before is None or page.next < before
            before = page.next
        assert found == [one for one in stored if is_wanted(one, wanted)]
        assert pages <= COUNT

    run()


def test_what_was_looked_at_is_told(database, stored, monkeypatch):
    monkeypatch.setattr(bounded_search, "WINDOW", 50)
    wanted = DeliveryFilter(record_id="nobody")

    page = bounded_search.page(database, wanted, limit=5, now=NOW, seconds=0)
    following = bounded_search.page(
        database, wanted, limit=5, now=NOW, before=page.next, seconds=60
    )

    assert (page.is_partial, page.deliveries) == (True, [])
    assert (
        page.searched_to
        == min(
            (one for one in stored if one.number >= page.next), key=lambda one: one.number
        ).created_at
    )
    assert (following.is_partial, following.next, following.searched_to) == (False, None, None)


def test_an_empty_database_has_an_empty_page(database):
    page = bounded_search.page(
        database, DeliveryFilter(since=NOW, until=NOW), limit=5, now=NOW, before=7
    )

    assert (page.deliveries, page.next, page.is_partial) == ([], None, False)


@pytest.mark.parametrize("state", DeliveryState)
@pytest.mark.parametrize("webhook", [None, "mirror"])
def test_what_an_index_answers_is_answered_by_it(database, stored, state, webhook, monkeypatch):
    """A state that nothing is in costs no look at the others."""
    if state is DeliveryState.DELIVERED and webhook is None:
        pytest.skip("most are: the newest ones are looked at")
    read = []
    sqlalchemy.event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _, __, statement, values, *___: read.append((statement, values)),
    )
    wanted = DeliveryFilter(webhook=webhook, state=state)
    bounded_search.page(database, wanted, limit=5, now=NOW)

    asked = tuple(read)
    with database.connected() as connection:
        if database.dialect is Dialect.POSTGRESQL:
            connection.exec_driver_sql("SET enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if database.dialect is Dialect.SQLITE else "EXPLAIN "
        for statement, values in asked:
            plan = "\n".join(
                map(str, connection.exec_driver_sql(explain + statement, values).fetchall())
            )
            assert "Seq Scan on deliveries" not in plan, (statement, plan)
            assert "SCAN deliveries" not in plan.replace("SCAN deliveries USING", ""), (
                statement,
                plan,
            )


def test_the_indexes_of_lists_are_new_in_a_step_that_only_expands():
    assert versions.NEWEST >= "0008" > versions.WORKS_WITH
