"""Hands every event to everybody who listens.

    a part of the daemon ── report(event) ──► listener 1, listener 2, …, one after the other

Listeners are called on the thread that reports, most of the time the event loop's, before
`report` returns. So a listener

* must not wait, and takes microseconds: attempts wait for it;
* must bear to be called on several threads at once, and has a lock of its own around what it
  changes, or hands the event over (`loop.call_soon_threadsafe`, `queue.SimpleQueue`);
* may raise: the others and the reporting part do not notice. The first error of a listener is
  reported as a bug, all are counted (`webhookd_report_failures_total`);
* may report events itself, but not one for each event it gets: that would never end.

An event is reported to those who listen when `report` is called: one that stops meanwhile, on
another thread, may get that last event.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from webhookd.telemetry import logs, metrics
from webhookd.telemetry.events import BugFound, Event

if TYPE_CHECKING:
    from collections.abc import Callable

Listener: TypeAlias = "Callable[[Event], None]"


class Reporter:
    """Knows who listens, in which order. Every method may be called on every thread."""

    def __init__(self, *listeners: Listener) -> None:
        # Rule: the tuple is never changed, only replaced, under the lock. `report` reads it once
        # and needs no lock.
        self._subscriptions = tuple(_Subscription(listener) for listener in listeners)
        self._lock = threading.Lock()
        self.failures = 0
        """How many times a listener raised an error."""

    def report(self, event: Event) -> None:
        """Tell every listener of *event*, in the order in which they began to listen."""
        for subscription in self._subscriptions:
            try:
                subscription.listener(event)
            except Exception as error:  # noqa: BLE001 - a lane must go on, whoever listens
                self._failed(subscription, error)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with every later event, behind the others; returns what ends that.

        To end it twice does nothing more.
        """
        subscription = _Subscription(listener)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)

        def stop() -> None:
            with self._lock:
                self._subscriptions = tuple(
                    other for other in self._subscriptions if other is not subscription
                )

        return stop

    def _failed(self, subscription: _Subscription, error: Exception) -> None:
        metrics.REPORT_FAILURES.inc()
        with self._lock:
            self.failures += 1
            if subscription.has_failed:
                return
            subscription.has_failed = True
        name = getattr(subscription.listener, "__qualname__", type(subscription.listener).__name__)
        bug = BugFound("daemon.listener_broke", error, {"listener": name})
        # To everybody, this listener as well: it may be the log, which failed at one event only.
        for other in self._subscriptions:
            try:
                other.listener(bug)
            except Exception as another:  # noqa: BLE001 - said once, by what needs no listener
                if other is subscription:
                    kind = type(another).__name__
                    with suppress(Exception):
                        logs.write_plainly("daemon.listener_broke", listener=name, error=kind)


@dataclass(slots=True, eq=False)
class _Subscription:
    listener: Listener
    has_failed: bool = False
