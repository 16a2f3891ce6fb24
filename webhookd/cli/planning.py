"""`webhookd plan`: what a reload would change, setting by setting, and whom it touches."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webhookd import config as configuration
from webhookd.cli.client import AdminOption, Client, RefusedError, connect
from webhookd.cli.output import print_json
from webhookd.cli.settings import ConfigOption, config_path
from webhookd.errors import WebhookdError, printable
from webhookd.rules.difference import compare, effect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.rules.difference import Comparison, Difference, Setting

CHANGES = 10
SIGNS = {"added": "+", "removed": "-", "changed": "~"}


class StatusFileError(WebhookdError):
    """The saved status cannot be read."""


def plan(
    config: ConfigOption = None,
    status: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A saved `webhookd status --json` to compare with, for CI."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    admin_address: AdminOption = None,
) -> None:
    """Compare a configuration with the one in force; exit 0 none, 10 changes, 1 invalid."""
    path = config_path(config)
    loaded = configuration.load(path, environment=os.environ, offline=True)
    client = connect(admin_address) if status is None else None
    running = _saved(status) if client is None else client.get("/v1/status")
    rotated = _rotated(client, path, running)
    found = compare(running["document"], loaded.document, secrets=rotated)
    waiting = {one["webhook"]: one["pending"] for one in running["webhooks"]}
    told = _as_object(found, waiting, loaded.document, loaded.plan.hash, running["config_hash"])
    if as_json:
        print_json(told)
    else:
        for line in _lines(told, found):
            typer.echo(printable(line))
    raise typer.Exit(0 if found.is_empty else CHANGES)


def _saved(path: Path | None) -> dict[str, Any]:
    try:
        found = json.loads((path or Path()).read_text())
        if isinstance(found, dict) and {"document", "webhooks", "config_hash"} <= found.keys():
            return found
    except (OSError, ValueError) as error:
        raise StatusFileError(f"{path} cannot be read: {error}") from None
    raise StatusFileError(f"{path} is not what `webhookd status --json` prints")


def _rotated(
    client: Client | None, path: Path, running: dict[str, Any]
) -> dict[str, tuple[str, ...]]:
    """Return the settings whose secret has another value; only the daemon sees its secrets."""
    if client is None or path.resolve() != Path(running["config_path"]).resolve():
        return {}
    try:
        found = client.get("/v1/secrets/rotated")["webhooks"]
    except RefusedError as error:
        raise WebhookdError("\n".join(error.answer.get("problems", [str(error)]))) from None
    return {name: tuple(settings) for name, settings in found.items()}


def _as_object(
    found: Comparison,
    waiting: dict[str, int],
    document: Any,
    config_hash: str,
    running_hash: str,
) -> dict[str, Any]:
    webhooks = document["webhooks"]
    return {
        "config_hash": config_hash,
        "running_hash": running_hash,
        "changes": not found.is_empty,
        "refused_as_mass_removal": found.is_mass_removal,
        "webhooks": [
            _difference(one)
            | {
                "pending": waiting.get(one.name, 0),
                "effect": effect(
                    one,
                    waiting.get(one.name, 0),
                    is_enabled=webhooks.get(one.name, {}).get("enabled", True),
                ),
            }
            for one in found.webhooks
        ],
        "sources": [_difference(one) | {"effect": _source_effect(one)} for one in found.sources],
        "egress": [_setting(one) for one in found.egress],
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "settings": [_setting(setting) for setting in one.settings],
    }


def _setting(one: Setting) -> dict[str, Any]:
    return {"name": one.name, "before": one.before, "after": one.after}


def _source_effect(one: Difference) -> str:
    if one.kind == "removed":
        return "stops; its known records and its place stay for its return"
    if one.kind == "added":
        return "starts"
    if one.touches("path", "object", "id_property"):
        return "refused: a source may not become another one; give it a new key"
    return "starts anew with these settings, from where it was"


def _lines(told: dict[str, Any], found: Comparison) -> Iterator[str]:
    if found.is_empty:
        yield f"no changes (hash {told['config_hash']})"
        return
    yield f"{told['running_hash']} (running) -> {told['config_hash']}"
    for kind in ("sources", "webhooks"):
        for one in told[kind]:
            yield f"{SIGNS[one['kind']]} {kind[:-1]} {one['name']}: {one['effect']}"
            yield from map(_setting_line, one["settings"])
    if told["egress"]:
        yield "~ egress"
        yield from map(_setting_line, told["egress"])
    if found.is_mass_removal:
        yield "a reload will refuse this: most webhooks would vanish (--allow-mass-removal)"


def _setting_line(setting: dict[str, Any]) -> str:
    before, after = setting["before"] or "nothing", setting["after"] or "nothing"
    return f"    {setting['name']}: {before} -> {after}"
