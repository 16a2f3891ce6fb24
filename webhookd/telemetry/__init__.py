"""What the daemon says about itself: `report` an event of `events`, and those who listen get it.

Nobody listens before the process hands over its reporter (`use_reporter`): the daemon's has
`metric_counts`, then `log_lines`. Others are added with `reporter().listen(...)`, without touching
the places that report. `logs` is where log lines go, `metrics` what a scrape shows, `figures` what
polls count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from webhookd.telemetry.events import Event

__all__ = ["report", "reporter", "use_reporter"]

_reporter = Reporter()


def report(event: Event) -> None:
    """Hand *event* to everybody who listens; never raises, on any thread."""
    _reporter.report(event)


def reporter() -> Reporter:
    """Return the reporter of this process."""
    return _reporter


def use_reporter(another: Reporter) -> Reporter:
    """Have *another* be the reporter of this process from now on; returns the one before."""
    global _reporter
    before, _reporter = _reporter, another
    return before
