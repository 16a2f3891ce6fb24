"""What sources report."""

from __future__ import annotations

from webhookd.telemetry import events, report


def batch_taken(source: str, observations: int, changes: int, deliveries: int) -> None:
    """Report a batch that is committed."""
    report(events.BatchTaken(source, observations, changes, deliveries))


def source_failed(source: str, error: BaseException, again_in: float) -> None:
    """Report that a source cannot be read now."""
    report(events.SourceFailed(source, str(error), again_in))


def source_elsewhere(source: str, host: str, this_host: str) -> None:
    """Report that a source is left to the daemon of another host, and forget what it was here."""
    report(events.SourceElsewhere(source, host, this_host))


class SourceReports:
    """Log lines for what happens in sources."""

    def file_claimed(self, source: str, name: str, *, claim: str) -> None:
        """Report that a file is being taken."""
        report(events.FileClaimed(source, name, claim))

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
        report(events.FileProgressed(source, name, doing, rows, rows_per_second, seconds_left))

    def file_done(
        self, source: str, name: str, *, rows: int, deletions: int | None, seconds: float
    ) -> None:
        """Report that every row of a file was taken."""
        report(events.FileTaken(source, name, rows, seconds, deletions))

    def columns_ignored(self, source: str, name: str, *, columns: tuple[int, ...]) -> None:
        """Report columns that are left out because the header gives them no name."""
        report(events.FileColumnsIgnored(source, name, columns))

    def property_missing(self, source: str, name: str, *, missing: str) -> None:
        """Report a property that webhooks use and a file has no column for."""
        report(events.FilePropertyMissing(source, name, missing))

    def file_failed(
        self, source: str, name: str, *, reason: str, rows: int, bad_rows: int, error_file: str
    ) -> None:
        """Report that a file, or rows of it, could not be taken."""
        report(events.FileFailed(source, name, reason, rows, bad_rows, error_file))

    def file_growing(self, source: str, name: str) -> None:
        """Report a file that is written in place; it is left until it stands still."""
        report(events.FileGrowing(source, name))

    def file_ignored(self, source: str, name: str, *, reason: str) -> None:
        """Report a file that is left where it is."""
        report(events.FileIgnored(source, name, reason))

    def disk_low(self, source: str, *, free: int, needed: int) -> None:
        """Report that nothing is claimed because the disk is nearly full."""
        report(events.DiskRanLow(source, free, needed))

    def disk_recovered(self, source: str) -> None:
        """Report that there is room again."""
        report(events.DiskRecovered(source))

    def storage_waiting(self, source: str, *, reason: str) -> None:
        """Report that a source waits for the database."""
        report(events.SourceBlocked(source, reason))

    def source_unreadable(self, source: str, *, reason: str) -> None:
        """Report that a source cannot be read now; it is tried again."""
        report(events.SourceUnreadable(source, reason))

    def source_recovered(self, source: str) -> None:
        """Report that a source can be read again."""
        report(events.SourceRecovered(source))

    def source_unwatched(self, source: str, *, reason: str) -> None:
        """Report that files are found by scanning only."""
        report(events.SourceUnwatched(source, reason))
