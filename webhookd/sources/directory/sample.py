"""One record from a file, read as the source would: for trying a webhook out."""

from __future__ import annotations

import threading
import zlib
from typing import TYPE_CHECKING

from webhookd import clock
from webhookd.errors import SourceError
from webhookd.model import BadRow
from webhookd.sources.directory.streams import Reading, open_claimed
from webhookd.sources.formats import formats
from webhookd.sources.formats.record_ids import IdRule
from webhookd.sources.formats.rows import BrokenFileError, observer

if TYPE_CHECKING:
    from pathlib import Path

    from webhookd.definitions import DirectorySource
    from webhookd.model import Observation
    from webhookd.rules.usage import Used


def read_first(path: Path, settings: DirectorySource, used: Used) -> Observation:
    """Return the first record in *path*; SourceError says why there is none.

    It is for webhooks by which these properties are *used*.
    """
    try:
        reading = Reading(threading.Event(), clock.monotonic)
        with open_claimed(path, reading) as (stream, name):
            rows = formats.rows(
                stream,
                formats.format_of(name, settings.format),
                settings.id_property,
                lambda header: header.check_repeated(used),
                csv=settings.csv,
                json=settings.json,
            )
            row = next(rows, None)
    except BrokenFileError as error:
        place = f":{error.line}:{error.column or 1}" if error.line else ""
        raise SourceError(f"{path}{place}: {error.reason}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from None
    if row is None:
        raise SourceError(f"{path}: there is no record in it")
    # As partial, so that it is known what the row has and leaves empty.
    rule = IdRule(settings.id_property, settings.id_text)
    observe = observer(settings.object, rule, is_partial=True)
    seen = row if isinstance(row, BadRow) else observe(row)
    if isinstance(seen, BadRow):
        raise SourceError(f"{path}:{seen.line}:{seen.column}: {seen.reason}")
    return seen


def names_in(seen: Observation) -> frozenset[str]:
    """Return the names of the properties of a record that `read_first` read, empty ones too."""
    return frozenset(seen.properties) | seen.cleared
