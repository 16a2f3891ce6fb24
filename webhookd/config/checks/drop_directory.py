"""Drop directories: each source has one of its own, and its keys go together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd.config import bounded_read, paths
from webhookd.config.checks import csv_files, json_files, one_filesystem
from webhookd.config.messages import shown
from webhookd.definitions import is_same_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(
    sources: Iterable[Node],
    context: Context,
    reachable: Node | None,  # noqa: ARG001 - a directory needs no network
) -> Iterator[Problem]:
    """Yield what is wrong with *sources*, all those that read drop directories."""
    sources = tuple(sources)
    yield from _paths(sources, offline=context.offline)
    for source in sources:
        yield from csv_files.check(source)
        yield from json_files.check(source)
        if source.at("partial").value is True and source.text("content") == "snapshot":
            yield source.problem(
                "a snapshot lists whole records; partial rows go with `content: records`", "partial"
            )


def check_use(webhook: Node, source: Node) -> Iterator[Problem]:
    """Yield what *webhook* wants of a directory *source* that its files do not hold."""
    wanted, read = webhook.text("object"), source.text("object")
    if wanted is not None and read is not None and wanted != read:
        message = f"the source {source.name!r} reads {shown(read)}, not {shown(wanted)}"
        yield webhook.problem(message, "object")


def _paths(sources: Iterable[Node], *, offline: bool) -> Iterator[Problem]:
    written = [(source, _path(source)) for source in sources]
    found = [(source, path) for source, path in written if path is not None]
    # What is on another host cannot be looked at here, and all of them check the same file.
    seen = [
        (source, Path(os.path.realpath(path)))
        for source, path in found
        if not (offline or source.text("host"))
    ]
    yield from dict.fromkeys((*_overlaps(found), *_overlaps(seen)))
    for source, path in seen:
        if bounded_read.is_directory(path) is False:
            yield source.problem("this is not a directory", "path")
        elif (reason := one_filesystem.why_apart(path)) is not None:
            yield source.problem(reason, "path")


def _overlaps(paths: Sequence[tuple[Node, Path]]) -> Iterator[Problem]:
    owners: dict[Path, list[Node]] = {}
    for source, path in paths:
        for owner in _on_one_host(owners.setdefault(path, []), source):
            yield source.problem(f"the source {owner.name!r} has this path too", "path")
        owners[path].append(source)
    for source, path in paths:
        for parent in path.parents:
            for owner in _on_one_host(owners.get(parent, ()), source):
                inside = f"this is inside the directory of the source {owner.name!r}"
                yield source.problem(inside, "path")


def _on_one_host(owners: Iterable[Node], source: Node) -> Iterator[Node]:
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


def _path(source: Node) -> Path | None:
    written = source.text("path")
    if not written or paths.why_wrong(written) is not None:
        return None
    return absolute_path(source.folder, written)
