"""What polls of an API report to the log; `figures` has what is counted of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.telemetry import bug, metrics
from webhookd.telemetry.logs import log

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.telemetry.figures import PollFigures


def polled(figures: PollFigures, *, records: int, changes: int, seconds: float) -> None:
    """Report a poll that read all there was to read; loudly where something had changed."""
    emit = log.info if changes else log.debug
    emit("source.polled", **_facts(figures), changes=changes, read=records, seconds=_round(seconds))


def poll_failed(figures: PollFigures, error: BaseException, *, again_in: float) -> None:
    """Report a poll that came to nothing; what was read before stays."""
    metrics.SOURCE_ERRORS.labels(figures.source).inc()
    log.error("source.poll_failed", **_facts(figures), error=str(error), again_in=_round(again_in))


def poll_broke(figures: PollFigures, error: BaseException) -> None:
    """Report a bug that ended a poll."""
    metrics.SOURCE_ERRORS.labels(figures.source).inc()
    bug("source.poll_broke", error, source=figures.source, object=figures.object)


def poll_recovered(figures: PollFigures) -> None:
    """Report the first poll that went well after some that failed."""
    log.info("source.poll_recovered", **_facts(figures))


def object_refused(figures: PollFigures, error: BaseException, *, again_in: float) -> None:
    """Report that the token may not read a type of object; the others are read on."""
    log.error(
        "source.object_refused",
        **_facts(figures),
        error=str(error),
        again_in=again_in,
        hint="give the token the scope to read it, or take it out of the configuration",
    )


def unauthorized(source: str, error: BaseException) -> None:
    """Report that the token is refused: nothing is read until it, or the source, is changed."""
    log.error(
        "source.unauthorized",
        source=source,
        error=str(error),
        hint="put the right token in its place and reload; nothing is read until then",
    )


def first_read(figures: PollFigures, *, records: int, per_second: float) -> None:
    """Report how far a long first read is."""
    log.info("source.first_read", **_facts(figures), read=records, per_second=_round(per_second))


def first_read_done(figures: PollFigures, *, records: int, seconds: float) -> None:
    """Report that everything there was has been read."""
    log.info("source.first_read_done", **_facts(figures), read=records, seconds=_round(seconds))


def properties_missing(figures: PollFigures, names: Iterable[str]) -> None:
    """Report chosen properties that the API does not have."""
    log.warning(
        "source.property_missing",
        source=figures.source,
        object=figures.object,
        properties=list(names),
        hint="they are read as empty until they are there",
    )


def properties_taken_over(figures: PollFigures, *, records: int) -> None:
    """Report that known records have been read again for properties asked for the first time."""
    log.info("source.properties_taken_over", **_facts(figures), read=records)


def _facts(figures: PollFigures) -> dict[str, object]:
    return {
        "source": figures.source,
        "object": figures.object,
        "lag_seconds": None if figures.lag_seconds is None else _round(figures.lag_seconds),
        "requests": dict(figures.requests),
        "budget_left": figures.budget_left,
    }


def _round(number: float) -> float:
    return round(number, 3)
