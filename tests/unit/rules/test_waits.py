"""What is waited for of a record, change after change."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import NOW
from webhookd.definitions import Wait
from webhookd.model import Change, ChangeKind, Deletion, KnownRecord
from webhookd.rules.waits import ended, followed

CREATED, UPDATED, DELETED = ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED
MINUTE = timedelta(minutes=1)
FIRST = Wait(10 * MINUTE)
LAST = Wait(10 * MINUTE, "last", 30 * MINUTE)


def change(kind, value="1", before=None):
    previous = None if kind is CREATED else {"x": before or "0"}
    return Change(kind, "export", "contacts", "1", {"x": value}, previous, NOW)


def walk(wait, *changes, tells_deletions=True):
    """Return what waits behind changes, each (minute, change, fires)."""
    waiting = None
    for minute, one, fires in changes:
        now = NOW + minute * MINUTE
        waiting = followed(waiting, one, wait, now, fires=fires, tells_deletions=tells_deletions)
    return waiting


def told(waiting, known):
    found = ended(waiting, known, source="export", object_="contacts", record_id="1")
    return None if found is None else (found.kind, found.properties, found.previous)


def test_the_first_change_that_fires_begins_it_and_others_join():
    assert walk(FIRST, (0, change(UPDATED), False)) is None
    waiting = walk(
        FIRST, (0, change(UPDATED, "1", "0"), True), (5, change(UPDATED, "2", "1"), True)
    )

    assert waiting.at == NOW + 10 * MINUTE
    assert told(waiting, KnownRecord({"x": "3"})) == (UPDATED, {"x": "3"}, {"x": "0"})


def test_a_creation_among_them_is_told_as_one():
    waiting = walk(FIRST, (0, change(CREATED), True), (1, change(UPDATED, "2"), True))

    assert told(waiting, KnownRecord({"x": "2"})) == (CREATED, {"x": "2"}, None)


@pytest.mark.parametrize(
    ("changes", "tells", "kind"),
    [
        # Nobody was told of it, and nobody need be.
        ([(CREATED, True), (DELETED, True)], True, None),
        ([(UPDATED, True), (DELETED, True)], True, DELETED),
        ([(UPDATED, True), (DELETED, False)], True, DELETED),
        ([(UPDATED, True), (DELETED, False)], False, None),
        ([(DELETED, True)], True, DELETED),
        ([(DELETED, False)], True, None),
        # It came back.
        ([(UPDATED, True), (DELETED, True), (CREATED, True)], True, CREATED),
    ],
)
def test_a_deletion_within_it(changes, tells, kind):
    steps = [(n, change(one), fires) for n, (one, fires) in enumerate(changes)]
    waiting = walk(FIRST, *steps, tells_deletions=tells)

    is_gone = changes[-1][0] is DELETED
    found = (
        None
        if waiting is None
        else told(waiting, KnownRecord({} if is_gone else {"x": "1"}, deleted=is_gone))
    )
    assert (None if found is None else found[0]) == kind
    if found is not None and is_gone:
        assert found[1] == {"x": "1"}


def test_a_deletion_that_waited_says_how_it_was_and_a_return_says_nothing_of_it():
    merged = Deletion("merged", "7")
    gone = replace(change(DELETED), deletion=merged)
    tombstone = KnownRecord({}, deleted=True)
    names = {"source": "export", "object_": "contacts", "record_id": "1"}

    for before in ([], [(0, change(UPDATED), True)]):
        waiting = walk(FIRST, *before, (1, gone, True))
        assert ended(waiting, tombstone, **names).deletion == merged
    back = walk(FIRST, (1, gone, True), (2, change(CREATED), True))
    assert ended(back, KnownRecord({"x": "1"}), **names).deletion is None
    # It is there again, which its trigger did not take: what waited is told as it was.
    untaken = walk(FIRST, (1, gone, True), (2, change(CREATED, "5"), False))
    told_of = ended(untaken, KnownRecord({"x": "5"}), **names)
    assert (told_of.kind, told_of.properties, told_of.deletion) == (DELETED, {"x": "1"}, merged)


@given(minutes=st.lists(st.integers(0, 40), min_size=1).map(sorted))
def test_it_ends_when_it_should(minutes):
    """From the first change on, or from the last one, and never later than it may."""
    steps = [(minute, change(UPDATED), True) for minute in minutes]
    first, last = NOW + minutes[0] * MINUTE, NOW + minutes[-1] * MINUTE

    assert walk(FIRST, *steps).at == first + 10 * MINUTE
    assert walk(LAST, *steps).at == min(last + 10 * MINUTE, first + 30 * MINUTE)
