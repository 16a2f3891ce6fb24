"""Log lines for people: short, whole, in order, and harmless whatever they show."""

from __future__ import annotations

import os
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.telemetry import console_lines

ATTEMPT = {
    "event": "delivery.attempted",
    "level": "warning",
    "timestamp": "2026-03-01T12:00:07.123456Z",
    "webhook": "notify-sales",
    "delivery_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "object": "contacts",
    "record_id": "123",
    "change": "updated",
    "attempt": 2,
    "outcome": "retry",
    "status": 503,
    "seconds": 0.213,
    "error": "503 Service Unavailable",
    "retry_at": "2026-03-01T12:02:07.000+00:00",
}
SENTENCE = "the name has no address; look at the spelling of the host in `request.url` first"


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    now = console_lines.datetime.fromisoformat("2026-03-01T15:00:00+00:00")
    monkeypatch.setattr(console_lines.clock, "now", lambda: now)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(event, width=None):
    return list(console_lines.lines(event, width))


def test_an_attempt_is_one_line_with_webhook_record_and_status_first():
    assert shown(ATTEMPT, 140) == [
        (
            "12:00:07 warn  notify-sales  contacts 123  503, retry at 12:02:07  updated  #2"
            "  0.213 s  …9a8057  503 Service Unavailable"
        )
    ]


def test_on_a_narrow_terminal_it_goes_on_below():
    assert shown(ATTEMPT, 80) == [
        "12:00:07 warn  notify-sales  contacts 123  503, retry at 12:02:07  updated  #2",
        "               0.213 s  …9a8057  503 Service Unavailable",
    ]


def test_what_has_no_value_is_left_out():
    (line,) = shown(ATTEMPT | {"status": None, "error": f"dns: {SENTENCE}", "retry_at": None})

    assert "None" not in line
    assert "contacts 123  no answer, retry  updated" in line
    assert line.endswith(f"dns: {SENTENCE}")


def test_another_event_is_its_name_what_it_is_about_and_its_facts():
    event = {
        "event": "file.taken",
        "level": "info",
        "timestamp": "2026-02-28T12:00:07.123456Z",
        "rows": 10,
        "file": "contacts 1.csv",
        "source": "crm",
        "seconds": 0.2,
        "modified_at": "2026-03-01T11:00:00+00:00",
        "deletions": None,
    }

    assert shown(event) == [
        (
            "2026-02-28 12:00:07 info  file.taken  crm  contacts 1.csv  rows=10  seconds=0.2"
            "  modified_at=11:00:00"
        )
    ]


def test_a_hint_is_wrapped_and_never_cut():
    event = {"event": "source.failed", "level": "error", "source": "crm", "hint": SENTENCE * 3}
    told = shown(event, 80)

    assert max(map(len, told)) < 80
    assert " ".join(" ".join(told).split()).endswith(SENTENCE * 3)


def test_each_problem_and_each_line_of_a_stack_has_a_line_of_its_own():
    problems = shown({"event": "config.rejected", "level": "error", "problems": ["a: b", "c: d"]})
    bug = shown({"event": "source.broke", "level": "error", "error": "x", "stack": "one\n  two"})

    assert [line.strip() for line in problems[1:]] == ["a: b", "c: d"]
    assert bug[1:] == [" " * 15 + "one", " " * 15 + "  two"]


def test_colours_change_nothing_but_colour():
    told = console_lines.lines(ATTEMPT, 80, in_colour=True)
    bare = [re.sub("\x1b\\[[0-9]*m", "", line) for line in told]

    assert bare == shown(ATTEMPT, 80)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())
)


@given(
    st.dictionaries(
        st.sampled_from([*ATTEMPT, "hint", "stack", "problems", "file", "exception", "settled_at"]),
        VALUES,
    ),
    st.one_of(st.none(), st.integers(1, 300)),
)
def test_whatever_an_event_holds_is_shown_as_harmless_lines(event, width):
    for line in shown(event, width):
        assert line.isprintable()


def test_a_stream_that_is_no_terminal_is_never_wrapped(capsys):
    text = console_lines.render(None, "", dict(ATTEMPT, error=SENTENCE * 5))

    assert "\n" not in text
    assert "\x1b" not in text
    assert os.linesep not in text
