"""`webhookd sources properties`: the names to choose from, with an example of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from webhookd.cli.settings import (
    ConfigOption,
    DatabaseOption,
    EnvFileOption,
    StateOption,
    config_path,
)
from webhookd.cli.typed_text import utf8


def properties(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", callback=utf8, help="The source's key.")
    ],
    object_: Annotated[
        str | None,
        typer.Argument(
            metavar="[OBJECT]", callback=utf8, help="The type of object; else all of them."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE", help="Of the records in FILE, read as the source would."
        ),
    ] = None,
    fetch: Annotated[
        bool,
        typer.Option("--fetch", help="Ask the source's API itself, for types and options as well."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: ConfigOption = None,
    env_file: EnvFileOption = None,  # noqa: ARG001 - its callback reads it
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Show the properties that a source's known records have, with an example and who uses each.

    Asks the running daemon, else its database; then the configuration says which webhooks use one.
    """
    if fetch and file is not None:
        raise typer.BadParameter(
            "it is one of the two: --file asks a file, --fetch the API", param_hint="--fetch"
        )
    from webhookd.cli import property_list  # noqa: PLC0415 - few commands need it

    if fetch:
        from webhookd.cli import fetched_properties  # noqa: PLC0415 - what asks an API loads slowly

        found = fetched_properties.of_api(source, object_, config_path(config))
    elif file is not None:
        found = [property_list.of_file(source, object_, file, config)]
    else:
        found = property_list.known(source, object_, config, state_directory, database_url)
    property_list.print_properties(source, found, as_json=as_json)
