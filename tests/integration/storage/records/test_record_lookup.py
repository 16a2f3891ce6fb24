"""A record looked up by its id, in every kind of database."""

import json

import pytest

from tests.making import NOW
from webhookd.model import Asked, KnownRecord
from webhookd.operations.lookups.record_lookup import UnknownRecordError, record
from webhookd.storage.records import known_records
from webhookd.views.json_writer import written


@pytest.fixture
def known(with_writer):
    """Return what has records of `crm` and `contacts` known, by id."""

    def run(enrolled=(), **records):
        def write(connection):
            several = {("contacts", id_): one for id_, one in records.items()}
            known_records.remember(connection, "crm", several)
            for webhook in enrolled:
                known_records.enroll(connection, webhook, "crm", "contacts", "a", NOW)

        async def work(writer):
            await writer.write(write)

        with_writer(work)

    return run


def test_it_is_told_whole(known, database):
    asked = Asked(frozenset({"x", "when"}), instants=frozenset({"when"}))
    known(("once", "other"), a=KnownRecord({"x": '"ä"', "n": "1.10"}, NOW, asked=asked))

    assert json.loads(written(record(database, "crm", "contacts", "a"))) == {
        "source": "crm",
        "object": "contacts",
        "record_id": "a",
        "properties": {"x": '"ä"', "n": "1.10"},
        "modified_at": "2026-03-01T12:00:00.000Z",
        "deleted": False,
        "asked": {"names": ["when", "x"], "instants": ["when"]},
        "enrolled": ["once", "other"],
    }


def test_a_deleted_one_says_so(known, database):
    known(a=KnownRecord({}, deleted=True))

    found = record(database, "crm", "contacts", "a")

    assert (found.deleted, found.properties, found.asked, found.enrolled) == (True, {}, None, ())


@pytest.mark.parametrize("key", [("erp", "contacts"), ("crm", "deals")])
def test_where_no_record_is_known_at_all_that_is_said(known, database, key):
    known(a=KnownRecord({}))

    with pytest.raises(UnknownRecordError) as caught:
        record(database, *key, "a")

    source, object_ = key
    assert str(caught.value) == (
        f"no record of {object_} is known of the source {source!r}: none was read yet"
    )


@pytest.mark.parametrize(("ids", "told"), [("abcd", "'a', 'b', 'c' …"), ("abc", "'a', 'b', 'c'")])
def test_an_unknown_one_is_told_with_some_that_are_known(known, database, ids, told):
    known(**{id_: KnownRecord({}) for id_ in ids})

    with pytest.raises(UnknownRecordError) as caught:
        record(database, "crm", "contacts", "e")

    expected = f"contacts has no record 'e' in the source 'crm'; it has {told}"
    assert str(caught.value) == expected
