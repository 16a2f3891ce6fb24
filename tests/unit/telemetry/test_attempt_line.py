"""The line of a delivered attempt is the one that structlog makes, and stands where it belongs."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from contextlib import redirect_stderr
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import a_delivery, a_settlement
from webhookd.model import ChangeKind
from webhookd.telemetry import log_lines, logs
from webhookd.telemetry.events import DeliveryAttempted, WebhookHoldChanged
from webhookd.telemetry.gathered_stderr import GATHER_SECONDS, STDERR

TIME = re.compile(r'"timestamp": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"')
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@pytest.fixture(autouse=True)
def as_before():
    yield
    logs.redact_with(lambda text: text)
    logs.sample_successes(1)
    logs.configure("json", "DEBUG")


def an_attempt(**changes):
    settlement = a_settlement(a_delivery(**changes))
    attempt = replace(settlement.attempt, number=3, seconds=0.12345, status=204)
    return DeliveryAttempted(replace(settlement, attempt=attempt))


def written(*events, encoding="utf-8", level="INFO", log_format="json"):
    """Return what is written of *events*, outside of an event loop."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", write_through=True)
    with redirect_stderr(file):
        logs.configure(log_format, level)
        for event in events:
            log_lines.write(event)
    return raw.getvalue().decode(encoding)


def without_time(line):
    assert TIME.search(line)
    return TIME.sub("", line)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(ChangeKind), st.sampled_from(["utf-8", "ascii"]))
def test_it_is_to_the_letter_what_structlog_makes(record_id, object_, webhook, change, encoding):
    event = an_attempt(record_id=record_id, object=object_, webhook=webhook, change=change)
    logs.redact_with(lambda text: text.replace("a", "***"))

    short = written(event, encoding=encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "write_delivered", lambda _: False)
        long = written(event, encoding=encoding)

    assert without_time(short) == without_time(long)
    assert json.loads(short)["status"] == 204


@pytest.mark.parametrize(("level", "log_format"), [("WARNING", "json"), ("INFO", "console")])
def test_where_the_line_is_another_or_none_it_stays_so(level, log_format):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(STDERR, "gather", lambda _: pytest.fail("it is not to be gathered"))
        text = written(an_attempt(), level=level, log_format=log_format)

    assert ("delivery" in text or "123" in text) is (level == "INFO")


def test_journald_gets_a_priority(monkeypatch):
    monkeypatch.setattr(logs.systemd, "is_journal", lambda: True)

    assert written(an_attempt()).startswith('<6>{"webhook": ')


def test_lines_wait_for_each_other_and_whatever_else_is_written_keeps_the_order():
    async def scenario(file):
        log_lines.write(an_attempt(record_id="1"))
        log_lines.write(an_attempt(record_id="2"))
        assert file.getvalue() == ""
        log_lines.write(WebhookHoldChanged("hook", None))
        assert len(file.getvalue().splitlines()) == 3
        log_lines.write(an_attempt(record_id="3"))
        await asyncio.sleep(GATHER_SECONDS * 10)
        assert len(file.getvalue().splitlines()) == 4
        log_lines.write(an_attempt(record_id="4"))
        STDERR.hand_over()

    file = io.StringIO()
    with redirect_stderr(file):
        logs.configure("json", "INFO")
        asyncio.run(scenario(file))

    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [line.get("record_id") or line["event"] for line in lines] == [
        *("1", "2", "webhook.resumed", "3", "4")
    ]


def test_a_stderr_that_refuses_costs_lines_and_nothing_else(monkeypatch):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError("no space left on device")

    monkeypatch.setattr(sys, "stderr", Full())

    STDERR.gather("a line\n")
    assert STDERR.write("another\n") == 8
