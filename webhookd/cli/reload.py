"""`webhookd reload`: the daemon reads its configuration anew."""

from __future__ import annotations

from typing import Annotated

import typer

from webhookd.cli.client import connect
from webhookd.cli.output import print_json
from webhookd.cli.settings import AdminOption
from webhookd.client.client_errors import RefusedError


def reload(
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.1, help="How long to wait for the result."),
    ] = None,
    allow_mass_removal: Annotated[
        bool, typer.Option(help="Let most of the webhooks vanish, if that is meant.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    admin_address: AdminOption = None,
) -> None:
    """Have the daemon read its configuration anew; wait for it.

    Exit 0 when it is in force, 1 when it was refused (and changed nothing), 3 when no daemon runs.
    """
    client = connect(admin_address, seconds=timeout)
    try:
        result = client.post("/v1/reload", allow_mass_removal=allow_mass_removal)
    except RefusedError as error:
        if as_json:
            print_json(error.answer)
            raise typer.Exit(1) from None
        for problem in error.answer.get("problems", ()):
            typer.echo(problem, err=True)
        typer.echo("webhookd: refused; the configuration before stays in force", err=True)
        raise typer.Exit(1) from None
    if as_json:
        print_json(result)
        return
    typer.echo(f"{result['outcome']} (hash {result['config_hash']})")
