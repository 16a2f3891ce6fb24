"""What `webhookd sources properties` does.

What reads a database, a file or a configuration takes long to load: it is imported when it comes to
that, for most ask a daemon.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import typer

from webhookd.cli.client import find
from webhookd.cli.output import print_json, print_line
from webhookd.cli.settings import config_path, require_outbox
from webhookd.cli.styled import Styled
from webhookd.cli.tables import print_table
from webhookd.cli.told_objects import objects_told
from webhookd.config.messages import no_such
from webhookd.errors import ConfigError, WebhookdError, counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from webhookd.definitions import Definitions, Source

Shown: TypeAlias = dict[str, Any]

_ROWS: Final = 10_000
"""Rows of a file that are read."""
_EXAMPLE: Final = 40
"""Characters of an example in a table."""


class NoSuchObjectError(WebhookdError):
    """A source, or a type of object of it, is neither configured nor known."""


def print_properties(source: str, found: Iterable[Shown], *, as_json: bool) -> None:
    """Print what was *found* of each type of object of *source*: a line a property."""
    for told in found:
        for one in told["properties"]:
            one["of"] = told["looked_at"]
            if as_json:
                print_json({"source": source, "object": told["object"], **one})
        if not as_json:
            _print(source, told)


def _print(source: str, told: Shown) -> None:
    count, object_ = told["looked_at"], told["object"]
    some = f"of {counted(count, 'record')}" if count else "no record of it is known"
    print_line(Styled(printable(f"{object_} of {source}, {some}"), "bold"), is_whole=True)
    if told.get("bad"):
        typer.echo(f"{counted(told['bad'], 'bad row')}, the first: {told['first_bad']}", err=True)
    if told.get("untold"):
        typer.echo(f"types and options could not be had: {told['untold']}", err=True)
    has_types = any("type" in one for one in told["properties"])
    more = ("TYPE", "OPTIONS") if has_types else ()
    rows = [
        (
            *(one["name"], _cut(one["examples"]), f"{one['records']:,}", ", ".join(one["used_by"])),
            *((one.get("type", ""), ", ".join(one.get("options", ()))) if has_types else ()),
        )
        for one in told["properties"]
    ]
    if rows:
        print_table(("PROPERTY", "EXAMPLE", "RECORDS", "USED BY", *more), rows)
    elif not count:
        typer.echo("--file FILE shows those of a file", err=True)


def _cut(examples: list[str]) -> str:
    first = examples[0] if examples else ""
    return first if len(first) <= _EXAMPLE else f"{first[:_EXAMPLE]}…"


def known(
    source: str,
    object_: str | None,
    config: Path | None,
    state_directory: Path | None,
    database_url: str | None,
) -> list[Shown]:
    """Return what known records have: one document for each type of object."""
    daemon = find(state_directory) if database_url is None else None
    if daemon is not None:
        objects = _objects(source, object_, daemon.get("/v1/sources")["sources"], {})
        told = [daemon.get("/v1/properties", source=source, object=one) for one in objects]
    else:
        require_outbox(state_directory, database_url)
        from webhookd.cli import offline  # noqa: PLC0415

        listed = offline.sources(state_directory, database_url)
        definitions = _definitions(config)
        sources = {} if definitions is None else definitions.sources
        objects = _objects(source, object_, listed, sources)
        told = [
            offline.properties(source, one, definitions, state_directory, database_url)
            for one in objects
        ]
    return [one | {"object": name} for name, one in zip(objects, told, strict=True)]


def _objects(
    source: str, object_: str | None, listed: list[Shown], configured: Mapping[str, Source]
) -> list[str]:
    """Return the types of objects of *source*, or the one that was asked for, if it is one."""
    names = {one["source"] for one in listed} | {*configured}
    if source not in names:
        raise NoSuchObjectError(no_such("source", source, sorted(names)))
    objects = [*_read(configured[source])] if source in configured else []
    for one in (one for one in listed if one["source"] == source):
        objects += objects_told(one)
    if object_ is not None and object_ not in objects:
        raise NoSuchObjectError(f"{source}: {no_such('object', object_, sorted({*objects}))}")
    return list(dict.fromkeys(objects)) if object_ is None else [object_]


def of_file(source: str, object_: str | None, file: Path, config: Path | None) -> Shown:
    """Return what the records of *file* have, read as *source* would if it is configured."""
    from webhookd.operations.lookups.property_figures import figures, used_by  # noqa: PLC0415
    from webhookd.sources.directory.sample import names_in, read_some, reading_of  # noqa: PLC0415
    from webhookd.views.json_writer import written  # noqa: PLC0415

    definitions = _definitions(config)
    if definitions is not None and source not in definitions.sources:
        raise NoSuchObjectError(no_such("source", source, definitions.sources))
    settings = None if definitions is None else definitions.sources[source]
    polled = () if settings is None else _read(settings)
    name = object_ or (polled[0] if polled else source)
    if polled and name not in polled:
        raise NoSuchObjectError(f"{source}: {no_such('object', name, polled)}")
    records, bad = read_some(file, reading_of(settings, source, name), _ROWS)
    used = {} if definitions is None else used_by(definitions, source, name)
    names = {one for record in records for one in names_in(record)}
    told = figures((record.properties for record in records), names, used)
    return {
        "object": name,
        "looked_at": len(records),
        "bad": len(bad),
        "first_bad": f"{file}:{bad[0].line}: {bad[0].reason}" if bad else "",
        "properties": [json.loads(written(one)) for one in told],
    }


def _definitions(config: Path | None) -> Definitions | None:
    """Return the configuration, which need not resolve its secrets; None where there is none.

    One that was asked for must be right.
    """
    try:
        path = config_path(config)
    except ConfigError:
        if config is not None:
            raise
        return None
    from webhookd.config import loading  # noqa: PLC0415

    return loading.load(path, environment=os.environ, offline=True).definitions


def _read(source: Source) -> tuple[str, ...]:
    """Return the types of objects that are read of *source*."""
    from webhookd.definitions import DirectorySource  # noqa: PLC0415

    return (source.object,) if isinstance(source, DirectorySource) else source.polled_objects
