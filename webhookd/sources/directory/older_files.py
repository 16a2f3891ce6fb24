"""Files that are older than the one that was taken before them: what they say may be outdated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from webhookd.model import LatestFile
from webhookd.telemetry.events import FileOlder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.sources.directory.put_away_files import FileLook
    from webhookd.sources.source import FileLedger, Report
    from webhookd.sources.storage_retry import StorageRetry

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OlderFiles:
    """Warns of such files of the source *name*, once each."""

    def __init__(
        self, name: str, ledger: FileLedger, report: Report, storage_retry: StorageRetry
    ) -> None:
        self._name = name
        self._ledger = ledger
        self._report = report
        self._stored = storage_retry.until_stored
        self._latest: LatestFile | None = None
        self._is_known = False

    def forget(self) -> None:
        """Look into the database again, as another daemon may have taken files meanwhile."""
        self._is_known = False

    def taken(self, latest: LatestFile) -> None:
        """Note the file that was taken last; whoever calls it has it stored."""
        self._latest, self._is_known = latest, True

    async def warn(self, found: Iterable[tuple[str, FileLook | None]]) -> None:
        """Report each of the files that are now taken if it is older than the one before it.

        They are given by name and what they look like, None where one is gone.
        """
        if not self._is_known:
            self._latest = await self._stored(lambda: self._ledger.latest(self._name))
            self._is_known = True
        latest = self._latest
        for name, look in found:
            if look is None:
                continue
            if latest is not None and look.modified < latest.modified:
                self._warn(name, look, latest)
            latest = LatestFile(self._name, name, look.modified)

    def _warn(self, name: str, look: FileLook, latest: LatestFile) -> None:
        self._report(
            FileOlder(
                self._name,
                name,
                modified_at=_time(look.modified),
                taken_before=latest.name,
                taken_modified_at=_time(latest.modified),
            )
        )


def _time(nanoseconds: int) -> str:
    """Return a time as text; a file's may lie outside of the years that datetime knows."""
    try:
        moment = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return f"{nanoseconds // 10**9} s after 1970"
    return moment.isoformat(timespec="milliseconds")
