"""Sources: each drop directory is one of its own, and its keys go together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd.config import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.config.parts import Part
    from webhookd.errors import Problem


def check(sources: Iterable[Part], *, offline: bool) -> Iterator[Problem]:
    """Yield what is wrong with *sources*."""
    sources = tuple(sources)
    yield from _paths(sources, offline=offline)
    for source in sources:
        if source.at("partial").value is True and source.text("content") == "snapshot":
            yield source.problem(
                "a snapshot lists whole records; partial rows go with `content: records`", "partial"
            )


def _paths(sources: Iterable[Part], *, offline: bool) -> Iterator[Problem]:
    found = [(source, _real_path(source, offline=offline)) for source in sources]
    paths = [(source, path) for source, path in found if path is not None]
    owners: dict[Path, Part] = {}
    for source, path in paths:
        owner = owners.setdefault(path, source)
        if owner is not source:
            yield source.problem(f"the source {owner.name!r} has this path too", "path")
        if not offline and files.is_directory(path) is False:
            yield source.problem("this is not a directory", "path")
    for source, path in paths:
        for parent in path.parents:
            if parent in owners:
                inside = f"this is inside the directory of the source {owners[parent].name!r}"
                yield source.problem(inside, "path")


def absolute_path(folder: Path, path: str) -> Path:
    """Return *path*, taken from *folder*, absolute and without `..`."""
    return Path(os.path.normpath((folder / path).absolute()))


def _real_path(source: Part, *, offline: bool) -> Path | None:
    written = source.text("path")
    if not written or "\0" in written:
        return None
    path = absolute_path(source.folder, written)
    return path if offline else Path(os.path.realpath(path))
