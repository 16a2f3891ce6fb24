"""The commands of webhookd that pages name, and whether the command line takes them so."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from webhookd.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROMPT = re.compile(r"^\w*[$#] (.*)$", re.MULTILINE)
_CONSOLE = re.compile(r"^```console[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(webhookd [^`\n]+)`")
_USAGE_ERROR: Any = typer.BadParameter.__base__
_BEFORE = re.compile(r"--|\w+=.*")
"""What a command may stand behind, but an operator: `env NAME=VALUE webhookd`, `runuser … --`."""
_OPERATORS = {"|", "||", "&", "&&", ";", ">", ">>", "<"}


@dataclass(frozen=True, slots=True)
class Told:
    """A command as a page tells it: its *words* behind `webhookd`, and the *line* it stands in."""

    line: str
    words: tuple[str, ...]


def typed(page: str) -> list[Told]:
    """Return the commands that *page* shows as typed into a terminal."""
    shown = [line for block in _CONSOLE.findall(page) for line in _PROMPT.findall(_joined(block))]
    return [told for line in shown for told in _commands(line)]


def named(page: str) -> list[Told]:
    """Return the commands that the text of *page* names, without brackets of what is optional."""
    found = _INLINE.findall(_BLOCK.sub("", page))
    return [told for text in found for told in _commands(re.sub(r"[\[\]…]|\\\|.*", " ", text))]


def refusal(told: Told) -> str:
    """Return why the command line would not take the command; nothing where it would."""
    context = typer.Context(get_command(app), info_name="webhookd")
    words = list(told.words)
    while words and isinstance(context.command, TyperGroup) and not words[0].startswith("-"):
        name = words.pop(0)
        command: Any = context.command.get_command(context, name)
        if command is None:
            return f"{told.line}: there is no command '{name}'"
        context = typer.Context(command, parent=context, info_name=name)
    inner: Any = context.command
    try:
        _, left, _ = inner.make_parser(context).parse_args(words)
    except _USAGE_ERROR as error:
        return f"{told.line}: {error.format_message()}"
    return f"{told.line}: {left} is too much" if left and not inner.allow_extra_args else ""


def _joined(block: str) -> str:
    return block.replace("\\\n", " ")


def _commands(line: str) -> Iterator[Told]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] | None = None
    before = ";"
    for word in [*lexer, ";"]:
        is_first = before in _OPERATORS or _BEFORE.fullmatch(before)
        before = word
        if word in _OPERATORS:
            if words is not None:
                yield Told(line, tuple(words))
            words = None
        elif words is not None:
            words.append(word)
        elif is_first and (word == "webhookd" or word.endswith("bin/webhookd")):
            words = []
