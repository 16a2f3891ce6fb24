"""`webhookd check` and `webhookd schema`."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webhookd.cli.settings import AdminOption, ConfigOption, EnvFileOption, StateOption, config_path
from webhookd.config import loading
from webhookd.config.messages import no_property
from webhookd.config.schema import schema_text
from webhookd.errors import WebhookdError, counted
from webhookd.rules import usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from webhookd.errors import Problem


def check(
    config: ConfigOption = None,
    env_file: EnvFileOption = None,  # noqa: ARG001 - its callback reads it
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Resolve no secrets and files, ask no daemon: for pull requests and editors.",
        ),
    ] = False,
    online: Annotated[
        bool,
        typer.Option(
            "--online",
            help="Connect to receivers, and ask APIs and token servers, too; send no delivery.",
        ),
    ] = False,
    admin_address: AdminOption = None,
    state_directory: StateOption = None,
) -> None:
    """Validate the configuration and print every problem.

    Exit 1 when there is one. Properties that no record has which a running daemon knows are
    warned of. With --online, what the configuration names is looked at as well: each receiver's
    name and TLS (no request is sent to it), tokens of OAuth2, and of APIs the token, its scopes,
    names of properties and values of their options.
    """
    if online and offline:
        raise typer.BadParameter("it is --online or --offline", param_hint="--online")
    path = config_path(config)
    loaded = loading.load(path, environment=os.environ, offline=offline)
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if not offline:
        for problem in _unknown_properties(path, loaded, admin_address, state_directory):
            typer.echo(f"warning: {problem}", err=True)
    if online:
        _look_online(path, loaded)
    webhooks, sources = len(loaded.definitions.webhooks), len(loaded.definitions.sources)
    typer.echo(
        f"{path}: ok, {counted(webhooks, 'webhook')} and {counted(sources, 'source')}"
        f" (hash {loaded.definitions.hash})"
    )


def _look_online(path: Path, loaded: loading.Loaded) -> None:
    """Say what was looked at; exit 1 where something is wrong there."""
    # What reads sources and sends requests takes long to load.
    from webhookd.cli import online_check  # noqa: PLC0415

    looked = online_check.look(path, loaded.definitions)
    for problem in looked.problems:
        typer.echo(problem, err=True)
    if looked.problems:
        raise typer.Exit(1)
    typer.echo(f"online: {looked.summary}: nothing found")


def _unknown_properties(
    path: Path, loaded: loading.Loaded, admin_address: str | None, state_directory: Path | None
) -> Iterator[Problem]:
    """Yield each property of a webhook that no record of the running daemon has; none without."""
    # An HTTP client takes longer to load than a file takes to check: `--offline` needs none.
    from webhookd.cli.client import connect  # noqa: PLC0415

    known: dict[tuple[str, str], dict[str, Any]] = {}
    # Whatever keeps the daemon from answering is no fault of the configuration.
    with suppress(WebhookdError):
        client = connect(admin_address, state_directory)
        for webhook in filter(lambda one: one.enabled, loaded.definitions.webhooks.values()):
            key = webhook.source, webhook.object
            if key not in known:
                known[key] = client.get("/v1/properties", source=key[0], object=key[1])
            names = known[key]["names"]
            looked_at = None if known[key]["is_whole"] else known[key]["records"]
            missing = {*usage.of_webhook(webhook)} - {*names} if known[key]["records"] else ()
            for name in sorted(missing):
                told = no_property(name, names, looked_at=looked_at)
                for place in loading.property_places(path, webhook.name, name):
                    yield replace(place, message=told)


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    typer.echo(schema_text().rstrip("\n"))
