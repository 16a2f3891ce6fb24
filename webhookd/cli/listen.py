"""`webhookd listen`: a receiver to try things with."""

from __future__ import annotations

import os
from typing import Annotated

import typer
import uvloop

from webhookd.cli import receiver_output
from webhookd.cli.settings import ConfigOption


def listen(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    fail: Annotated[
        int | None,
        typer.Option(min=300, max=599, metavar="STATUS", help="Answer with this status."),
    ] = None,
    times: Annotated[
        int | None,
        typer.Option(min=1, help="Answer so only to the first requests.", show_default="all"),
    ] = None,
    secret_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The environment variable with the secret to verify with."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Receive requests on loopback; print and verify each.

    Signatures are verified with the secret in the variable that --secret-env names, and with
    those of the apps in the configuration, when there is one. Its secrets are shown as ***.
    """
    if times is not None and fail is None:
        raise typer.BadParameter("it goes with --fail", param_hint="--times")
    known = receiver_output.known(secret_env, config, os.environ)
    uvloop.run(receiver_output.listen(port, fail, times, known))
