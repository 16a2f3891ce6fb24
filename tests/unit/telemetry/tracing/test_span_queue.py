"""`SpanQueue`: bounded, never in anybody's way, and nothing is lost without a word."""

import threading

import pytest

from tests.daemon import until
from webhookd import clock, telemetry
from webhookd.telemetry import metrics
from webhookd.telemetry.events import SpansLost
from webhookd.telemetry.reporter import Reporter
from webhookd.telemetry.tracing.span_queue import AT_ONCE, MOST, SpanQueue
from webhookd.telemetry.tracing.spans import Span

SPAN = Span("deliver x", "producer", 1, 2, None, 0, 1, {})


class ScriptedExport:
    """Keeps what it is sent; answers *why*; waits for *gate* where there is one."""

    endpoint = "http://there/v1/traces"

    def __init__(self, why=None, gate=None):
        self.why, self.gate = why, gate
        self.sent, self.is_stopped = [], False

    def send(self, spans):
        if self.gate is not None:
            self.gate.wait(60)
        self.sent.append(len(spans))
        if isinstance(self.why, Exception):
            raise self.why
        return self.why

    def stop(self):
        self.is_stopped = True


class Time:
    """A clock that stands still."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def lost():
    """Return what is told of lost spans."""
    told = []
    before = telemetry.use_reporter(Reporter(told.append))
    yield told
    telemetry.use_reporter(before)


def counted(outcome):
    return metrics.REGISTRY.get_sample_value("webhookd_trace_spans_total", {"outcome": outcome})


def a_queue(export, time=clock.monotonic):
    queue = SpanQueue(export, time)
    queue.start()
    return queue


def test_what_waits_is_exported_at_the_end(lost):
    export, before = ScriptedExport(), counted("exported")
    queue = a_queue(export)
    for _ in range(AT_ONCE + 3):
        queue.put(SPAN)
    queue.close(30)

    assert sum(export.sent) == AT_ONCE + 3
    assert max(export.sent) == AT_ONCE
    assert counted("exported") == before + AT_ONCE + 3
    assert (export.is_stopped, lost) == (True, [])


def test_a_full_queue_drops_what_comes_and_says_so(lost):
    gate = threading.Event()
    export, before = ScriptedExport(gate=gate), counted("dropped")
    queue = a_queue(export)
    for _ in range(AT_ONCE):
        queue.put(SPAN)
    until(lambda: not len(queue._spans), "the first batch is with the collector")
    for _ in range(MOST + 10):
        queue.put(SPAN)

    assert counted("dropped") == before + 10
    gate.set()
    queue.close(30)
    assert sum(export.sent) == AT_ONCE + MOST
    assert sum(event.spans for event in lost) == 10
    assert "queue is full" in lost[0].error


def test_what_an_export_loses_is_told_once_a_minute_with_its_number(lost):
    export, time = ScriptedExport("no route"), Time()
    queue = a_queue(export, time)

    def fail(exports):
        for _ in range(AT_ONCE):
            queue.put(SPAN)
        until(lambda: len(export.sent) == exports, "an export")

    fail(1)
    until(lambda: lost, "the first line")
    assert lost == [SpansLost(export.endpoint, "no route", AT_ONCE)]
    fail(2)
    fail(3)
    assert len(lost) == 1
    time.now += 61
    fail(4)
    until(lambda: len(lost) == 2, "the second line")
    assert lost[1].spans == 3 * AT_ONCE
    queue.close(30)


def test_a_collector_that_hangs_does_not_keep_the_daemon(lost):
    export = ScriptedExport(gate=threading.Event())
    queue = a_queue(export)
    for _ in range(AT_ONCE + 5):
        queue.put(SPAN)
    began = clock.monotonic()
    queue.close(0.2)

    assert clock.monotonic() - began < 5
    assert export.is_stopped
    assert sum(event.spans for event in lost) == AT_ONCE + 5


def test_after_a_failure_nothing_is_tried_again_at_the_end(lost):
    export = ScriptedExport("no route")
    queue = SpanQueue(export, clock.monotonic)
    for _ in range(AT_ONCE * 3):
        queue.put(SPAN)
    queue._is_closing = True
    queue.start()
    queue.close(30)

    assert export.sent == [AT_ONCE]
    assert sum(event.spans for event in lost) == AT_ONCE * 3


def test_a_bug_of_the_export_costs_spans_only(lost):
    export = ScriptedExport(ValueError("CANARY"))
    queue = a_queue(export)
    queue.put(SPAN)
    queue.close(30)

    assert lost == [SpansLost(export.endpoint, "a bug (ValueError)", 1)]
