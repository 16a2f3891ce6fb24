"""Which properties known records have, looked up in some of them."""

from webhookd.model import Asked, KnownRecord
from webhookd.storage.records import known_properties as looking
from webhookd.storage.records.known_properties import known_properties
from webhookd.storage.records.known_records import remember


def known(connection, *records, wanted=None, **more):
    several = {("contacts", f"{number:03}"): one for number, one in enumerate(records)}
    remember(connection, "crm", several)
    connection.commit()
    return known_properties(connection, "crm", "contacts", wanted, **more)


def record(*names, deleted=False, asked=None):
    return KnownRecord(dict.fromkeys(names, '"x"'), None, deleted, asked)


def test_deleted_records_and_those_read_by_name_do_not_count(connection):
    asked = Asked(frozenset({"a", "b"}), frozenset(), frozenset())
    found = known(
        connection, record("a"), record("b", deleted=True), record("c", asked=asked), record("d")
    )

    assert (found.records, found.names, found.is_whole) == (2, {"a", "d"}, True)
    assert found.lacking({"a", "b", "e"}) == ["b", "e"]


def test_nothing_is_lacking_where_nothing_is_known(connection):
    found = known(connection, record("a", deleted=True))

    assert (found.records, found.lacking({"a"})) == (0, [])


def test_of_many_records_both_ends_are_looked_at(connection, monkeypatch):
    monkeypatch.setattr(looking, "AT_EACH_END", 10)
    monkeypatch.setattr(looking, "AT_ONCE", 3)
    many = [record("a") for _ in range(40)]
    many[9], many[20], many[-1] = record("first"), record("middle"), record("last")

    found = known(connection, *many)

    assert (found.records, found.names, found.is_whole) == (20, {"a", "first", "last"}, False)
    assert known_properties(connection, "crm", "contacts", {"a"}).records == 1
