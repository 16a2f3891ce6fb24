"""Charts are numbers of ours and nothing else, whatever the daemon told."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from webhookd.console import activity_steps, charts
from webhookd.console.charts import Step, Steps
from webhookd.console.pages import inbox
from webhookd.model import DeliveryState
from webhookd.views.activity import ActivityView
from webhookd.views.deliveries import GroupView

FIRST = datetime(2026, 11, 27, 12, tzinfo=UTC)
COUNT = st.integers(0, 10**9)
STEPS = st.lists(st.builds(Step, COUNT, COUNT, COUNT, COUNT), max_size=60)


@given(STEPS)
def test_a_chart_holds_nothing_but_numbers_and_our_words(steps):
    for svg in (str(charts.bars(Steps(FIRST, 600, steps))), str(charts.spark(steps))):
        assert svg.count("<svg") == 1
        assert 'role="img" aria-label="' in svg
        assert set(re.findall(r"<(\w+)", svg)) <= {"svg", "line", "text", "path"}
        assert not re.search(r"nan|inf|None", svg)


def test_whatever_happened_is_seen_however_little_it_was():
    svg = str(charts.bars(Steps(FIRST, 600, [Step(delivered=1_000_000), Step(given_up=1)])))

    assert '<path class="bad"' in svg


def test_the_numbers_of_webhooks_are_added_up():
    told = ActivityView(
        FIRST,
        60,
        {"a": ((0, 1, 2, 3, 4, 0.5), (59, 1, 0, 0, 0, 0.1)), "b": ((0, 1, 0, 0, 0, 0.1),)},
    )

    every = activity_steps.steps_of(told, activity_steps.HOUR)

    assert every.steps[0] == Step(2, 2, 3, 4)
    assert every.total.total == 12
    assert activity_steps.by_webhook(told, activity_steps.HOUR)["b"].total == Step(1)
    assert activity_steps.steps_of(told, activity_steps.HOUR, "c").total == Step()


def test_what_is_told_of_another_time_is_left_out():
    told = ActivityView(FIRST, 60, {"a": ((-1, 1, 0, 0, 0, 0), (60, 1, 0, 0, 0, 0))})

    assert activity_steps.steps_of(told, activity_steps.HOUR).total == Step()


def group(webhook, state, error, count, at=FIRST):
    return GroupView(state, webhook, error, count, at, at, "id", error)


def test_what_is_held_of_a_webhook_is_one_line():
    held, failed = DeliveryState.HELD, DeliveryState.FAILED

    made = inbox.merged(
        [
            group("a", held, "410", 3),
            group("a", held, None, 4),
            group("a", failed, "422", 5),
            group("a", failed, "400", 6),
        ]
    )

    assert [(one.state, one.count) for one in made] == [(held, 7), (failed, 6), (failed, 5)]
