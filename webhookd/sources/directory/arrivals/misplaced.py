"""Things dropped beside the folders of a drop directory, not into `new/`: nobody takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.sources.directory.names import printable, why_ignored
from webhookd.telemetry.events import FileMisplaced

if TYPE_CHECKING:
    from webhookd.definitions import DirectorySource
    from webhookd.sources.directory.folders import Folders
    from webhookd.sources.source import Report

_OF_FILESYSTEMS: Final = frozenset({"lost+found"})


class MisplacedFiles:
    """Warns of each name in the root of a drop directory, once while it is there."""

    def __init__(self, settings: DirectorySource, folders: Folders, report: Report) -> None:
        self._settings = settings
        self._folders = folders
        self._report = report
        self._known: set[str] = set()

    def warn(self, found: list[str]) -> None:
        """Report those of the names *found* that are there for the first time."""
        names = {name for name in found if not self._is_at_home(name)}
        for name in sorted(names - self._known):
            self._report(FileMisplaced(self._settings.name, printable(name)))
        self._known = names

    def _is_at_home(self, name: str) -> bool:
        is_unfinished = why_ignored(name, self._settings.ignore) is not None
        return is_unfinished or name.startswith(".") or name in _OF_FILESYSTEMS
