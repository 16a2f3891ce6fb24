"""The reference of the command line, written from its parser.

`python -m webhookd.cli.command_reference > docs/command-line.md` renews the document.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from webhookd.cli.app import app
from webhookd.cli.commands import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTRODUCTION = """\
# The command line

Every command with its arguments and options. `webhookd help COMMAND` shows the same in a
terminal, and `webhookd completion` has a shell complete all of it. What an option names with
`[env: …]` may stand in that variable instead; an option that is given wins. Where commands find the
configuration, the database and the daemon is on [settings of the process](settings.md), how they
are used on [running it](running.md#asking-the-running-daemon), what their exit codes mean
[there too](running.md#exit-codes).
"""
_LEFT_OUT = {"help"}
"""Options that each command has."""


def page() -> str:
    """Return the whole document, as Markdown."""
    root = typer.Context(get_command(app), info_name="webhookd")
    sections = list(_sections(root))
    return "\n".join([_INTRODUCTION, *_contents(root), *sections]).rstrip() + "\n"


def _contents(root: typer.Context) -> Iterator[str]:
    yield "<!-- contents -->"
    for heading, names in GROUPS.items():
        paths = [_path(context) for name in names for context in _commands(root, name)]
        links = [f"[{path}](#{path.replace(' ', '-')})" for path in paths]
        yield f"* [{heading}](#{heading.lower().replace(' ', '-')}): {' · '.join(links)}"
    yield "<!-- /contents -->\n"


def _sections(root: typer.Context) -> Iterator[str]:
    for heading, names in GROUPS.items():
        yield f"## {heading}\n"
        for name in names:
            yield from (_section(context) for context in _commands(root, name))


def _commands(parent: typer.Context, name: str) -> Iterator[typer.Context]:
    """Return the command, or those that it is a group of, whatever their depth."""
    group: Any = parent.command
    context = typer.Context(group.get_command(parent, name), parent=parent, info_name=name)
    command: Any = context.command
    if isinstance(command, TyperGroup):
        for inner in command.commands:
            yield from _commands(context, inner)
    else:
        yield context


def _path(context: typer.Context) -> str:
    return context.command_path.removeprefix("webhookd ")


def _section(context: typer.Context) -> str:
    command: Any = context.command
    words, example = str(command.help), str(command.epilog or "").partition("Example:\n")[2]
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"### {_path(context)}\n", f"```\n{context.command_path} {usage}".rstrip(), "```\n"]
    lines += [_escaped(" ".join(part.split())) + "\n" for part in words.split("\n\n")]
    rows = [row for param in command.get_params(context) if (row := _row(param, context))]
    if rows:
        lines += [*rows, ""]
    if example.strip():
        lines += [f"```console\n$ {example.strip()}\n```\n"]
    return "\n".join(lines)


def _row(param: Any, context: typer.Context) -> str:
    record = param.get_help_record(context)
    if record is None or param.name in _LEFT_OUT:
        return ""
    names, meaning = record
    return f"* `{names}`: {_escaped(' '.join(meaning.split()))}"


def _escaped(text: str) -> str:
    """Return *text* as Markdown that shows it as it is."""
    return re.sub(r"([<>*])", r"\\\1", text)


if __name__ == "__main__":
    sys.stdout.write(page())
