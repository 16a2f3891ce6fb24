"""What sources report."""

from __future__ import annotations

from webhookd.telemetry import metrics
from webhookd.telemetry.logs import log


def batch_taken(source: str, observations: int, changes: int, deliveries: int) -> None:
    """Report a batch that is committed."""
    metrics.SOURCE_ROWS.labels(source).inc(observations)
    metrics.SOURCE_CHANGES.labels(source).inc(changes)
    metrics.SOURCE_SUCCESS.labels(source).set_to_current_time()
    log.debug(
        "source.read",
        source=source,
        observations=observations,
        changes=changes,
        deliveries=deliveries,
    )


def source_failed(source: str, error: BaseException, again_in: float) -> None:
    """Report that a source cannot be read now."""
    metrics.SOURCE_ERRORS.labels(source).inc()
    log.error("source.failed", source=source, error=str(error), again_in=again_in)


def source_elsewhere(source: str, host: str, this_host: str) -> None:
    """Report that a source is left to the daemon of another host, and forget what it was here."""
    metrics.forget_sources({source})
    log.info("source.elsewhere", source=source, host=host, this_host=this_host)


class SourceReports:
    """Log lines for what happens in sources."""

    def file_claimed(self, source: str, name: str, *, claim: str) -> None:
        """Report that a file is being taken."""
        log.info("file.claimed", source=source, file=name, claim=claim)

    def file_progressed(
        self,
        source: str,
        name: str,
        *,
        doing: str,
        rows: int,
        rows_per_second: float,
        seconds_left: float | None,
    ) -> None:
        """Report how far a long file is."""
        left = {} if seconds_left is None else {"seconds_left": round(seconds_left)}
        log.info(
            "file.progressed",
            source=source,
            file=name,
            doing=doing,
            rows=rows,
            rows_per_second=round(rows_per_second),
            **left,
        )

    def file_done(
        self, source: str, name: str, *, rows: int, deletions: int | None, seconds: float
    ) -> None:
        """Report that every row of a file was taken."""
        more = {} if deletions is None else {"deletions": deletions}
        log.info(
            "file.taken", source=source, file=name, rows=rows, seconds=round(seconds, 3), **more
        )

    def columns_ignored(self, source: str, name: str, *, columns: tuple[int, ...]) -> None:
        """Report columns that are left out because the header gives them no name."""
        log.warning("file.columns_ignored", source=source, file=name, columns=list(columns))

    def property_missing(self, source: str, name: str, *, missing: str) -> None:
        """Report a property that webhooks use and a file has no column for."""
        hint = "it has no value in these records; was the column renamed?"
        log.warning("file.property_missing", source=source, file=name, property=missing, hint=hint)

    def file_failed(
        self, source: str, name: str, *, reason: str, rows: int, bad_rows: int, error_file: str
    ) -> None:
        """Report that a file, or rows of it, could not be taken."""
        metrics.SOURCE_BAD_ROWS.labels(source).inc(bad_rows)
        log.error(
            "file.failed",
            source=source,
            file=name,
            reason=reason,
            rows=rows,
            bad_rows=bad_rows,
            error_file=error_file,
        )

    def file_growing(self, source: str, name: str) -> None:
        """Report a file that is written in place; it is left until it stands still."""
        hint = "write to tmp/ and rename to new/"
        log.warning("file.growing", source=source, file=name, hint=hint)

    def file_ignored(self, source: str, name: str, *, reason: str) -> None:
        """Report a file that is left where it is."""
        log.warning("file.ignored", source=source, file=name, reason=reason)

    def disk_low(self, source: str, *, free: int, needed: int) -> None:
        """Report that nothing is claimed because the disk is nearly full."""
        log.error("disk.ran_low", source=source, free_bytes=free, needed_bytes=needed)

    def disk_recovered(self, source: str) -> None:
        """Report that there is room again."""
        log.info("disk.recovered", source=source)

    def storage_waiting(self, source: str, *, reason: str) -> None:
        """Report that a source waits for the database."""
        log.error("source.blocked", source=source, reason=reason)

    def source_unreadable(self, source: str, *, reason: str) -> None:
        """Report that a source cannot be read now; it is tried again."""
        metrics.SOURCE_ERRORS.labels(source).inc()
        log.error("source.unreadable", source=source, reason=reason)

    def source_recovered(self, source: str) -> None:
        """Report that a source can be read again."""
        log.info("source.recovered", source=source)

    def source_unwatched(self, source: str, *, reason: str) -> None:
        """Report that files are found by scanning only."""
        log.warning("source.unwatched", source=source, reason=reason)
