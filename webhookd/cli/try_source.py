"""`webhookd sources try`: whether an API does what the definition of its source says."""

from __future__ import annotations

from typing import Annotated

import typer

from webhookd.cli.settings import ConfigOption, EnvFileOption, config_path


def try_source(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The source's key in the configuration.")
    ],
    object_: Annotated[
        str | None,
        typer.Argument(metavar="[OBJECT]", help="The type of object; else all of them."),
    ] = None,
    config: ConfigOption = None,
    env_file: EnvFileOption = None,  # noqa: ARG001 - its callback reads it
) -> None:
    """Try a source of the type rest against its API: requests, a record, expressions, proofs.

    It needs no daemon and writes nothing. Exit 0 when all that could be proved was, 1 when a
    proof failed or the API refused, 3 when it could not be reached.
    """
    from webhookd.cli import source_trial  # noqa: PLC0415 - what reads sources loads slowly

    raise typer.Exit(source_trial.try_source(source, object_, config_path(config)))
