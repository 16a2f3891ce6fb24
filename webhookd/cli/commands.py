"""Which commands there are: what each does, an example, and the function that does it.

A command's module is read when the command is called, and the help of all is made of what stands
here: to read all modules takes ten times longer than most commands do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from webhookd.cli.help import GroupWithSummaries, example, write_commands

if TYPE_CHECKING:
    from collections.abc import MutableMapping


@dataclass(frozen=True, slots=True)
class Command:
    """A command: *function* is that of a module of this package, or its group of commands.

    *summary* is the first paragraph of its help (a test holds that).
    """

    function: str
    summary: str
    example: str


GROUPS: Final[Mapping[str, Mapping[str, Command]]] = {
    "The daemon": {
        "run": Command(
            "run.run",
            "Run the daemon in the foreground, until SIGTERM or SIGINT.",
            "webhookd run --config /etc/webhookd/config.yaml",
        ),
        "status": Command(
            "status.status",
            "Show webhooks, sources and the configuration in force.",
            "webhookd status --json | jq '.webhooks[] | {webhook, state}'",
        ),
        "console": Command(
            "console.console",
            "Serve pages for people: what needs attention, and why.",
            "webhookd console --listen 127.0.0.1:8377 --role viewer",
        ),
        "reload": Command(
            "reload.reload",
            "Have the daemon read its configuration anew; wait for it.",
            "webhookd check --config config.yaml && webhookd reload",
        ),
    },
    "Its configuration": {
        "init": Command(
            "init.init",
            "Write a small configuration to begin with, and say what to try.",
            "webhookd init my-webhooks",
        ),
        "check": Command(
            "check.check",
            "Validate the configuration and print every problem.",
            "webhookd check --offline --config config.yaml",
        ),
        "plan": Command(
            "plan.plan",
            "Compare a configuration with the one in force.",
            "webhookd plan --config config.yaml",
        ),
        "test": Command(
            "test.try_webhook",
            "Show a record's request, and why the record fires or not.",
            "webhookd test notify-sales --record-id 101",
        ),
        "presets": Command(
            "presets.app",
            "List definitions of CRMs to extend; show one to copy.",
            "webhookd presets show pipedrive-v2",
        ),
        "schema": Command(
            "check.schema",
            "Print the JSON Schema of the configuration, for editors.",
            "webhookd schema > webhookd.schema.json",
        ),
    },
    "Its deliveries": {
        "deliveries": Command(
            "deliveries.app",
            "List deliveries, show one, try them again, cancel them.",
            "webhookd deliveries list --state failed --since 2h",
        ),
        "explain": Command(
            "explain.explain",
            "Tell a delivery's whole story, and what happens next.",
            "webhookd explain 2852f0",
        ),
        "pause": Command(
            "pause.pause",
            "Hold a webhook's deliveries; changes are still stored.",
            "webhookd pause notify-sales",
        ),
        "resume": Command(
            "pause.resume",
            "Lift a pause or a 410's hold; what waits is due now.",
            "webhookd resume notify-sales",
        ),
        "backfill": Command(
            "backfill.backfill",
            "Enroll known records, as if a webhook had just met them.",
            "webhookd backfill notify-sales --dry-run",
        ),
        "moments": Command(
            "moments.app",
            "List what timed triggers will look at, and when; cancel one.",
            "webhookd moments list renewal",
        ),
    },
    "What it reads and keeps": {
        "sources": Command(
            "sources.app",
            "List sources; show their properties; accept what was set aside.",
            "webhookd sources list",
        ),
        "records": Command(
            "records.app",
            "List known records; show one as webhooks see it; forget one.",
            "webhookd records show contacts/101",
        ),
        "db": Command(
            "db.app",
            "Show the database's version; upgrade it; move it.",
            "webhookd db status --check",
        ),
    },
    "To try things with": {
        "demo": Command(
            "demo.demo",
            "Show the main job at work, in a temporary folder.",
            "webhookd demo",
        ),
        "listen": Command(
            "listen.listen",
            "Receive requests on loopback; print, verify, pass on each.",
            "webhookd listen --forward-to http://localhost:3000/hook",
        ),
        "completion": Command(
            "completion.completion",
            "Print a script by which a shell completes webhookd.",
            "webhookd completion bash > ~/.local/share/bash-completion/completions/webhookd",
        ),
        "help": Command(
            "help.show_help",
            "Show the help of a command.",
            "webhookd help deliveries retry",
        ),
    },
}
"""The commands by what they are for, in the order of the help."""

COMMANDS: Final = {
    name: command for commands in GROUPS.values() for name, command in commands.items()
}

_FIRST_STEPS = """\
\b
First steps:
  webhookd demo                           see it work, in a minute
  webhookd init my-webhooks               begin a configuration of your own
  webhookd check --config config.yaml     validate your configuration
  webhookd run --config config.yaml       run it; then: webhookd status
\b
"webhookd help COMMAND" tells more of each, with an example."""


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"epilog": _FIRST_STEPS})
        self.commands: MutableMapping[str, Any] = _Loaded()  # type: ignore[assignment]

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the library's
        """Write the summary of each command, of which none is loaded for it."""
        width = max(map(len, COMMANDS))
        for heading, commands in GROUPS.items():
            write_commands(
                formatter,
                heading,
                [(name.ljust(width), command.summary) for name, command in commands.items()],
            )


class _Loaded(Mapping[str, Any]):
    """Commands by name, each made when it is looked at."""

    def __getitem__(self, name: str) -> Any:
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@cache
def _command(name: str) -> Any:
    command = COMMANDS[name]
    module, _, attribute = command.function.partition(".")
    found = getattr(import_module(f"{__package__}.{module}"), attribute)
    group = typer.Typer(add_completion=False, rich_markup_mode=None)
    group.callback()(_nothing)
    shown = example(command.example)
    if isinstance(found, typer.Typer):
        group.add_typer(
            found, name=name, cls=GroupWithSummaries, help=command.summary, epilog=shown
        )
    else:
        group.command(name, epilog=shown)(found)
    return cast("TyperGroup", get_command(group)).commands[name]


def _nothing() -> None:
    """Make a group of what holds one command."""
