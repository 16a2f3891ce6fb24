"""What polls of an API report to the log; `figures` has what is counted of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.telemetry import events, report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.telemetry.figures import PollFigures


def polled(figures: PollFigures, *, records: int, changes: int, seconds: float) -> None:
    """Report a poll that read all there was to read; loudly where something had changed."""
    report(events.SourcePolled(figures.summary(), changes, records, seconds))


def poll_failed(figures: PollFigures, error: BaseException, *, again_in: float) -> None:
    """Report a poll that came to nothing; what was read before stays."""
    report(events.PollFailed(figures.summary(), str(error), again_in))


def poll_broke(figures: PollFigures, error: BaseException) -> None:
    """Report a bug that ended a poll."""
    report(events.PollBroke(figures.source, figures.object, error))


def poll_recovered(figures: PollFigures) -> None:
    """Report the first poll that went well after some that failed."""
    report(events.PollRecovered(figures.summary()))


def object_refused(figures: PollFigures, error: BaseException, *, again_in: float) -> None:
    """Report that the token may not read a type of object; the others are read on."""
    report(events.ObjectRefused(figures.summary(), str(error), again_in))


def unauthorized(source: str, error: BaseException) -> None:
    """Report that the token is refused: nothing is read until it, or the source, is changed."""
    report(events.SourceUnauthorized(source, str(error)))


def first_read(figures: PollFigures, *, records: int, per_second: float) -> None:
    """Report how far a long first read is."""
    report(events.FirstReadProgressed(figures.summary(), records, per_second))


def first_read_done(figures: PollFigures, *, records: int, seconds: float) -> None:
    """Report that everything there was has been read."""
    report(events.FirstReadDone(figures.summary(), records, seconds))


def properties_missing(figures: PollFigures, names: Iterable[str]) -> None:
    """Report chosen properties that the API does not have."""
    report(events.PropertiesMissing(figures.source, figures.object, tuple(names)))


def properties_taken_over(figures: PollFigures, *, records: int) -> None:
    """Report that known records have been read again for properties asked for the first time."""
    report(events.PropertiesTakenOver(figures.summary(), records))
