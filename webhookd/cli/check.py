"""`webhookd check` and `webhookd schema`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from webhookd.cli.settings import ConfigOption, config_path
from webhookd.config import loading
from webhookd.config.schema import schema_text


def check(
    config: ConfigOption = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Resolve no secrets and files: for pull requests and editors."
        ),
    ] = False,
) -> None:
    """Validate the configuration and print every problem (exit 1 when there is one)."""
    path = config_path(config)
    loaded = loading.load(path, environment=os.environ, offline=offline)
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}", err=True)
    webhooks, sources = len(loaded.definitions.webhooks), len(loaded.definitions.sources)
    typer.echo(
        f"{path}: ok, {_count(webhooks, 'webhook')} and {_count(sources, 'source')}"
        f" (hash {loaded.definitions.hash})"
    )


def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors and CI."""
    typer.echo(schema_text().rstrip("\n"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
