"""Reads a claimed file in portions; all of it runs in a thread, never on the event loop."""

from __future__ import annotations

import os
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from webhookd.model import BadRow, Observation
from webhookd.sources.directory.streams import (
    Gauge,
    Reading,
    ReadingStoppedError,
    open_claimed,
)
from webhookd.sources.formats import formats
from webhookd.sources.formats.record_ids import IdRule
from webhookd.sources.formats.rows import BrokenFileError, observer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from webhookd.definitions import DirectorySource
    from webhookd.sources.formats.csv_header import Header
    from webhookd.sources.formats.rows import Row

_ReadRow: TypeAlias = "tuple[int, Observation | BadRow]"
"""A row and the line in which it starts."""

_MOST_ROWS: Final = 500
_MOST_BYTES: Final = 1 << 20
_LONGEST: Final = 0.05

MOST_BAD_ROWS: Final = 10_000
"""So many bad rows in a row say that the file is something else; it is not read on."""


@dataclass(frozen=True, slots=True)
class Portion:
    """The next rows of a file: no more after them when *is_last*, or when it is *broken*.

    *lines* are the lines in which the *rows* start. *is_outdated* says of the end that the file
    is no longer as it was there: what ended it may be half a row.
    """

    rows: tuple[Observation | BadRow, ...]
    lines: tuple[int, ...]
    is_last: bool = False
    broken: BrokenFileError | None = None
    is_outdated: bool = False

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Return the records of the good rows."""
        return tuple(row for row in self.rows if isinstance(row, Observation))

    @property
    def bad_rows(self) -> tuple[BadRow, ...]:
        """Return the bad rows."""
        return tuple(row for row in self.rows if isinstance(row, BadRow))


@dataclass(frozen=True, slots=True)
class Sightings:
    """What to call for a file's header, for a line that repeats it, and for a file of 0 bytes."""

    header: Callable[[Header], None]
    repeated_header: Callable[[int], None]
    nothing: Callable[[], None]


class FileReader:
    """Reads one file of a drop directory from behind the rows already taken."""

    def __init__(
        self,
        path: Path,
        settings: DirectorySource,
        *,
        rows_taken: int,
        is_partial: bool,
        sightings: Sightings,
        is_local: bool,
        monotonic: Callable[[], float],
    ) -> None:
        self._path = path
        self._settings = settings
        self._monotonic = monotonic
        self._sightings = sightings
        self._stopping = threading.Event()
        self._observe = observer(
            settings.object, IdRule(settings.id_property, settings.id_text), is_partial=is_partial
        )
        self._rows = self._read(rows_taken)
        self._held: _ReadRow | None = None
        self._bad_in_a_row = 0
        self.gauge = Gauge()
        self._reading = Reading(
            self._stopping, monotonic, self.gauge, settings.settle.total_seconds(), is_local
        )

    def portion(self) -> Portion:
        """Read on for a moment. Rows before the place where a file breaks are kept."""
        found: list[_ReadRow] = []
        is_last, broken = False, None
        try:
            is_last = self._collect(found)
        except BrokenFileError as error:
            broken = error
        except (EOFError, zlib.error) as error:
            broken = BrokenFileError(f"the gzip data are cut or damaged: {error}")
        except OSError as error:
            broken = BrokenFileError(f"the file cannot be read: {error.strerror or error}")
        is_end = is_last or broken is not None
        if is_end and self._held is not None:
            found.append(self._held)
        lines, rows = tuple(line for line, _ in found), tuple(row for _, row in found)
        return Portion(rows, lines, is_last, broken, is_end and self._is_outdated())

    def stop(self) -> None:
        """Make a portion that is being read end soon; its rows are lost to its reader."""
        self._stopping.set()

    def close(self) -> None:
        """Close the file."""
        self._stopping.set()
        # Cancelled twice, a thread may still be reading: it closes the file when it stops.
        with suppress(ValueError):
            self._rows.close()

    def _is_outdated(self) -> bool:
        """Return whether the file is not as it was at its end, or at the opening if it broke."""
        try:
            found = os.lstat(self._path)
        except OSError:
            return False
        return self.gauge.seen not in {(0, 0), (found.st_size, found.st_mtime_ns)}

    def _read(self, rows_taken: int) -> Generator[Row | BadRow, None, None]:
        settings, gauge = self._settings, self.gauge
        with open_claimed(self._path, self._reading) as (stream, name):
            if not gauge.size:
                self._sightings.nothing()
            found = formats.format_of(name, settings.format)
            every = formats.rows(
                stream,
                found,
                settings.id_property,
                self._sightings.header,
                saw_repeated_header=self._sightings.repeated_header,
                is_list=settings.content == "snapshot",
                csv=settings.csv,
                json=settings.json,
            )
            for _ in islice(every, rows_taken):
                gauge.met_row()
                if self._stopping.is_set():
                    raise ReadingStoppedError
            yield from every

    def _collect(self, found: list[_ReadRow]) -> bool:
        """Fill the list; return whether the end was reached.

        The last row that was read is held back: at the end of a file that still grows it may be
        half of one, and the end shows only after it.
        """
        observe, monotonic, gauge = self._observe, self._monotonic, self.gauge
        size, until = 0, monotonic() + _LONGEST
        for row in self._rows:
            gauge.met_row()
            if self._held is not None:
                found.append(self._held)
            if isinstance(row, BadRow):
                seen: Observation | BadRow = row
            else:
                seen = observe(row)
                size += row.size
            self._held = (row.line, seen)
            if isinstance(seen, BadRow):
                self._count_bad_row(row.line)
            else:
                self._bad_in_a_row = 0
            if found and (len(found) >= _MOST_ROWS or size >= _MOST_BYTES or monotonic() >= until):
                return False
        return True

    def _count_bad_row(self, line: int) -> None:
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= MOST_BAD_ROWS:
            raise BrokenFileError(
                f"{MOST_BAD_ROWS} rows in a row are bad; the rest was not read", line, 1
            )
