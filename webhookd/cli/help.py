"""What the help looks like, and `webhookd help`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Sequence


def example(text: str) -> str:
    """Return the end of a command's help that shows *text*, a line for the shell, as it is."""
    return f"\b\nExample:\n  {text}"


def write_commands(formatter: Any, heading: str, rows: Sequence[tuple[str, str]]) -> None:
    """Write names of commands and what they do, wrapped where a terminal ends and never cut."""
    with formatter.section(heading):
        formatter.write_dl(rows)


class GroupWithSummaries(TyperGroup):
    """A group of commands whose help has the whole summary of each."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the library's
        """Write the first paragraph of each command's help."""
        rows = [(name, _summary(command)) for name, command in self.commands.items()]
        write_commands(formatter, "Commands", rows)


def _summary(command: Any) -> str:
    paragraph, _, _ = (command.help or "").partition("\n\n")
    return " ".join(paragraph.split())


def show_help(
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", help="A command, or its words.")
    ] = None,
) -> None:
    """Show the help of a command."""
    shown: Any = context.find_root()
    for name in command or ():
        group = shown.command
        if not isinstance(group, TyperGroup):
            shown.fail(f"{shown.info_name} has no commands of its own")
        # Says which names are near when there is no such command.
        _, found, _ = group.resolve_command(shown, [name])
        shown = typer.Context(found, parent=shown, info_name=name)
    typer.echo(shown.get_help())
