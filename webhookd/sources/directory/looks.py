"""What a drop directory is found to hold: everything is looked at in one go, on a thread.

Each way to a thread and back costs more than the looks themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from webhookd.sources.directory.filesystem import disk_space

if TYPE_CHECKING:
    from webhookd.sources.directory.folders import Folders
    from webhookd.sources.source import DiskSpace


class Aside(NamedTuple):
    """What may come before files in `new/`, or keep them from being claimed.

    The names in `accepted/`, whether another daemon claimed files, and how much is free.
    """

    accepted: list[str]
    are_claimed: bool
    space: DiskSpace


class Look(NamedTuple):
    """Which folder it is, the names beside the folders and in `new/`, and all else."""

    identity: tuple[int, int]
    beside: list[str]
    waiting: list[str]
    aside: Aside


class Looks:
    """Looks at a drop directory on whose disk *least_free* bytes are to be left.

    *has_others*: another daemon may have claimed files. The methods run on a thread.
    """

    def __init__(self, folders: Folders, least_free: int, *, has_others: bool) -> None:
        self._folders = folders
        self._least_free = least_free
        self._has_others = has_others

    def everything(self) -> Look:
        """Look at everything; the identity is that of the folder before its names were read."""
        folders = self._folders
        return Look(folders.identity(), folders.beside(), folders.waiting(), self.aside())

    def aside(self) -> Aside:
        """Look at everything but what waits in `new/`."""
        space = disk_space(self._folders.root, self._least_free)
        are_claimed = self._has_others and self._folders.are_claimed()
        return Aside(self._folders.let_through(), are_claimed, space)
