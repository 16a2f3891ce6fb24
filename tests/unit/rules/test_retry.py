"""What an attempt led to."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, Decimal, localcontext
from email.utils import format_datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.definitions import DeliveryPolicy, RetryPolicy
from webhookd.model import NO_HINTS, Delivered, GivenUp, Held, Hints, Response, RetryAt, Unreachable
from webhookd.rules.retry import judge, waiting_time

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
POLICY = RetryPolicy()
GIVE_UP_AT = NOW + POLICY.give_up_after
REASONS = ["dns", "refused", "egress", "tls", "connect_timeout", "timeout", "reset", "protocol"]
DICE = st.floats(0, 1, exclude_max=True)
POLICIES = st.builds(
    RetryPolicy,
    first_after=st.timedeltas(timedelta(milliseconds=1), timedelta(days=2)),
    factor=st.floats(1, 100),
    at_most_every=st.timedeltas(timedelta(milliseconds=1), timedelta(days=2)),
    give_up_after=st.timedeltas(timedelta(seconds=1), timedelta(days=30)),
    jitter=st.floats(0, 1),
)
RETRIED = st.one_of(
    st.sampled_from([301, 429, 500, 503, 599]).map(Response),
    st.sampled_from([*REASONS, "internal"]).map(lambda reason: Unreachable(reason, "why")),
)


def judged(
    reply,
    *,
    policy=POLICY,
    success_on=("2xx",),
    attempts_made=1,
    hints=NO_HINTS,
    held_for=timedelta(),
    now=NOW,
    dice=0.0,
):
    return judge(
        reply,
        policy=DeliveryPolicy(retry=policy, success_on=success_on),
        attempts_made=attempts_made,
        hints=hints,
        first_attempt_at=NOW,
        held_for=held_for,
        now=now,
        dice=dice,
    )


def _outcome_of_the_table(status):
    if 200 <= status < 300:
        return Delivered()
    if status == 410:
        return Held("the receiver answered 410: it is gone")
    if 300 <= status < 400 or status == 429 or status >= 500:
        return RetryAt(NOW + MINUTE, f"the receiver answered {status}")
    return GivenUp(f"the receiver answered {status}, which is not retried")


def test_each_status_leads_where_the_table_says():
    expected = {status: _outcome_of_the_table(status) for status in range(100, 600)}

    assert {status: judged(Response(status)) for status in expected} == expected


@pytest.mark.parametrize("reason", [*REASONS, "internal"])
def test_no_answer_is_always_retried_and_says_why(reason):
    policy = RetryPolicy(retry_on=())

    outcome = judged(Unreachable(reason, "no answer within 30 s"), policy=policy)

    assert outcome == RetryAt(NOW + MINUTE, f"{reason}: no answer within 30 s")


def test_retry_on_decides_but_never_over_success_and_gone():
    policy = RetryPolicy(retry_on=("2xx", "4xx", "502"))

    assert isinstance(judged(Response(404), policy=policy), RetryAt)
    assert isinstance(judged(Response(502), policy=policy), RetryAt)
    assert isinstance(judged(Response(503), policy=policy), GivenUp)
    assert isinstance(judged(Response(204), policy=policy), Delivered)
    assert isinstance(judged(Response(410), policy=policy), Held)


@pytest.mark.parametrize("status", [302, 410, 400, 503])
def test_success_on_wins_over_everything(status):
    for named in (("2xx", str(status)), (f"{status // 100}xx",)):
        assert judged(Response(status), success_on=named) == Delivered()
    assert judged(Response(204), success_on=("200", "302")) == GivenUp(
        "the receiver answered 204, which is not retried"
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_says_where_it_points_and_what_to_do(status):
    outcome = judged(Response(status, location="https://new.example/hook?a=1"))

    assert outcome.why == (
        f"the receiver answered {status}; it points to https://new.example/hook?a=1, which is not"
        " followed: put that address into 'url'"
    )
    given_up = judged(Response(status, location="/new"), policy=RetryPolicy(retry_on=()))
    assert "points to /new" in given_up.why


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://ada:pa55@new.example/a", "https://new.example/a"),
        ("//a:b:c@h/x@y", "//h/x@y"),
        ("https://e.example/\r\nX: 1\x1b[2J", "https://e.example/\ufffd\ufffdX: 1\ufffd[2J"),
        ("/" + "x" * 5000, "/" + "x" * 199 + "…"),
    ],
)
def test_what_a_redirect_shows_is_one_short_line_without_a_password(location, shown):
    assert f"points to {shown}, which" in judged(Response(301, location=location)).why


@pytest.mark.parametrize("status", [200, 304, 404])
def test_other_answers_point_nowhere(status):
    outcome = judged(Response(status, location="https://new.example/"))

    assert "points" not in getattr(outcome, "why", "")


def test_the_default_waits_grow_from_a_minute_to_eight_hours():
    waits = [waiting_time(POLICY, n, 0.0) for n in range(1, 12)]

    assert waits[:9] == [MINUTE * 2**n for n in range(9)]
    assert waits[9] == waits[10]
    assert waits[10] * 1.1 == pytest.approx(timedelta(hours=8), abs=timedelta(milliseconds=1))


@given(POLICIES, st.integers(1, 10**6), DICE)
def test_a_wait_is_what_the_formula_says_and_never_over_the_longest(policy, attempts_made, dice):
    wait = waiting_time(policy, attempts_made, dice)

    jitter = Fraction(policy.jitter)
    longest = Fraction(policy.at_most_every // timedelta(microseconds=1)) / (1 + jitter)
    base = min(longest, _grown(policy, attempts_made - 1, longest))
    exact = base * (1 + jitter * Fraction(dice))
    microseconds = wait // timedelta(microseconds=1)
    # A float holds 53 bits: what is left of a microsecond is theirs.
    assert exact - Fraction(1, 1000) <= microseconds <= exact + 1 + Fraction(1, 1000)
    assert wait <= policy.at_most_every


def _grown(policy, retries_made, longest):
    """Return `first_after · factor^n` to sixty digits, or anything past *longest*."""
    with localcontext(prec=60, Emax=MAX_EMAX):
        grown = Decimal(policy.factor) ** retries_made
        wait = grown * (policy.first_after // timedelta(microseconds=1))
        return Fraction(min(wait, Decimal(math.ceil(longest) + 1)))


def test_a_millionth_retry_overflows_nothing():
    assert waiting_time(RetryPolicy(factor=1e9), 10**6, 0.999) <= POLICY.at_most_every
    assert judged(Response(500), attempts_made=10**6) == RetryAt(
        NOW + waiting_time(POLICY, 100, 0.0), "the receiver answered 500"
    )


@given(RETRIED, POLICIES, st.integers(1, 1000), DICE, st.timedeltas(timedelta(), HOUR * 2000))
def test_a_retry_is_never_early_never_far_and_never_after_giving_up(
    reply, policy, attempts_made, dice, passed
):
    now = NOW + passed
    give_up_at = NOW + policy.give_up_after

    outcome = judged(reply, policy=policy, attempts_made=attempts_made, now=now, dice=dice)

    if now >= give_up_at:
        assert isinstance(outcome, GivenUp)
        return
    assert isinstance(outcome, RetryAt)
    assert outcome.when == min(now + waiting_time(policy, attempts_made, dice), give_up_at)
    assert now < outcome.when <= now + policy.at_most_every


SHORT_POLICIES = st.builds(
    RetryPolicy,
    first_after=st.timedeltas(MINUTE, HOUR),
    factor=st.floats(1, 3),
    at_most_every=st.timedeltas(2 * MINUTE, HOUR),
    give_up_after=st.timedeltas(MINUTE, HOUR),
)


@given(RETRIED, SHORT_POLICIES, DICE)
def test_the_last_attempt_falls_exactly_on_the_time_of_giving_up(reply, policy, dice):
    at, attempts_made = NOW, 1
    outcome = judged(reply, policy=policy, dice=dice)
    while isinstance(outcome, RetryAt):
        at, attempts_made = outcome.when, attempts_made + 1
        outcome = judged(reply, policy=policy, attempts_made=attempts_made, now=at, dice=dice)

    assert isinstance(outcome, GivenUp)
    assert at == NOW + policy.give_up_after


def test_what_is_past_the_time_of_giving_up_is_given_up_with_the_last_reason():
    assert judged(
        Unreachable("timeout", "no answer within 30 s"), attempts_made=19, now=GIVE_UP_AT
    ) == (
        GivenUp(
            "timeout: no answer within 30 s; given up at attempt 19, as give_up_after has passed"
        )
    )
    just_before = GIVE_UP_AT - timedelta(seconds=1)
    assert judged(Response(500), attempts_made=19, now=just_before).when == GIVE_UP_AT


def test_the_time_of_giving_up_stands_still_while_held():
    outcome = judged(Response(500), now=GIVE_UP_AT, held_for=timedelta(seconds=10))

    assert outcome.when == GIVE_UP_AT + timedelta(seconds=10)


@pytest.mark.parametrize("status", [301, 429, 500, 503])
def test_a_longer_retry_after_is_obeyed_on_every_retried_status(status):
    outcome = judged(Response(status, "7200"))

    assert outcome.when == NOW + 2 * HOUR
    assert outcome.lane_paused_until == (NOW + 2 * HOUR if status in {429, 503} else None)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("attempts_made", [1, 10, 11, 1000])
def test_a_shorter_retry_after_on_429_and_503_is_obeyed_and_the_pause_ends_with_it(
    status, attempts_made
):
    outcome = judged(Response(status, "7"), attempts_made=attempts_made)

    at = NOW + timedelta(seconds=7)
    assert outcome == RetryAt(at, f"the receiver answered {status}", at, hints_in_row=1)


def test_a_shorter_retry_after_as_a_date_is_obeyed_too():
    at = NOW + timedelta(seconds=20)

    assert judged(Response(503, format_datetime(at, usegmt=True))).when == at


def _told(replies, *, policy=POLICY):
    """Return the seconds that a delivery waits after each of *replies*, whatever came before."""
    waits, now, hints = [], NOW, NO_HINTS
    for attempts_made, reply in enumerate(replies, start=1):
        outcome = judged(reply, policy=policy, attempts_made=attempts_made, hints=hints, now=now)
        in_row = outcome.hints_in_row
        hints = Hints(hints.made + (in_row > hints.in_row), in_row)
        waits.append((outcome.when - now).total_seconds())
        now = outcome.when
    return waits


def test_after_ten_short_hints_in_a_row_a_retry_after_only_lengthens():
    outcome = judged(Response(429, "7"), attempts_made=11, hints=Hints(10, 10))

    assert outcome.when == NOW + MINUTE
    assert outcome.lane_paused_until == NOW + timedelta(seconds=7)
    assert _told([Response(429, "7")] * 13) == [7.0] * 10 + [60.0, 120.0, 240.0]


def test_short_hints_use_up_nothing_of_the_schedule():
    assert _told([Response(500), *[Response(503, "7")] * 9, *[Response(500)] * 3]) == [
        60.0,
        *[7.0] * 9,
        120.0,
        240.0,
        480.0,
    ]


@pytest.mark.parametrize(
    ("other", "wait"),
    [
        (Response(500), 60.0),
        (Response(429), 60.0),
        (Response(500, "7"), 60.0),
        (Response(429, "7200"), 7200.0),
        (Unreachable("timeout", "why"), 60.0),
    ],
)
def test_any_other_answer_ends_a_row_of_short_hints(other, wait):
    short = Response(429, "7")

    assert _told([*[short] * 10, other, *[short] * 11]) == [
        *[7.0] * 10,
        wait,
        *[7.0] * 10,
        120.0,
    ]


def test_a_hint_as_long_as_the_schedules_wait_is_no_short_one():
    outcome = judged(Response(429, "60"), attempts_made=4, hints=Hints(3, 3))

    assert (outcome.when, outcome.hints_in_row) == (NOW + MINUTE, 0)


def test_a_short_hint_counts_where_giving_up_comes_before_it():
    now = GIVE_UP_AT - timedelta(seconds=2)

    outcome = judged(Response(429, "7"), attempts_made=4, hints=Hints(3, 3), now=now)

    assert (outcome.when, outcome.hints_in_row) == (GIVE_UP_AT, 4)


@pytest.mark.parametrize("status", [301, 500, 502, 504])
def test_a_shorter_retry_after_on_another_status_hurries_nothing(status):
    assert judged(Response(status, "5")).when == NOW + MINUTE


def test_a_hint_of_less_than_a_second_is_a_second():
    policy = RetryPolicy(retry_after_unit="milliseconds")

    assert judged(Response(429, "50"), policy=policy).when == NOW + timedelta(seconds=1)


def test_a_hint_lengthens_no_schedule_that_is_shorter():
    policy = RetryPolicy(first_after=timedelta(milliseconds=10), retry_after_unit="milliseconds")

    assert judged(Response(429, "5"), policy=policy).when == NOW + timedelta(milliseconds=10)


@given(
    st.integers(1, 10**6),
    st.integers(1, 30),
    st.integers(0, 29),
    st.integers(0, 10),
    st.sampled_from([429, 503]),
    DICE,
)
def test_chance_puts_a_retry_behind_the_hint_and_never_before_it(
    seconds, attempts_made, hints, hints_in_row, status, dice
):
    before = Hints(min(hints, attempts_made - 1), hints_in_row)
    outcome = judged(
        Response(status, str(seconds)),
        attempts_made=attempts_made,
        hints=before,
        dice=dice,
    )

    gap, hint = waiting_time(POLICY, attempts_made - before.made, dice), timedelta(seconds=seconds)
    is_short = hint < gap and hint * (1 + 0.1 * dice) < gap
    assert (outcome.hints_in_row > 0) == is_short
    assert outcome.hints_in_row <= min(hints_in_row + 1, 10)
    latest = max(hint, min(gap, hint * 1.1)) if hints_in_row < 10 else max(hint, gap)
    assert min(hint, GIVE_UP_AT - NOW) <= outcome.when - NOW <= latest + timedelta(microseconds=1)


@pytest.mark.parametrize(
    "retry_after", ["9" * 400, format_datetime(NOW + HOUR * 9000, usegmt=True)]
)
def test_a_retry_after_is_obeyed_no_further_than_the_time_of_giving_up(retry_after):
    outcome = judged(Response(503, retry_after))

    assert outcome == RetryAt(GIVE_UP_AT, "the receiver answered 503", GIVE_UP_AT)


def test_a_retry_after_in_milliseconds_is_read_so_by_setting():
    policy = RetryPolicy(retry_after_unit="milliseconds")

    assert judged(Response(429, "120500"), policy=policy).when == NOW + timedelta(seconds=120.5)


@pytest.mark.parametrize("retry_after", [None, "", "-1", "0", "never", "1e9"])
def test_a_retry_after_that_asks_for_nothing_changes_nothing(retry_after):
    assert judged(Response(429, retry_after)) == RetryAt(NOW + MINUTE, "the receiver answered 429")


def test_a_retry_after_on_a_status_that_is_not_retried_changes_nothing():
    assert isinstance(judged(Response(404, "5")), GivenUp)


@given(st.text() | st.integers().map(str), st.sampled_from([429, 500, 503]), DICE)
def test_whatever_is_asked_the_retry_is_within_its_bounds(retry_after, status, dice):
    outcome = judged(Response(status, retry_after), dice=dice)

    shortest = MINUTE if status == 500 else timedelta(seconds=1)
    assert NOW + shortest <= outcome.when <= GIVE_UP_AT


def test_lengths_beyond_the_calendar_end_with_it():
    policy = RetryPolicy(give_up_after=timedelta.max, at_most_every=timedelta.max, factor=1e300)

    outcome = judged(Response(500), policy=policy, attempts_made=9, held_for=timedelta.max)

    assert outcome.when == datetime.max.replace(tzinfo=UTC)
