"""What comes next in a sweep: every record is met, whatever shares an instant with it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.sources.hubspot.cursor import CatchUp, Cursor, ListPass, Reach, Sweep, parsed
from webhookd.sources.hubspot.sweeps import Timetable, behind, following
from webhookd.sources.polling.refusals import PollError

BEGAN = 50
TIMES = st.lists(st.integers(0, BEGAN), max_size=60)


def search(records, sweep, limit):
    """Answer as the API does: one page of a new search for each step."""
    if sweep.last_id is None:
        found = sorted(one for one in records if one[0] >= sweep.at)
    else:
        last = int(sweep.last_id or -1)
        found = [(at, id_) for at, id_ in sorted(records) if at == sweep.at and id_ > last]
    page = [(at, str(id_)) for at, id_ in found[:limit]]
    return page, len(found) > limit


@given(times=TIMES, limit=st.integers(1, 7))
def test_every_record_is_met_though_many_share_an_instant(times, limit):
    records = [(at, number) for number, at in enumerate(times)]
    sweep, met = Sweep(Reach.FRESH, 0, BEGAN), set()
    for _ in range(10 * len(times) + 60):
        page, has_more = search(records, sweep, limit)
        met |= {id_ for _, id_ in page}
        sweep = following(sweep, page, has_more=has_more)
        if sweep is None:
            break

    assert sweep is None
    assert met == {str(number) for number in range(len(times))}


@given(times=TIMES, moves=st.lists(st.integers(0, 59), max_size=30), limit=st.integers(1, 7))
def test_a_record_that_changes_meanwhile_hides_no_other(times, moves, limit):
    """A record that moves to the end makes room on the pages behind; nothing is skipped."""
    records = dict(enumerate(times))
    sweep, met, clock = Sweep(Reach.FRESH, 0, BEGAN), set(), BEGAN
    while sweep is not None:
        page, has_more = search([(at, id_) for id_, at in records.items()], sweep, limit)
        met |= {int(id_) for _, id_ in page}
        sweep = following(sweep, page, has_more=has_more)
        if moves and records:
            clock += 1
            records[moves.pop() % len(records)] = clock

    assert {id_ for id_, at in records.items() if at <= BEGAN} <= met


def test_a_sweep_goes_on_until_there_is_no_more_whatever_the_clock_said_when_it_began():
    page = [(BEGAN + 10**9, "1"), (BEGAN + 10**9 + 1, "2"), (BEGAN + 10**9 + 2, "3")]
    sweep = Sweep(Reach.FRESH, 0, BEGAN)

    assert following(sweep, page, has_more=True) == Sweep(Reach.FRESH, BEGAN + 10**9 + 1, BEGAN)
    assert following(sweep, page, has_more=False) is None


@pytest.mark.parametrize(
    ("sweep", "page", "has_more"),
    [
        (Sweep(Reach.FRESH, 10, BEGAN), [(9, "1"), (8, "2")], True),
        (Sweep(Reach.FRESH, 10, BEGAN), [], True),
        (Sweep(Reach.FRESH, 10, BEGAN, "5"), [(11, "6")], True),
        (Sweep(Reach.FRESH, 10, BEGAN, "5"), [(10, "5")], True),
        (Sweep(Reach.FRESH, 10, BEGAN, "5"), [], True),
    ],
)
def test_an_answer_that_would_lead_nowhere_is_refused(sweep, page, has_more):
    with pytest.raises(PollError):
        following(sweep, page, has_more=has_more)


def test_an_id_that_is_no_number_is_no_place_to_go_on_from():
    """HubSpot would refuse it, at every poll from then on."""
    sweep, page = Sweep(Reach.FRESH, 10, BEGAN, ""), [(10, id_) for id_ in ("7", "8", "9", "x")]

    assert following(sweep, page, has_more=True).last_id == "8"


@given(
    times=st.lists(st.integers(0, BEGAN), min_size=3, max_size=60),
    odd=st.integers(-(10**6), 10**15),
    at=st.integers(0, 59),
    limit=st.integers(3, 7),
)
def test_one_record_with_a_wrong_time_leads_past_no_other(times, odd, at, limit):
    records = [(when, number) for number, when in enumerate(times)]
    wrong = at % len(times)
    sweep, met = Sweep(Reach.FRESH, 0, BEGAN), set()
    for _ in range(10 * len(times) + 60):
        page, has_more = search(records, sweep, limit)
        met |= {id_ for _, id_ in page}
        page = [(odd, id_) if id_ == str(wrong) else (when, id_) for when, id_ in page]
        sweep = following(sweep, page, has_more=has_more)
        if sweep is None:
            break

    assert sweep is None
    assert met == {str(number) for number in range(len(times))}


@given(
    marks=st.lists(st.integers(0, 10**13), min_size=3, max_size=3),
    began=st.integers(0, 10**13),
    reach=st.sampled_from(Reach),
)
def test_a_mark_never_goes_back_and_only_those_that_were_reached_move(marks, began, reach):
    cursor = Cursor(0, dict(zip(Reach, marks, strict=True)))

    after = cursor.swept(Sweep(reach, 0, began), behind(timedelta(minutes=5))).marks

    order = list(Reach)
    for one in order:
        assert after[one] >= cursor.marks[one]
        if order.index(one) < order.index(reach):
            assert after[one] == cursor.marks[one]
        else:
            assert after[one] >= began - behind(timedelta(minutes=5))[one]


def test_a_cursor_comes_back_from_its_text_as_it_was():
    whole = Cursor(
        1,
        dict(zip(Reach, (1, 2, 3), strict=True)),
        "after",
        Sweep(Reach.OVERLAP, 5, 6, ""),
        ListPass(7, "x"),
        8,
        "digest",
        CatchUp("9"),
    )
    empty = Cursor(1, dict.fromkeys(Reach, 0))

    assert parsed(whole.text()) == whole
    assert parsed(empty.text()) == empty


def test_a_long_sweep_leaves_three_quarters_of_the_time_to_fresh_ones():
    table = Timetable()
    assert table.due(0) is Reach.HOUR
    table.done(Reach.HOUR, seconds=1, now=1)
    assert table.due(1) is Reach.OVERLAP
    table.done(Reach.OVERLAP, seconds=60, now=61)
    assert table.due(61) is Reach.FRESH
    assert table.due(240) is Reach.FRESH
    assert table.due(241) is Reach.OVERLAP
    assert table.due(1201) is Reach.HOUR
