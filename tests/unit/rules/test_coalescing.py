"""What one delivery tells in the place of several."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import NOW
from webhookd.model import OBSERVED, Change
from webhookd.rules.coalescing import Untold, followed_by, told, untold

CREATED, UPDATED, DELETED = OBSERVED
OLD, NEW = {"x": "1"}, {"x": "2"}


def a_change(kind, now, before):
    return Change(kind, "export", "contacts", "123", now, before, NOW)


@pytest.mark.parametrize(
    ("older", "newer", "whole"),
    [
        ((CREATED, None), (UPDATED, OLD), (CREATED, None)),
        ((UPDATED, OLD), (UPDATED, NEW), (UPDATED, OLD)),
        ((UPDATED, None), (UPDATED, NEW), (UPDATED, None)),
        ((UPDATED, OLD), (DELETED, NEW), (DELETED, OLD)),
        ((CREATED, None), (DELETED, NEW), (DELETED, None)),
        ((DELETED, OLD), (CREATED, None), (CREATED, None)),
        ((DELETED, OLD), (UPDATED, NEW), (UPDATED, OLD)),
        ((DELETED, OLD), (DELETED, NEW), (DELETED, OLD)),
        ((UPDATED, OLD), (CREATED, None), (CREATED, None)),
        ((CREATED, None), (CREATED, None), (CREATED, None)),
    ],
)
def test_the_last_kind_is_told_with_the_first_values_before(older, newer, whole):
    """But what was never told of stays created, until it is told that it is gone."""
    both = followed_by(*(untold(a_change(kind, NEW, before)) for kind, before in (older, newer)))
    change = told(a_change(newer[0], NEW, newer[1]), both)

    assert (change.kind, change.previous) == whole


def test_a_creation_is_still_news_behind_a_deletion_that_was_not_told_either():
    created, gone, again = (
        untold(a_change(kind, NEW, before))
        for kind, before in ((CREATED, None), (DELETED, OLD), (UPDATED, OLD))
    )

    assert followed_by(followed_by(created, gone), again).kind is CREATED


def test_a_change_tells_its_own_properties_with_the_kind_and_the_values_of_the_whole():
    change = a_change(UPDATED, NEW, OLD)

    assert told(change, Untold(CREATED, is_new=True, previous=None)) == a_change(CREATED, NEW, None)
    assert told(change, untold(change)) == change


KINDS = st.sampled_from(OBSERVED)
UNTOLD = st.builds(
    lambda kind, number: untold(
        a_change(kind, NEW, None if kind is CREATED else {"x": str(number)})
    ),
    KINDS,
    st.integers(0, 3),
)


@given(UNTOLD, UNTOLD, UNTOLD)
def test_it_does_not_matter_in_which_steps_changes_are_put_together(one, two, three):
    assert followed_by(followed_by(one, two), three) == followed_by(one, followed_by(two, three))
