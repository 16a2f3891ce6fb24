"""Looks at the headers of files, which drift: columns come, go and lose their names."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from webhookd.model import SnapshotPhase
from webhookd.telemetry.events import (
    FileColumnsIgnored,
    FileColumnsRepeated,
    FileHeaderRepeated,
    FilePropertyMissing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.model import ClaimedFile
    from webhookd.rules.usage import Used
    from webhookd.sources.formats.csv_header import Header
    from webhookd.sources.source import Report


MOST_TOLD: Final = 10
"""Columns and names of one kind that are told of a file: a header may have half a million."""

_LONGEST_SHOWN: Final = 300


class Columns:
    """Warns of columns that are missed or ignored.

    *used* gives the properties that webhooks on the source use now. One that a file lacks is
    told of once, and again only when it was there meanwhile.
    """

    def __init__(self, source: str, report: Report, *, used: Callable[[], Used]) -> None:
        self._source = source
        self._report = report
        self._used = used
        self._missing: frozenset[str] = frozenset()

    def check(self, file: ClaimedFile, header: Header, *, is_partial: bool, is_again: bool) -> None:
        """Look at the *header* of *file*; partial rows may lack what they like.

        *is_again* says that it was looked at a moment ago, and what is odd about it told.
        BrokenFileError when several columns have a name that a webhook needs.
        """
        used = self._used()
        header.check_repeated(used)
        if not (is_again or _was_looked_at(file)):
            unnamed = header.unnamed
            if unnamed:
                self._report(
                    FileColumnsIgnored(
                        self._source, file.name, columns=unnamed[:MOST_TOLD], count=len(unnamed)
                    )
                )
            for name, columns in islice(header.repeated.items(), MOST_TOLD):
                self._report(
                    FileColumnsRepeated(
                        self._source,
                        file.name,
                        name[:_LONGEST_SHOWN],
                        columns[:MOST_TOLD],
                        count=len(columns),
                    )
                )
        if is_partial:
            return
        missing = used.names - header.known
        for one in sorted(missing - self._missing):
            self._report(FilePropertyMissing(self._source, file.name, property=one))
        self._missing = missing

    def repetition(self, file: ClaimedFile, *, is_again: bool) -> Callable[[int], None]:
        """Return what is to be told of each line in which the header of *file* stands again.

        The first of them is reported.
        """
        has_reported = is_again or _was_looked_at(file)

        def report_once(line: int) -> None:
            nonlocal has_reported
            if not has_reported:
                self._report(FileHeaderRepeated(self._source, file.name, line=line))
            has_reported = True

        return report_once


def _was_looked_at(file: ClaimedFile) -> bool:
    cursor = file.snapshot
    is_read_again = cursor is not None and cursor.phase is not SnapshotPhase.COUNTING
    return is_read_again or file.rows_taken > 0
