"""Small files that wait together: opened, taken and put away in three transactions for all of them.

A file of one row would else cost as much as thousands of rows: each step of its way waits for the
disk. The steps and their order are those of one file (`ingest`), each made for all before the next,
so every crash is as harmless; what was opened and not finished is then gone on with one by one. A
file that is anything but small and good is taken alone, when those before it are done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from webhookd.errors import NotHeldError
from webhookd.model import Batch, ClaimedFile, FilesProgress
from webhookd.sources.directory.file_endings import FileEndings, ReadFile
from webhookd.sources.directory.put_away_files import look_of
from webhookd.sources.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from webhookd.model import Observation
    from webhookd.sources.directory.folders import Claim
    from webhookd.sources.directory.older_files import OlderFiles
    from webhookd.sources.directory.openings import Openings
    from webhookd.sources.directory.put_away_files import FileLook
    from webhookd.sources.directory.reader import FileReader
    from webhookd.sources.source import FileLedger, Ingest
    from webhookd.sources.storage_retry import StorageRetry

MOST_FILES: Final = 100
"""Files that are taken together at the most: the first one's changes wait for the last one."""

MOST_BYTES: Final = 1 << 20
"""Bytes of all of them."""

SMALL: Final = 1 << 16
"""Bytes of a file that may be taken with others."""

_MOST_ROWS: Final = 500


class _WholeFile(NamedTuple):
    """A file that was read to its end, all of it good; *look* is from before it was read."""

    read: ReadFile
    observations: tuple[Observation, ...]
    look: FileLook | None


class Alone(Protocol):
    """Takes files one by one."""

    def open_file(self, claim: Claim, file: ClaimedFile) -> FileReader:
        """Open a claimed file."""

    async def go_on(self, claim: Claim, file: ClaimedFile) -> None:
        """Take a file that was opened, and looked into, as one of several."""


class SmallFiles:
    """Takes small files of one drop directory together; *alone* takes those that are not."""

    def __init__(  # noqa: PLR0913 - the parts that it is joined to
        self,
        source: str,
        ingest: Ingest,
        ledger: FileLedger,
        *,
        endings: FileEndings,
        older_files: OlderFiles,
        openings: Openings,
        storage_retry: StorageRetry,
        alone: Alone,
        monotonic: Callable[[], float],
    ) -> None:
        self._source = source
        self._ingest = ingest
        self._ledger = ledger
        self._endings = endings
        self._older_files = older_files
        self._stored = storage_retry.until_stored
        self._openings = openings
        self._alone = alone
        self._monotonic = monotonic
        # The reader at work and whether it is to stop; the thread that reads sets the first.
        self._reader: FileReader | None = None
        self._is_stopping = False

    async def take(self, claims: Sequence[Claim]) -> None:
        """Take the files of new *claims*, in their order.

        OSError when one cannot be put away: all else that is wrong with one ends in `failed/`.
        """
        started = self._monotonic()
        named = [(claim.id, claim.name) for claim in claims]
        left = deque(
            (claim, ClaimedFile(self._source, claim.id, claim.name, openings=1)) for claim in claims
        )
        self._openings.count([claim.id for claim in claims])
        try:
            await self._stored(lambda: self._ledger.open_all(self._source, named))
            while left:
                whole, is_next_odd = await self._read(left)
                if whole:
                    await self._take_together(whole, started)
                    for _ in whole:
                        self._openings.keep(left.popleft()[0].id)
                if is_next_odd:
                    await self._alone.go_on(*left[0])
                    self._openings.keep(left.popleft()[0].id)
        except (asyncio.CancelledError, OSError, NotHeldError):
            # They are left in good order: their opening was no crash.
            await self._openings.take_back([claim.id for claim, _ in left], self._ledger)
            raise
        except Exception:
            # A bug that one brings out must not hold up the others for ever: each is gone on with
            # alone, and the one that it is sooner or later set aside.
            for claim, _ in left:
                self._openings.keep(claim.id)
            raise

    async def _read(
        self, left: Iterable[tuple[Claim, ClaimedFile]]
    ) -> tuple[list[_WholeFile], bool]:
        """Return the first of the files that are *left*: as many as are small and good.

        The second result says that the one behind them is not.
        """
        self._is_stopping = False
        return await in_thread(partial(self._read_whole, list(left)), on_cancel=self._stop)

    def _stop(self) -> None:
        """Have the reading thread return soon; the event loop calls it."""
        self._is_stopping = True
        if self._reader is not None:
            self._reader.stop()

    def _read_whole(
        self, left: Iterable[tuple[Claim, ClaimedFile]]
    ) -> tuple[list[_WholeFile], bool]:
        """Read files to their end, on a thread, until one is not small and good."""
        found: list[_WholeFile] = []
        rows = 0
        for claim, file in left:
            if self._is_stopping or rows >= _MOST_ROWS:
                break
            look = look_of(claim.file)
            with closing(self._alone.open_file(claim, file)) as reader:
                self._reader = reader
                if self._is_stopping:
                    # Since the look at the head of the loop: `_stop` stopped the reader before.
                    reader.stop()
                portion = reader.portion()
            is_good = portion.is_last and portion.broken is None and not portion.bad_rows
            if claim.file is None or not is_good or portion.is_outdated:
                return found, True
            rows += len(portion.rows)
            taken = replace(file, rows_taken=len(portion.rows), is_finished=True)
            read = ReadFile(claim, taken, reader.gauge.seen[0])
            found.append(_WholeFile(read, portion.observations, look))
        return found, False

    async def _take_together(self, whole: Sequence[_WholeFile], started: float) -> None:
        await self._older_files.warn((one.read.claim.name, one.look) for one in whole)
        progress = FilesProgress(self._source, tuple(one.read.file.progress() for one in whole))
        observations = tuple(seen for one in whole for seen in one.observations)
        batch = Batch(self._source, observations, progress)
        await self._stored(partial(self._ingest, batch))
        reads = [one.read for one in whole]
        await self._endings.finish_all(reads, seconds=self._monotonic() - started)
