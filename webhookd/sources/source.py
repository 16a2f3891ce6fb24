"""What a source is, and what it needs from the rest of the daemon.

A new kind of source implements `Source`. It hands what it read to `Take`, one batch at a time,
and says what happened through `Reports`; a source of files remembers them in a `FileLedger`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from webhookd.model import Batch

if TYPE_CHECKING:
    from webhookd.model import BadRow, ClaimedFile

Take: TypeAlias = Callable[[Batch], Awaitable[None]]
"""Take a batch whole: returns when it is committed durably.

Raises StorageError when nothing was taken; the same batch is then handed over again.
"""


class Source(Protocol):
    """Reads records until it is cancelled."""

    @property
    def name(self) -> str:
        """Return the key of the source in the configuration."""

    async def prepare(self) -> None:
        """Create what producers need, once, before the first `run`; may raise SourceError."""

    async def run(self) -> None:
        """Read until cancelled; SourceError when the source as a whole cannot work."""


class FileLedger(Protocol):
    """What is remembered of claimed files. Every method may raise StorageError."""

    async def claims(self, source: str) -> tuple[ClaimedFile, ...]:
        """Return the claimed files of *source* that are not forgotten."""

    async def open(self, source: str, claim: str, name: str) -> ClaimedFile:
        """Count and commit one more opening of a file, new or known, and return its row.

        Committed progress sets the count of openings back to zero.
        """

    async def rest(self, claim: str) -> None:
        """Set the openings to zero: the file was left in good order; an unknown one is no error."""

    async def bad_rows(self, claim: str, limit: int) -> tuple[BadRow, ...]:
        """Return the first *limit* bad rows of a file, in file order."""

    async def forget(self, claim: str) -> None:
        """Forget a file and its bad rows; an unknown one is no error."""

    async def has_started(self, source: str) -> bool:
        """Return whether a first file of *source* was ever finished."""


class Reports(Protocol):
    """Takes note of what happened in a source, for logs and metrics.

    Names of files come in printable form. Each trouble is reported once, not at every try.
    """

    def file_claimed(self, source: str, name: str, *, claim: str) -> None:
        """Note that a file was moved from `new/` to `work/`, or found there at a restart."""

    def file_done(self, source: str, name: str, *, rows: int, seconds: float) -> None:
        """Note that every row of a file was taken."""

    def file_failed(
        self, source: str, name: str, *, reason: str, rows: int, bad_rows: int, error_file: str
    ) -> None:
        """Note that a file went to `failed/`; *rows* were taken, *error_file* says the rest."""

    def file_growing(self, source: str, name: str) -> None:
        """Note that a file seems to be written in place, and is left until it stands still."""

    def file_ignored(self, source: str, name: str, *, reason: str) -> None:
        """Note that a file is left where it is."""

    def disk_low(self, source: str, *, free: int, needed: int) -> None:
        """Note that no file is claimed because *free* bytes are fewer than *needed*."""

    def disk_recovered(self, source: str) -> None:
        """Note that files are claimed again after `disk_low`."""

    def storage_waiting(self, source: str, *, reason: str) -> None:
        """Note that the database refuses, and that the source waits for it."""

    def source_unreadable(self, source: str, *, reason: str) -> None:
        """Note that the source cannot be read now; it is tried again."""

    def source_recovered(self, source: str) -> None:
        """Note that the source can be read again after `source_unreadable`."""

    def source_unwatched(self, source: str, *, reason: str) -> None:
        """Note that no wake-ups come: files are found by scanning only."""
