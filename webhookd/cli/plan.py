"""`webhookd plan`: what a reload would change, setting by setting, and whom it touches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import starmap
from pathlib import Path
from typing import Annotated, Any

import typer

from webhookd import clock
from webhookd.cli import replay_text
from webhookd.cli.baseline import InForce, Where, find_in_force
from webhookd.cli.output import print_json
from webhookd.cli.replay import duration
from webhookd.cli.replay import replay as replay_journal
from webhookd.cli.settings import (
    AdminOption,
    ConfigOption,
    DatabaseOption,
    EnvFileOption,
    StateOption,
    config_path,
)
from webhookd.client.client_errors import RefusedError
from webhookd.config import loading
from webhookd.config.socket_address import listeners_of
from webhookd.definitions import Webhook
from webhookd.errors import WebhookdError, printable
from webhookd.rules.cursor_text import source_effect
from webhookd.rules.difference import Comparison, Difference, Setting, compare, effect
from webhookd.rules.literal_secrets import shown_document
from webhookd.rules.replay import Replay, listeners

CHANGES = 10
SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def plan(
    config: ConfigOption = None,
    env_file: EnvFileOption = None,  # noqa: ARG001 - its callback reads it
    status: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A saved `webhookd status --json` to compare with, for CI."
        ),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Say too what the file would have fired on the changes of the last 7d, 12h, …,"
            " as far as they are known: from the daemon, or from its database when none runs.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    admin_address: AdminOption = None,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Compare a configuration with the one in force.

    Exit 0 when nothing would change, 10 when something would, 1 when it is invalid.
    """
    length = None if replay is None else duration(replay)
    path = config_path(config)
    loaded = loading.load(path, environment=os.environ, offline=True)
    where = Where(status, admin_address, state_directory, database_url)
    in_force = find_in_force(where, needs_daemon=length is None)
    running, secrets = in_force.status, _secrets(in_force, path)
    rotated = {name: tuple(settings) for name, settings in secrets["webhooks"].items()}
    found = _compared(running, loaded.document, rotated)
    told = _as_object(found, running, loaded, secrets.get("lacking", {}))
    if length is not None:
        told["replay"] = _replay(in_force, loaded, length)
    _plan_moments(told, loaded, where)
    if as_json:
        print_json(told)
    else:
        for line in (*_lines(told, found), *_replay_lines(told, length)):
            typer.echo(printable(line))
    raise typer.Exit(0 if found.is_empty else CHANGES)


def _secrets(in_force: InForce, path: Path) -> dict[str, Any]:
    """Return which secrets have other values, and what templates would lack, by webhook.

    Only the daemon sees its secrets, and what waits for it.
    """
    client = in_force.client
    if client is None or path.resolve() != Path(in_force.status["config_path"]).resolve():
        return {"webhooks": {}}
    try:
        found: dict[str, Any] = client.get("/v1/secrets/rotated")
    except RefusedError as error:
        raise WebhookdError("\n".join(error.answer.get("problems", [str(error)]))) from None
    return found


def _compared(
    running: Mapping[str, Any],
    document: Mapping[str, Any],
    rotated: Mapping[str, tuple[str, ...]],
) -> Comparison:
    """Compare what may be shown; values that are hidden differ where their digests do."""
    # What an older daemon says is whole, and is hidden here.
    before, after = shown_document(running["document"]), shown_document(document)
    digests = {**before.digests, **running.get("hidden_digests", {})}
    other = {
        name: tuple(
            setting
            for setting, digest in settings.items()
            if digests.get(name, {}).get(setting, digest) != digest
        )
        for name, settings in after.digests.items()
    }
    secrets = {name: (*rotated.get(name, ()), *other.get(name, ())) for name in {*rotated, *other}}
    return compare(before.document, after.document, secrets=secrets)


def _replay(in_force: InForce, loaded: loading.Loaded, length: timedelta) -> dict[str, Any]:
    since = clock.now() - length
    pages = in_force.changes(since)
    before = listeners_of(in_force.status["document"], loaded) if in_force.is_known else None
    found = Replay(listeners(loaded.definitions), before)
    left_out = replay_journal(pages, found)
    return replay_text.as_object(found, left_out, loaded.definitions, before, since)


def _as_object(
    found: Comparison,
    running: Mapping[str, Any],
    loaded: loading.Loaded,
    lacking: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    webhooks, sources = loaded.document["webhooks"], loaded.document["sources"]
    waiting = {one["webhook"]: one["pending"] for one in running["webhooks"]}
    known = {one["source"]: one for one in running.get("sources", ())}
    return {
        "config_hash": loaded.definitions.hash,
        "running_hash": running["config_hash"],
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
                "lacking": dict(lacking.get(one.name, {})),
            }
            for one in found.webhooks
        ],
        "sources": [
            _difference(one)
            | {
                "records": known.get(one.name, {}).get("records", 0),
                "cursors": known.get(one.name, {}).get("cursors", []),
                "effect": source_effect(
                    one,
                    loaded.definitions.sources.get(one.name),
                    known.get(one.name),
                    start=sources.get(one.name, {}).get("start"),
                ),
            }
            for one in found.sources
        ],
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


def _lines(told: dict[str, Any], found: Comparison) -> Iterator[str]:
    if found.is_empty:
        yield f"no changes (hash {told['config_hash']})"
        return
    if told["running_hash"] is None:
        yield f"no daemon runs: all of {told['config_hash']} is new"
    else:
        yield f"{told['running_hash']} (running) -> {told['config_hash']}"
    for kind in ("sources", "webhooks"):
        for one in told[kind]:
            yield f"{SIGNS[one['kind']]} {kind[:-1]} {one['name']}: {one['effect']}"
            yield from map(_setting_line, one["settings"])
            yield from starmap(_lacking_line, one.get("lacking", {}).items())
            if one.get("moments") is not None:
                from webhookd.cli import planned_moments  # noqa: PLC0415 - as above

                yield from planned_moments.lines(one["moments"])
    if told["egress"]:
        yield "~ egress"
        yield from map(_setting_line, told["egress"])
    if found.is_mass_removal:
        yield "a reload will refuse this: most webhooks would vanish (--allow-mass-removal)"


def _plan_moments(told: dict[str, Any], loaded: loading.Loaded, where: Where) -> None:
    """Add what new and changed timers of dates would plan, where there is a database to look at."""
    webhooks = loaded.definitions.webhooks
    timed = [one for one in told["webhooks"] if _is_timed(one, webhooks)]
    if not timed or where.status is not None:
        return
    from webhookd.cli import planned_moments  # noqa: PLC0415 - few configurations need it
    from webhookd.cli.settings import open_outbox  # noqa: PLC0415

    with suppress(WebhookdError):
        database = open_outbox(where.state_directory, where.database_url)
        for one in timed:
            one["moments"] = planned_moments.planned(database, webhooks[one["name"]], clock.now())


def _is_timed(one: Mapping[str, Any], webhooks: Mapping[str, Webhook]) -> bool:
    """Say whether a webhook's timer of dates is new, or another one."""
    webhook = webhooks.get(one["name"])
    if webhook is None or webhook.trigger.at is None:
        return False
    settings = [setting["name"] for setting in one["settings"]]
    return one["kind"] == "added" or any(
        name.startswith(("trigger.at", "source", "object", "enabled")) for name in settings
    )


def _replay_lines(told: dict[str, Any], length: timedelta | None) -> Iterator[str]:
    if length is not None:
        yield from replay_text.lines(told["replay"], length)


def _lacking_line(name: str, count: int) -> str:
    if name.startswith("secrets."):
        return f"    {count:,} waiting need {name}: their attempts will end as 'secret'"
    return f"    {count:,} waiting do not hold {name}: their attempts will end as 'url'"


def _setting_line(setting: dict[str, Any]) -> str:
    before, after = setting["before"] or "nothing", setting["after"] or "nothing"
    return f"    {setting['name']}: {before} -> {after}"
