"""`webhookd sources accept`: a person lets a snapshot, or absences, through that were set aside."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from webhookd.cli.settings import DatabaseOption, StateOption

_SOURCE_AND_OBJECT: Final = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9_-]+(/lists/[a-z0-9_]+)?")


def accept(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|SOURCE/OBJECT",
            help="The file, in the folder failed/ of its drop directory; or the type of object,"
            " with /lists/NAME for a list of its records.",
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="The source, with --object.")
    ] = None,
    object_: Annotated[
        str | None, typer.Option("--object", metavar="NAME", help="The type of object.")
    ] = None,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Let through what was set aside: a snapshot, or a list that lacks most of what is known.

    A file is moved to accepted/, where the daemon takes it before anything in new/. The list of an
    API is read again by the daemon, and what it lacks then is taken for deleted.
    """
    from webhookd.cli import letting_through  # noqa: PLC0415 - what reads databases loads slowly

    if what is not None and (source or object_):
        raise typer.BadParameter("name a file or SOURCE/OBJECT, or say --source and --object")
    if source is not None and object_ is not None:
        letting_through.absences(source, object_, state_directory, database_url)
    elif what is None:
        raise typer.BadParameter("name a file or SOURCE/OBJECT, or say --source and --object")
    elif not os.path.lexists(what) and _SOURCE_AND_OBJECT.fullmatch(what):
        name, _, kind = what.partition("/")
        letting_through.absences(name, kind, state_directory, database_url)
    else:
        letting_through.file(Path(what), state_directory, database_url)
