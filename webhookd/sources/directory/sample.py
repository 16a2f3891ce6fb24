"""Records from a file, read as the source would: for trying a webhook out, and to see them."""

from __future__ import annotations

import threading
import zlib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.definitions import DirectorySource
from webhookd.errors import SourceError
from webhookd.model import BadRow
from webhookd.rules.usage import NOTHING
from webhookd.sources.directory.streams import Reading, open_claimed
from webhookd.sources.formats import formats
from webhookd.sources.formats.record_ids import IdRule
from webhookd.sources.formats.rows import BrokenFileError, observer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.definitions import Source
    from webhookd.model import Observation
    from webhookd.rules.usage import Used


def read_first(path: Path, settings: DirectorySource, used: Used) -> Observation:
    """Return the first record in *path*; SourceError says why there is none.

    It is for webhooks by which these properties are *used*.
    """
    seen = next(_observed(path, settings, used), None)
    if seen is None:
        raise SourceError(f"{path}: there is no record in it")
    if isinstance(seen, BadRow):
        raise SourceError(f"{path}:{seen.line}:{seen.column}: {seen.reason}")
    return seen


def read_some(
    path: Path, settings: DirectorySource, limit: int
) -> tuple[list[Observation], list[BadRow]]:
    """Return the records of the first *limit* rows in *path*, and the rows that are bad.

    Raises SourceError where the file cannot be read.
    """
    rows = list(islice(_observed(path, settings, NOTHING), limit))
    return [one for one in rows if not isinstance(one, BadRow)], [
        one for one in rows if isinstance(one, BadRow)
    ]


def reading_of(source: Source | None, name: str, object_: str) -> DirectorySource:
    """Return how a file is read that holds records *object_* of the source *name*.

    As its own files, where the *source* has some; as any, where it has none or is unknown.
    """
    return source if isinstance(source, DirectorySource) else DirectorySource(name, Path(), object_)


def _observed(path: Path, settings: DirectorySource, used: Used) -> Iterator[Observation | BadRow]:
    # As partial, so that it is known what a row has and leaves empty.
    rule = IdRule(settings.id_property, settings.id_text)
    observe = observer(settings.object, rule, is_partial=True)
    try:
        reading = Reading(threading.Event(), clock.monotonic)
        with open_claimed(path, reading) as (stream, name):
            for row in formats.rows(
                stream,
                formats.format_of(name, settings.format),
                settings.id_property,
                lambda header: header.check_repeated(used),
                csv=settings.csv,
                json=settings.json,
            ):
                yield row if isinstance(row, BadRow) else observe(row)
    except BrokenFileError as error:
        place = f":{error.line}:{error.column or 1}" if error.line else ""
        raise SourceError(f"{path}{place}: {error.reason}") from None
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise SourceError(f"{path}: cannot be read: {why}") from None


def names_in(seen: Observation) -> frozenset[str]:
    """Return the names of the properties of a record that `read_first` read, empty ones too."""
    return frozenset(seen.properties) | seen.cleared
