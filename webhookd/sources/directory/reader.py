"""Reads a claimed file in portions; all of it runs in a thread, never on the event loop."""

from __future__ import annotations

import gzip
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from webhookd.model import BadRow, Observation
from webhookd.sources.directory.streams import Gauge, open_claimed
from webhookd.sources.formats import formats
from webhookd.sources.formats.rows import BrokenFileError, observer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from webhookd.definitions import DirectorySource
    from webhookd.sources.formats.csv_header import Header
    from webhookd.sources.formats.rows import Row

_MOST_ROWS: Final = 500
_MOST_BYTES: Final = 1 << 20
_LONGEST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Portion:
    """The next rows of a file: no more after them when *is_last*, or when it is *broken*.

    *lines* are the lines in which the *rows* start.
    """

    rows: tuple[Observation | BadRow, ...]
    lines: tuple[int, ...]
    is_last: bool = False
    broken: BrokenFileError | None = None

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Return the records of the good rows."""
        return tuple(row for row in self.rows if isinstance(row, Observation))

    @property
    def bad_rows(self) -> tuple[BadRow, ...]:
        """Return the bad rows."""
        return tuple(row for row in self.rows if isinstance(row, BadRow))


class FileReader:
    """Reads one file of a drop directory from behind the rows already taken."""

    def __init__(
        self,
        path: Path,
        settings: DirectorySource,
        *,
        rows_taken: int,
        is_partial: bool,
        saw_header: Callable[[Header], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._path = path
        self._settings = settings
        self._monotonic = monotonic
        self._saw_header = saw_header
        self._stopping = threading.Event()
        self._observe = observer(settings.object, settings.id_property, is_partial=is_partial)
        self._rows = self._read(rows_taken)
        self.gauge = Gauge()

    def portion(self) -> Portion:
        """Read on for a moment. Rows before the place where a file breaks are kept."""
        rows: list[Observation | BadRow] = []
        lines: list[int] = []
        is_last, broken = False, None
        try:
            is_last = self._collect(rows, lines)
        except BrokenFileError as error:
            broken = error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            broken = BrokenFileError(f"the gzip data are cut or damaged: {error}")
        except OSError as error:
            broken = BrokenFileError(f"the file cannot be read: {error.strerror or error}")
        return Portion(tuple(rows), tuple(lines), is_last, broken)

    def stop(self) -> None:
        """Make a portion that is being read end soon; its rows are lost to its reader."""
        self._stopping.set()

    def close(self) -> None:
        """Close the file."""
        self._stopping.set()
        # Cancelled twice, a thread may still be reading: it closes the file when it stops.
        with suppress(ValueError):
            self._rows.close()

    def _read(self, rows_taken: int) -> Generator[Row | BadRow, None, None]:
        settings = self._settings
        with open_claimed(self._path, self._stopping, self._monotonic, self.gauge) as stream:
            found = formats.format_of(self._path.name, settings.format)
            every = formats.rows(stream, found, settings.id_property, self._saw_header)
            yield from islice(every, rows_taken, None)

    def _collect(self, rows: list[Observation | BadRow], lines: list[int]) -> bool:
        """Fill the lists; return whether the end was reached."""
        observe, monotonic = self._observe, self._monotonic
        size, until = 0, monotonic() + _LONGEST
        for row in self._rows:
            lines.append(row.line)
            if isinstance(row, BadRow):
                rows.append(row)
            else:
                rows.append(observe(row))
                size += row.size
            if len(rows) >= _MOST_ROWS or size >= _MOST_BYTES or monotonic() >= until:
                return False
        return True
