"""What a reload does to a source's place, in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from webhookd.definitions import DirectorySource, HubspotList, HubspotObject, HubspotSource
from webhookd.model import Secret
from webhookd.rules.cursor_text import source_effect
from webhookd.rules.difference import Difference, Setting

DIRECTORY = DirectorySource("crm", Path("/drop"), "contacts")
HUBSPOT = HubspotSource(
    "crm",
    "https://api.example",
    Secret("x"),
    (HubspotObject("contacts", None), HubspotObject("deals", None)),
)
READ = [
    {"object": "contacts", "read_to": "2026-03-01T12:00:00.000Z", "first_read": False},
    {"object": "tickets", "read_to": "2026-03-01T11:00:00.000Z", "first_read": False},
]


def known(**more):
    return {"source": "crm", "records": 1234, "file": None, "rows_taken": 0, "cursors": []} | more


def changed(*names):
    return Difference("changed", "crm", tuple(Setting(name, "1", "2") for name in names))


def test_a_new_drop_directory_takes_what_is_there():
    added = Difference("added", "crm")

    assert source_effect(added, DIRECTORY, None, start="beginning") == (
        "starts; takes the files that are there (start: beginning)"
    )
    assert "the first as known (start: now)" in source_effect(added, DIRECTORY, None, start="now")


def test_a_changed_drop_directory_goes_on_in_its_file():
    told = source_effect(changed("partial"), DIRECTORY, known(file="big.csv", rows_taken=5000))

    assert told == (
        "starts anew; 1,234 records stay known; big.csv goes on behind row 5,000;"
        " new files are taken as they come"
    )


def test_a_polled_source_says_so_for_each_type_of_object():
    told = source_effect(changed("objects.deals"), HUBSPOT, known(cursors=READ), start="now")

    assert told == (
        "starts anew; 1,234 records stay known; contacts goes on at 2026-03-01T12:00:00.000Z;"
        " deals begins (start: now);"
        " tickets stops, and keeps its place at 2026-03-01T11:00:00.000Z"
    )


def test_a_first_read_goes_on_where_it_is():
    cursors = [{"object": "contacts", "read_to": "1970-01-01T00:00:00Z", "first_read": True}]

    told = source_effect(changed("overlap"), HUBSPOT, known(cursors=cursors))

    assert "contacts goes on at its first read, not yet over" in told


def test_a_removed_source_keeps_its_place():
    told = source_effect(Difference("removed", "crm"), None, known(cursors=READ[:1]))

    assert told == (
        "stops, and keeps its place for its return; 1,234 records stay known;"
        " contacts at 2026-03-01T12:00:00.000Z"
    )


def test_a_cursor_that_says_no_time_is_told_without_one():
    cursors = [{"object": "contacts", "read_to": None, "first_read": False}]

    goes_on = source_effect(changed("overlap"), HUBSPOT, known(cursors=cursors))
    stops = source_effect(Difference("removed", "crm"), None, known(cursors=cursors))

    assert "contacts goes on at its last committed cursor; deals begins" in goes_on
    assert stops.endswith("contacts at its last committed cursor")


def test_a_source_that_returns_is_not_new():
    told = source_effect(Difference("added", "crm"), HUBSPOT, known(cursors=READ[:1]))

    assert told.startswith("returns; 1,234 records stay known; contacts goes on at 2026")


def test_a_source_may_not_become_another_one():
    for name in ("type", "path", "object", "id_property"):
        assert source_effect(changed(name), DIRECTORY, known()).startswith("refused: ")
    for name in ("type", "base_url"):
        assert source_effect(changed(name), HUBSPOT, known()).startswith("refused: ")


def moved(before, after):
    return Difference("changed", "crm", (Setting("host", before, after),))


def test_a_drop_directory_of_one_host_says_which():
    on = replace(DIRECTORY, host="a")

    assert source_effect(Difference("added", "crm"), on, None).startswith("starts on host a alone;")
    assert source_effect(changed("partial"), on, known()).startswith("starts anew on host a alone;")
    assert source_effect(moved('"A"', '"a"'), on, known()).startswith("starts anew on host a")


def test_a_drop_directory_that_moves_says_from_where_to_where():
    told = source_effect(moved('"a"', '"b"'), replace(DIRECTORY, host="b"), known(file="1.csv"))
    bound = source_effect(moved(None, '"b"'), replace(DIRECTORY, host="b"), known())
    free = source_effect(moved('"a"', None), DIRECTORY, known())

    assert told == (
        "moves from host a to host b; 1,234 records stay known;"
        " 1.csv goes on, where it is seen, behind row 0; new files are taken as they come"
    )
    assert bound.startswith("is read on host b alone, no longer by any daemon; 1,234 records")
    assert free.startswith("is no longer read on host a alone, but by any daemon; 1,234 records")


def test_lists_go_on_with_the_type_of_their_records_and_keep_their_places():
    of_list = {"object": "contacts", "list": "vip", "read_to": None, "first_read": True}
    cursors = [*READ[:1], of_list]

    changes = source_effect(changed("objects.contacts.lists"), HUBSPOT, known(cursors=cursors))
    ends = source_effect(Difference("removed", "crm"), None, known(cursors=cursors))

    assert changes == (
        "starts anew; 1,234 records stay known; contacts goes on at 2026-03-01T12:00:00.000Z;"
        " deals begins"
    )
    assert ends.endswith(
        "contacts at 2026-03-01T12:00:00.000Z; contacts/lists/vip at its first read, not yet over"
    )


def test_a_list_may_be_added_under_a_new_name_and_not_become_another_one():
    lists = (HubspotList("vip", "42"),)
    source = replace(HUBSPOT, objects=(HubspotObject("contacts", None, lists=lists),))

    added = source_effect(changed("objects.contacts.lists.vip"), source, known())
    another = source_effect(changed("objects.contacts.lists.vip.id"), source, known())

    assert added.startswith("starts anew")
    assert another == "refused: a source may not become another one; give it a new key"
