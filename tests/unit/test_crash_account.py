"""The accounts of the crash stories see what they are there to see."""

from collections import Counter

from tests.crash.account import Look, Note, account

CHANGES = [("1", 0), ("1", 1), ("2", 2)]


def notes(*requests):
    """Return what a receiver noted: id, record, value and status of each request."""
    return [Note(float(at), "/hook", *request) for at, request in enumerate(requests)]


def drawn_up(requests, attempts, unanswered=()):
    left = Look("ok", Counter(attempts), Counter(unanswered))
    return account("hook", notes(*requests), CHANGES, left, is_ordered=True)


WELL = [("a", "1", 0, 503), ("a", "1", 0, 200), ("b", "1", 1, 200), ("c", "2", 2, 200)]


def test_a_delivery_each_and_a_retry_after_a_failure_are_well():
    found = drawn_up(WELL, "aabc")

    assert found.faults == []
    assert (found.requests, found.repeated, found.may_be_repeated) == (4, 0, 0)


def test_a_change_that_was_never_answered_well_is_lost():
    assert drawn_up([*WELL[:3], ("c", "2", 2, 503)], "aabc").lost == 1
    assert drawn_up(WELL[:3], "aab").lost == 1


def test_a_change_with_two_ids_was_taken_in_twice():
    assert drawn_up([*WELL, ("d", "2", 2, 200)], "aabcd").twice == 1


def test_an_older_change_after_a_newer_one_is_out_of_order():
    found = drawn_up([("b", "1", 1, 200), ("a", "1", 0, 200), ("c", "2", 2, 200)], "abc")

    assert found.out_of_order == 2, "one came too early, the other too late"


def test_a_newer_change_before_the_older_was_accepted_is_out_of_order():
    found = drawn_up([("a", "1", 0, 503), ("b", "1", 1, 200), ("c", "2", 2, 200)], "abc")

    assert found.out_of_order == 1


def test_two_changes_of_a_record_at_once_are_out_of_order():
    at_once = ("b", "1", 1, 200, 2, 2)
    found = drawn_up([("a", "1", 0, 200), at_once, ("c", "2", 2, 200)], "abc")

    assert found.out_of_order == 1


def test_a_change_that_is_repeated_before_the_next_is_in_order():
    found = drawn_up([WELL[1], *WELL[1:]], "abc")

    assert found.out_of_order == 0


def test_a_request_that_the_database_does_not_know_may_be_repeated():
    found = drawn_up([*WELL, ("c", "2", 2, 200)], "aabc")

    assert (found.repeated, found.may_be_repeated, found.faults) == (1, 1, [])


def test_an_answer_that_did_not_come_back_may_be_repeated():
    found = drawn_up([*WELL, ("c", "2", 2, 200)], "aabcc", "c")

    assert (found.repeated, found.may_be_repeated, found.faults) == (1, 1, [])


def test_what_was_settled_and_is_sent_again_is_a_fault():
    found = drawn_up([*WELL, ("c", "2", 2, 200)], "aabcc")

    assert found.unexplained == 1
    assert len(found.faults) == 1
