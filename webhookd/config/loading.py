"""From a path to the definitions: they, or every problem of every file at once."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from webhookd.config import bounded_read, compiler, schema
from webhookd.config.checks import properties
from webhookd.config.checks.collection import check
from webhookd.config.presets import extension
from webhookd.config.secrets import Secrets
from webhookd.config.text import document
from webhookd.config.text.node import Collection
from webhookd.config.text.written_file import WrittenFile, written_file
from webhookd.config.tls_files import TlsFiles
from webhookd.config.warnings import warnings
from webhookd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from webhookd.config.text.document import Document
    from webhookd.definitions import Definitions


@dataclass(frozen=True)
class Loaded:
    """A configuration that is right.

    *document* is the whole of it as JSON values, every default in it and no secret, for
    comparing two configurations. *is_offline* says that secrets and files were left alone: such
    definitions have empty secrets, and nothing may run on them. *written* are the files, *defaults*
    what their section of that name says.
    """

    definitions: Definitions
    warnings: tuple[Problem, ...]
    document: Mapping[str, Any]
    is_offline: bool = False
    written: tuple[WrittenFile, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)


def load(
    path: Path,
    *,
    environment: Mapping[str, str],
    offline: bool = False,
    note: Callable[[Path], None] | None = None,
) -> Loaded:
    """Return the configuration in the file or folder *path*, or raise a `ConfigError`.

    The error carries every problem of every kind, in the order of the files. *note* is called with
    each file and folder just before it is read.
    """
    with _garbage_collector_off(), bounded_read.noting(note):
        return _load(path, Secrets(environment, offline))


def property_places(path: Path, webhook: str, name: str) -> list[Problem]:
    """Return each place where *webhook* speaks of a property, as a problem without a message.

    *path* is read once more; a file that cannot be read has no places.
    """
    node = Collection(tuple(_documents(path, []))).entries("webhooks").get(webhook)
    if node is None:
        return []
    return [place.problem("") for place, used in properties.used(node) if used == name]


def _load(path: Path, secrets: Secrets) -> Loaded:
    problems: list[Problem] = []
    documents = tuple(map(extension.extended, _documents(path, problems)))
    collection, tls_files = Collection(documents), TlsFiles()
    for read in documents:
        problems += read.problems
        problems += schema.check(read) if read.data is not None else ()
    problems += check(collection, secrets, tls_files)
    if problems:
        raise ConfigError(_in_order(problems))
    compiled = compiler.compile_definitions(collection, secrets, tls_files)
    defaults = collection.section("defaults")
    return Loaded(
        compiled.definitions,
        tuple(_in_order(warnings(compiled.definitions, collection, secrets))),
        compiled.document,
        secrets.offline,
        tuple(map(written_file, documents)),
        defaults.mapping() if defaults else {},
    )


def _documents(path: Path, problems: list[Problem]) -> Iterator[Document]:
    if not bounded_read.is_directory(path):
        yield document.read(path)
        return
    bounded_read.note(path)
    try:
        found = sorted(path.iterdir())
    except OSError as error:
        problems.append(
            Problem(str(path), 0, 0, "", f"cannot be read: {bounded_read.reason(error)}")
        )
        return
    visible = [file for file in found if not file.name.startswith(".")]
    problems += (_misnamed(file) for file in visible if file.suffix == ".yml")
    named = [file for file in visible if file.suffix == ".yaml"]
    if not named:
        problems.append(Problem(str(path), 0, 0, "", "this folder holds no *.yaml file"))
    yield from map(document.read, named)


def _misnamed(file: Path) -> Problem:
    message = "only *.yaml files are read; rename it, or move it out of this folder"
    return Problem(str(file), 0, 0, "", message)


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    # Files are read in name order, so their names are the order.
    return sorted(
        dict.fromkeys(problems),
        key=lambda problem: (problem.file, problem.line, problem.column, problem.where),
    )


@contextmanager
def _garbage_collector_off() -> Iterator[None]:
    # A document is millions of small values that all stay: collecting while they are made
    # finds nothing and takes half of the time.
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
