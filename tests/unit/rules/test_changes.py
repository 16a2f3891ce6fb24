"""What a sighting of a record changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.model import Asked, Change, ChangeKind, KnownRecord, Observation, mark
from webhookd.rules.changes import NOTHING, Noticed, notice

EARLIER = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = EARLIER + timedelta(hours=1)
SEEN_AT = LATER + timedelta(minutes=5)
ADA = {"name": '"Ada"', "amount": "1.10"}
EVE = {"name": '"Eve"', "amount": "1.10"}
TIMES = st.sampled_from([None, EARLIER, LATER])
STATES = st.sampled_from([{}, ADA, EVE])


def see(properties=None, *, modified_at=None, deleted=False, **more):
    return Observation("contacts", "7", properties or {}, deleted, modified_at, **more)


def noticed(known, seen):
    return notice(known, seen, source="crm", seen_at=SEEN_AT)


def change(kind, properties, previous, occurred_at=SEEN_AT):
    return Change(kind, "crm", "contacts", "7", properties, previous, occurred_at)


def test_a_record_seen_first_is_created_with_nothing_before():
    expected = Noticed(KnownRecord(ADA), change(ChangeKind.CREATED, ADA, None))

    assert noticed(None, see(ADA)) == expected


def test_other_values_are_an_update_with_those_before():
    expected = Noticed(KnownRecord(EVE), change(ChangeKind.UPDATED, EVE, ADA))

    assert noticed(KnownRecord(ADA), see(EVE)) == expected


def test_the_same_values_without_times_are_nothing():
    assert noticed(KnownRecord(ADA), see(dict(ADA))) is NOTHING


def test_a_number_written_otherwise_is_an_update():
    assert noticed(KnownRecord({"n": "1.10"}), see({"n": "1.1"})).change is not None


def test_absent_and_empty_text_differ():
    assert noticed(KnownRecord({"n": '""'}), see({})).change is not None


def test_the_same_values_with_a_newer_time_are_stored_and_not_reported():
    seen = noticed(KnownRecord(ADA, EARLIER), see(ADA, modified_at=LATER))

    assert seen == Noticed(KnownRecord(ADA, LATER), None)


@pytest.mark.parametrize("deleted", [True, False])
@pytest.mark.parametrize("known", [KnownRecord(ADA, LATER), KnownRecord({}, LATER, deleted=True)])
def test_an_older_observation_changes_nothing(known, deleted):
    assert noticed(known, see(EVE, modified_at=EARLIER, deleted=deleted)) is NOTHING


def test_other_values_at_the_same_time_are_an_update():
    seen = noticed(KnownRecord(ADA, LATER), see(EVE, modified_at=LATER))

    assert seen.change == change(ChangeKind.UPDATED, EVE, ADA, LATER)


def test_a_time_that_only_one_side_has_decides_nothing():
    assert noticed(KnownRecord(ADA), see(EVE, modified_at=EARLIER)).change is not None
    assert noticed(KnownRecord(ADA, LATER), see(EVE)).known == KnownRecord(EVE, LATER)


def test_a_deleted_record_is_reported_with_its_last_properties_and_leaves_a_tombstone():
    seen = noticed(KnownRecord(ADA, EARLIER), see(deleted=True, modified_at=LATER))

    assert seen.change == change(ChangeKind.DELETED, ADA, ADA, LATER)
    assert seen.known == KnownRecord({}, LATER, deleted=True)


def test_a_deletion_without_a_time_keeps_the_time_that_is_known():
    seen = noticed(KnownRecord(ADA, LATER), see(deleted=True))

    assert seen.known == KnownRecord({}, LATER, deleted=True)
    assert noticed(seen.known, see(ADA, modified_at=EARLIER)) is NOTHING


def test_a_deletion_of_an_unknown_record_only_leaves_a_tombstone():
    seen = noticed(None, see(ADA, deleted=True, modified_at=LATER))

    assert seen == Noticed(KnownRecord({}, LATER, deleted=True), None)


def test_a_second_deletion_is_nothing():
    assert noticed(KnownRecord({}, deleted=True), see(deleted=True)) is NOTHING


def test_a_record_that_reappears_is_created():
    seen = noticed(KnownRecord({}, EARLIER, deleted=True), see(ADA, modified_at=LATER))

    assert seen.change == change(ChangeKind.CREATED, ADA, None, LATER)


def test_a_change_occurred_when_the_source_says_else_when_it_was_seen():
    assert noticed(None, see(ADA, modified_at=EARLIER)).change.occurred_at == EARLIER
    assert noticed(None, see(ADA)).change.occurred_at == SEEN_AT


@given(st.lists(st.tuples(STATES, TIMES, st.booleans()), max_size=12))
def test_reports_retell_the_history_and_a_second_reading_says_nothing_new(sightings):
    known = None
    told = None
    for properties, at, deleted in sightings:
        seen = see(properties, modified_at=at, deleted=deleted)
        result = noticed(known, seen)
        known = result.known or known
        if result.change is not None:
            assert result.change.previous == told
            told = None if result.change.kind is ChangeKind.DELETED else result.change.properties
        is_known = known is not None and not known.deleted
        assert told == (known.properties if is_known else None)
        assert noticed(known, seen) is NOTHING


ASKED = Asked(frozenset({"name"}))


@pytest.mark.parametrize(
    ("was", "before", "now", "seen", "previous"),
    [
        (None, ADA, ASKED, {"name": '"Ada"'}, None),
        (None, ADA, ASKED, {"name": '"Eve"'}, {"name": '"Ada"'}),
        (ASKED, {"name": '"Ada"'}, None, ADA, None),
        (ASKED, {"name": '"Ada"'}, None, EVE, ADA | {"amount": "1.10"}),
        (ASKED, {"name": '"Ada"'}, Asked(frozenset(ADA)), ADA, None),
    ],
)
def test_what_is_asked_for_otherwise_is_compared_where_both_know_it(
    was, before, now, seen, previous
):
    found = notice(
        KnownRecord(before, asked=was),
        Observation("contacts", "7", seen, asked=now),
        source="crm",
        seen_at=SEEN_AT,
    )

    assert found.known == KnownRecord(seen, asked=now)
    assert (found.change and found.change.previous) == previous


def test_what_moves_alone_and_is_not_watched_is_kept_and_not_told():
    seen = Observation("contacts", "7", EVE, unwatched=frozenset({"name"}))

    assert noticed(KnownRecord(ADA), seen) == Noticed(KnownRecord(EVE))


def test_what_is_kept_stays_as_it_is_known_and_is_no_change():
    asked = Asked(frozenset({"email", "firm.id", "firm.name"}), unwatched=frozenset({"firm.name"}))
    known = KnownRecord(
        {"email": '"a"', "firm.id": '"1"', "firm.name": '"X"'}, EARLIER, asked=asked
    )
    kept = frozenset({"firm.id", "firm.name"})

    again = noticed(known, see({"email": '"a"'}, modified_at=EARLIER, asked=asked, kept=kept))
    changed = noticed(known, see({"email": '"b"'}, asked=asked, kept=kept))

    assert again == NOTHING
    assert changed.known.properties == {**known.properties, "email": '"b"'}
    assert changed.change.changed == {"email"}


def test_what_is_found_in_another_way_is_taken_over_in_silence():
    names = frozenset({"email", "firm.id"})
    was, now = (Asked(names | {mark("firm", version)}) for version in ("1", "2"))
    known = KnownRecord({"email": '"a"', "firm.id": '"1"'}, EARLIER, asked=was)

    other = noticed(known, see({"email": '"a"', "firm.id": '"2"'}, asked=now))
    none = noticed(known, see({"email": '"a"'}, asked=now))
    compared = noticed(known, see({"email": '"b"', "firm.id": '"2"'}, asked=was))

    assert other.change is None
    assert other.known.properties["firm.id"] == '"2"'
    assert none.change is None
    assert compared.change.changed == {"email", "firm.id"}


def test_a_mark_is_no_property():
    asked = Asked(frozenset({"email", mark("firm", "1")}))

    assert (asked.properties, asked.marks) == ({"email"}, {mark("firm", "1")})
