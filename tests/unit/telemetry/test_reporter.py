"""`Reporter`: who gets an event, in which order, on which thread, whatever others do."""

from __future__ import annotations

import json
import threading

from webhookd import telemetry
from webhookd.telemetry.events import BugFound, SourceRecovered
from webhookd.telemetry.metrics import REGISTRY
from webhookd.telemetry.reporter import Reporter

EVENT = SourceRecovered("crm")


class Recording:
    """A listener that keeps what it got; `raises` on events of that class."""

    def __init__(self, raises=()):
        self.events = []
        self._raises = raises

    def __call__(self, event):
        self.events.append(event)
        is_wrong = isinstance(event, self._raises)
        if is_wrong:
            raise RuntimeError("not today")


def test_every_listener_gets_every_event_in_the_order_they_came():
    order = []
    reporter = Reporter(lambda event: order.append(("first", event)))
    reporter.listen(lambda event: order.append(("second", event)))
    other = SourceRecovered("other")

    reporter.report(EVENT)
    reporter.report(other)

    assert order == [("first", EVENT), ("second", EVENT), ("first", other), ("second", other)]


def test_who_stops_gets_nothing_more_and_may_stop_twice():
    stopping, staying = Recording(), Recording()
    reporter = Reporter()
    stop = reporter.listen(stopping)
    reporter.listen(staying)

    reporter.report(EVENT)
    stop()
    stop()
    reporter.report(EVENT)

    assert (stopping.events, staying.events) == ([EVENT], [EVENT, EVENT])


def test_the_same_listener_twice_is_two_listeners():
    listener = Recording()
    reporter = Reporter(listener)
    stop = reporter.listen(listener)

    reporter.report(EVENT)
    stop()
    reporter.report(EVENT)

    assert len(listener.events) == 3


def test_a_listener_may_stop_while_it_is_told():
    seen = Recording()
    reporter = Reporter()
    stop = reporter.listen(lambda _: stop())
    reporter.listen(seen)

    reporter.report(EVENT)

    assert seen.events == [EVENT]


def test_one_that_raises_stops_nobody_and_is_told_of_once():
    raising, seen = Recording(raises=SourceRecovered), Recording()
    reporter = Reporter(raising, seen)

    for _ in range(3):
        reporter.report(EVENT)

    (bug,) = [event for event in seen.events if isinstance(event, BugFound)]
    assert [event for event in seen.events if event is not bug] == [EVENT] * 3
    assert bug.name == "daemon.listener_broke"
    assert str(bug.error) == "not today"
    # The log tells of its own failures, where it failed at one event only.
    assert bug in raising.events
    assert reporter.failures == 3


def test_one_that_always_raises_ends_nothing():
    """Not even when it raises at what is said about it."""
    reporter = Reporter(Recording(raises=object), Recording(raises=object))

    reporter.report(EVENT)
    reporter.report(EVENT)

    assert reporter.failures == 4


def test_each_listener_that_raises_is_told_of():
    seen = Recording()
    reporter = Reporter(Recording(raises=SourceRecovered), Recording(raises=SourceRecovered), seen)

    reporter.report(EVENT)

    assert [type(event) for event in seen.events].count(BugFound) == 2


def test_a_listener_is_called_on_the_thread_that_reports():
    threads = []
    reporter = Reporter(lambda _: threads.append(threading.current_thread()))
    thread = threading.Thread(target=reporter.report, args=[EVENT])

    thread.start()
    thread.join()

    assert threads == [thread]


def test_threads_may_report_while_others_come_and_go():
    """Who listens all the time misses nothing, whoever else begins and stops."""
    always = Recording()
    reporter = Reporter(always)
    gate = threading.Barrier(6)

    def report():
        gate.wait()
        for _ in range(500):
            reporter.report(EVENT)

    def come_and_go():
        gate.wait()
        for _ in range(500):
            reporter.listen(Recording(raises=SourceRecovered))()

    threads = [threading.Thread(target=work) for work in (report, come_and_go) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    others = Recording()
    reporter.listen(others)
    reporter.report(EVENT)

    assert sum(event is EVENT for event in always.events) == 1501
    assert others.events == [EVENT]


def test_the_process_reports_to_the_reporter_that_it_was_handed():
    seen = Recording()

    before = telemetry.use_reporter(Reporter(seen))
    try:
        telemetry.report(EVENT)
    finally:
        telemetry.use_reporter(before)
    telemetry.report(EVENT)

    assert seen.events == [EVENT]
    assert telemetry.reporter() is before


def test_where_the_log_itself_breaks_a_plain_line_says_so_once(capsys):
    def broken(_event):
        raise KeyError("canary")

    reporter = Reporter(broken)
    reporter.report(EVENT)
    reporter.report(EVENT)

    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["event"], found["error"]) == ("daemon.listener_broke", "KeyError")
    assert "canary" not in line


def test_failures_of_reporting_are_counted():
    before = REGISTRY.get_sample_value("webhookd_report_failures_total")

    Reporter(Recording(raises=SourceRecovered)).report(EVENT)

    assert REGISTRY.get_sample_value("webhookd_report_failures_total") == before + 1
