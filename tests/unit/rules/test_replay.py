"""What configurations would have made of known changes."""

from __future__ import annotations

from datetime import timedelta

from tests.making import NOW, a_change, a_webhook, some_definitions
from webhookd.definitions import AllOf, Condition, Enroll, Operator, Trigger, Wait
from webhookd.model import ChangeKind
from webhookd.rules.replay import EXAMPLES, Replay, Replayed, listeners

EVERY = (ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED)
ONCE = Trigger(changes=tuple(ChangeKind), enroll=Enroll.ONCE)


def of(name="hook", trigger=Trigger(), **changes):  # noqa: B008 - frozen
    return listeners(some_definitions(a_webhook(name, trigger=trigger, **changes)))


def having(name):
    return Trigger(when=AllOf((Condition(name, Operator.HAS_PROPERTY),)))


def replayed(after, before, *seen):
    found = Replay(after, before)
    for one in seen:
        found.add(one if isinstance(one, Replayed) else Replayed(one, NOW))
    found.finish()
    return found


def test_each_configuration_takes_what_its_trigger_takes():
    other, gone = a_change(properties={"other": "1"}), a_change(record_id="9")
    tally = replayed(of(trigger=having("other")), of(trigger=having("email")), other, gone).tallies[
        "hook"
    ]

    assert (tally.changes, tally.fired, tally.fired_before) == (2, 1, 1)
    assert [one.change for one in tally.newly.examples] == [other]
    assert [one.change for one in tally.no_longer.examples] == [gone]


def test_a_webhook_that_moves_to_another_source_takes_that_ones_changes():
    there = a_change(source="other", record_id="there")
    tally = replayed(of(source="other"), of(), there, a_change(record_id="here")).tallies["hook"]

    assert [one.change.record_id for one in tally.newly.examples] == ["there"]
    assert [one.change.record_id for one in tally.no_longer.examples] == ["here"]


def test_changes_that_nobody_listens_for_are_counted_and_no_more():
    found = replayed(of(), {}, a_change(object="deals"))

    assert (found.changes, found.first_seen_at) == (1, NOW)
    assert found.tallies["hook"].changes == 0


def test_a_disabled_webhook_listens_for_nothing():
    assert of(enabled=False) == {}


def test_once_is_once_for_each_record_and_each_configuration():
    seen = [a_change(record_id="1"), a_change(record_id="1"), a_change(record_id="2")]
    tally = replayed(of(trigger=ONCE), of(), *seen).tallies["hook"]

    assert (tally.fired, tally.fired_before, tally.no_longer.count) == (2, 3, 1)


def test_once_under_both_is_the_same_although_the_trigger_differs():
    both = ONCE, Trigger(changes=(ChangeKind.UPDATED,), enroll=Enroll.ONCE)
    seen = [a_change(ChangeKind.CREATED), a_change(), a_change()]
    tally = replayed(of(trigger=both[0]), of(trigger=both[1]), *seen).tallies["hook"]

    assert (tally.fired, tally.fired_before) == (1, 1)
    assert (tally.newly.count, tally.no_longer.count) == (1, 1)


def test_a_record_enrolled_before_is_reported_no_more_but_its_deletion_is():
    before = frozenset({"hook"})
    seen = [
        Replayed(a_change(), NOW, enrolled=before),
        Replayed(a_change(ChangeKind.DELETED), NOW, enrolled=before),
        Replayed(a_change(record_id="2"), NOW, enrolled=frozenset({"another"})),
    ]
    tally = replayed(of(trigger=ONCE), {}, *seen).tallies["hook"]

    assert (tally.fired, tally.enrolled) == (2, 1)


def test_examples_are_few_however_many_differ():
    tally = replayed(of(), {}, *[a_change()] * (EXAMPLES + 5)).tallies["hook"]

    assert (tally.newly.count, len(tally.newly.examples)) == (EXAMPLES + 5, EXAMPLES)


def test_a_property_that_the_source_did_not_ask_for_is_told():
    seen = [
        Replayed(a_change(), NOW, asked=frozenset({"email"})),
        Replayed(a_change(properties={"phone": "1"}), NOW, asked=frozenset({"email", "phone"})),
    ]
    tally = replayed(of(trigger=having("phone")), None, *seen).tallies["hook"]

    assert tally.unasked == {"phone": 1}
    assert tally.unseen == set()


def test_a_property_that_no_change_had_is_told():
    watching = Trigger(changed_properties=frozenset({"emial", "email", "gone"}))
    seen = a_change(previous={"gone": "1"})

    assert replayed(of(trigger=watching), None, seen).tallies["hook"].unseen == {"emial"}


OPEN = AllOf((Condition("stage", Operator.EQ, ("open",)),))
QUIET = Trigger(changes=EVERY, wait=Wait(timedelta(minutes=10)), still=OPEN)


def staged(minute, stage, record_id="1", kind=ChangeKind.UPDATED):
    """Return a change of a record's stage, seen so many minutes after NOW."""
    change = a_change(kind, record_id=record_id, properties={"stage": f'"{stage}"', "x": "1"})
    return Replayed(change, NOW + timedelta(minutes=minute))


def test_changes_within_a_wait_are_one_and_while_is_looked_at_as_the_record_is_at_its_end():
    seen = [
        staged(0, "open", "held"),
        staged(0, "open", "lost"),
        staged(2, "lost", "held"),
        staged(8, "open", "held"),
        staged(9, "lost", "lost"),
        # Behind its wait: another one begins, which is not over.
        staged(11, "open", "lost"),
        staged(12, "lost", "held"),
    ]
    tally = replayed(of(trigger=QUIET), {}, *seen).tallies["hook"]

    assert (tally.changes, tally.fired) == (7, 2)
    assert [one.change.record_id for one in tally.newly.examples] == ["held", "lost"]
    assert [one.seen_at for one in tally.newly.examples] == [seen[0].seen_at, seen[5].seen_at]


def test_a_configuration_that_waits_is_compared_by_the_change_that_a_wait_began_with():
    seen = [staged(0, "open"), staged(5, "lost"), staged(6, "open", "2")]
    tally = replayed(of(trigger=QUIET), of(trigger=Trigger(changes=EVERY)), *seen).tallies["hook"]

    assert (tally.fired, tally.fired_before) == (1, 3)
    assert (tally.newly.count, tally.no_longer.count) == (0, 2)
    same = replayed(of(trigger=QUIET), of(trigger=QUIET), *seen).tallies["hook"]
    assert (same.fired, same.fired_before, same.newly.count) == (1, 1, 0)


def test_a_record_that_is_gone_before_its_wait_is_over_was_for_nothing_or_is_told_as_deleted():
    seen = [
        staged(0, "open", "new", ChangeKind.CREATED),
        staged(0, "open", "old"),
        staged(5, "open", "new", ChangeKind.DELETED),
        staged(5, "open", "old", ChangeKind.DELETED),
    ]
    assert replayed(of(trigger=QUIET), {}, *seen).tallies["hook"].fired == 1
    untold = Trigger(changes=(ChangeKind.CREATED, ChangeKind.UPDATED), wait=QUIET.wait)
    assert replayed(of(trigger=untold), {}, *seen).tallies["hook"].fired == 0


def test_once_is_looked_at_when_the_wait_is_over():
    once = Trigger(changes=EVERY, wait=QUIET.wait, still=OPEN, enroll=Enroll.ONCE)
    seen = [staged(0, "lost"), staged(20, "open"), staged(40, "open")]

    assert replayed(of(trigger=once), {}, *seen).tallies["hook"].fired == 1
