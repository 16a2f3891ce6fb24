"""What is asked of the admin API about changes, records and files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from webhookd.admin.parameters.plain_parameters import BadQuestionError, text_of, time_of
from webhookd.sources.listed_files import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANGES, MOST_CHANGES = 500, 1000
RECORDS, MOST_RECORDS = 10, 50
LISTED_RECORDS, MOST_LISTED_RECORDS = 100, 1000
FILES, MOST_FILES = 50, 200
FOLDER = "failed"
PAGE = ("since", "after", "limit")


def since_of(given: Mapping[str, Any]) -> datetime:
    """Return the time at which to begin, by default the beginning of all."""
    return time_of(given, "since") or datetime.min.replace(tzinfo=UTC)


def folder_of(given: Mapping[str, Any]) -> str | None:
    """Return a folder of a drop directory, which may be left out."""
    folder = text_of(given, "folder")
    if folder not in (None, *FOLDERS):
        raise BadQuestionError(f"folder must be one of {', '.join(FOLDERS)}")
    return folder
