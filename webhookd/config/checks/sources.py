"""Sources: each drop directory is one of its own, and its keys go together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd.config import files
from webhookd.rules.plan import is_same_host

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
    # What is on another host cannot be looked at here, and the same file is checked on all of them.
    unseen = {source.name for source in sources if offline or source.text("host")}
    found = [(source, _real_path(source, offline=source.name in unseen)) for source in sources]
    paths = [(source, path) for source, path in found if path is not None]
    owners: dict[Path, list[Part]] = {}
    for source, path in paths:
        for owner in _on_one_host(owners.setdefault(path, []), source):
            yield source.problem(f"the source {owner.name!r} has this path too", "path")
        owners[path].append(source)
        if source.name not in unseen and files.is_directory(path) is False:
            yield source.problem("this is not a directory", "path")
    for source, path in paths:
        for parent in path.parents:
            for owner in _on_one_host(owners.get(parent, ()), source):
                inside = f"this is inside the directory of the source {owner.name!r}"
                yield source.problem(inside, "path")


def _on_one_host(owners: Iterable[Part], source: Part) -> Iterator[Part]:
    """Yield the first of *owners* whose disk may be that of *source*, if there is one."""
    host = source.text("host")
    for owner in owners:
        other = owner.text("host")
        if not host or not other or is_same_host(host, other):
            yield owner
            return


def absolute_path(folder: Path, path: str) -> Path:
    """Return *path*, taken from *folder*, absolute and without `..`."""
    return Path(os.path.normpath((folder / path).absolute()))


def _real_path(source: Part, *, offline: bool) -> Path | None:
    written = source.text("path")
    if not written or "\0" in written:
        return None
    path = absolute_path(source.folder, written)
    return path if offline else Path(os.path.realpath(path))
