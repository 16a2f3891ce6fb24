"""Pages of one instant, read backwards: what leaves it meanwhile hides nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.sources.rest.detection.one_instant import Backwards, Met

THEN, LATER = 0, 1
PAGE = 4


def read(instant, later, leaving, *, is_exact, at_most=PAGE, wall=10**9):
    """Read an instant of so many rows, some of which leave it before each request.

    Return the rows that were read, those that are still of it, and how many requests it took.
    """
    rows = [(THEN, n) for n in range(instant)] + [(LATER, n) for n in range(later)]
    inside, met, requests = Backwards(PAGE, is_exact=is_exact), set(rows[:PAGE]), 0
    while inside is not None:
        for n in leaving[requests] if requests < len(leaving) else ():
            there = [row for row in rows if row[0] == THEN]
            if there:
                rows.remove(there[n % len(there)])
        requests += 1
        if inside.row >= wall:
            inside = inside.refused()
            assert inside is not None, "the next page is refused"
            continue
        size = PAGE if inside.page == 0 else at_most
        start = inside.row if is_exact else inside.page * PAGE
        page = rows[start : start + size]
        met.update(page)
        begins, ends = (not page or page[n][0] == THEN for n in (0, -1))
        inside = inside.after(Met(len(page), begins, ends, is_last=start + len(page) >= len(rows)))
    return met, {row for row in rows if row[0] == THEN}, requests


@given(
    instant=st.integers(PAGE, 80),
    later=st.integers(0, 30),
    leaving=st.lists(st.lists(st.integers(0, 10**6), max_size=9), max_size=40),
    is_exact=st.booleans(),
)
def test_whatever_stays_in_the_instant_is_read(instant, later, leaving, is_exact):
    met, there, _ = read(instant, later, leaving, is_exact=is_exact)

    assert there <= met


@given(
    instant=st.integers(PAGE, 60),
    later=st.integers(0, 20),
    leaving=st.lists(st.lists(st.integers(0, 10**6), max_size=5), max_size=20),
    at_most=st.integers(1, PAGE),
)
def test_pages_that_are_cut_leave_no_gap_where_rows_are_counted(instant, later, leaving, at_most):
    met, there, _ = read(instant, later, leaving, is_exact=True, at_most=at_most)

    assert there <= met


@given(instant=st.integers(PAGE, 400), later=st.integers(0, 30), is_exact=st.booleans())
def test_a_quiet_instant_costs_its_pages_and_a_search(instant, later, is_exact):
    met, there, requests = read(instant, later, [], is_exact=is_exact)
    pages = -(-instant // PAGE)

    assert there <= met
    assert requests <= pages + 3 + 2 * pages.bit_length()


@given(instant=st.integers(PAGE, 200), later=st.integers(0, 9), beyond=st.integers(1, 9))
def test_an_api_that_refuses_pages_far_behind_the_end_is_read(instant, later, beyond):
    wall = -(-(instant + later) // PAGE) * PAGE + beyond
    met, there, _ = read(instant, later, [], is_exact=False, wall=wall)

    assert there <= met


def test_an_api_that_refuses_a_page_of_the_instant_itself_has_failed():
    with pytest.raises(AssertionError, match="the next page is refused"):
        read(100, 0, [], is_exact=False, wall=40)
