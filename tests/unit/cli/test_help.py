"""The help: it says what each command does, and needs none of them for it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from webhookd.cli.app import app
from webhookd.cli.commands import COMMANDS, GROUPS

WIDTH = 80
NAMED = re.compile(
    r"\[?[A-Z][A-Z_]*(?:[/:=|][A-Z]+|\[:[A-Z]+\])*\]?(?:\.{3})?|[a-z]+(?:\|[a-z]+)+(?:\|1/N)?"
)


def shown(*arguments):
    done = CliRunner().invoke(app, [*arguments], prog_name="webhookd", terminal_width=WIDTH)
    return done.exit_code, done.output


def test_the_help_of_all_has_each_summary_on_a_line_of_its_own():
    code, text = shown("--help")

    assert code == 0
    lines = [line.strip() for line in text.splitlines()]
    for name, command in COMMANDS.items():
        assert f"{name.ljust(max(map(len, COMMANDS)))}  {command.summary}" in lines
    assert [heading for heading in GROUPS if f"{heading}:" not in lines] == []
    assert max(map(len, text.splitlines())) <= WIDTH


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_s_own_help_begins_with_its_summary_and_ends_with_an_example(name):
    code, text = shown(name, "--help")

    assert code == 0
    _usage, summary, *_more = text.split("\n\n")
    assert " ".join(summary.split()) == COMMANDS[name].summary
    assert text.rstrip().splitlines()[-2:] == ["  Example:", f"    {COMMANDS[name].example}"]


@pytest.mark.parametrize("name", ["deliveries", "sources", "presets", "db"])
def test_each_command_of_a_group_has_a_whole_summary_and_an_example(name):
    _, text = shown(name, "--help")
    listed = [
        line.split()[0]
        for line in text.split("Commands:\n")[1].split("\n\n")[0].splitlines()
        if not line.startswith("    ")
    ]

    assert listed
    assert "..." not in text.split("Commands:")[1]
    for each in listed:
        code, own = shown(name, each, "--help")
        assert code == 0
        assert f"    webhookd {name} {each}" in own.rstrip().splitlines()[-1]


def test_help_shows_what_the_option_shows():
    assert shown("help") == shown("--help")
    assert shown("help", "check") == shown("check", "--help")
    assert shown("help", "deliveries", "retry") == shown("deliveries", "retry", "--help")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("chek",), "No such command 'chek'. Did you mean 'check'"),
        (("deliveries", "retr"), "No such command 'retr'. Did you mean 'retry'"),
        (("check", "all"), "check has no commands of its own"),
    ],
)
def test_help_of_what_is_no_command_says_which_are_near(words, told):
    code, text = shown("help", *words)

    assert code == 2
    assert told in text


def test_the_help_of_all_loads_no_command():
    script = (
        "import sys\n"
        "sys.argv = ['webhookd', '--help']\n"
        "from webhookd.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()

    assert "webhookd.cli.commands" in loaded
    assert {"webhookd.cli.check", "webhookd.cli.run", "pydantic", "rich.text"}.isdisjoint(loaded)


def taken():
    """Yield what is typed behind each command: its path, and how the help names one."""

    def walk(command, path):
        context = typer.Context(command, info_name=path)
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{path} {name}")
        for one in command.get_params(context):
            is_flag = getattr(one, "is_flag", False) or one.name == "help"
            if not is_flag:
                yield f"{path} {one.opts[0]}", one.make_metavar(context), one.type

    yield from walk(get_command(app), "webhookd")


def test_the_help_names_what_is_wanted():
    """A word in capitals, or the words that may be written: no type of the library's."""
    wrong = [
        f"{where} {shown}"
        for where, shown, type_ in taken()
        if not hasattr(type_, "choices") and not NAMED.fullmatch(shown)
    ]

    assert wrong == []


def test_lengths_of_time_have_one_name():
    assert not [where for where, shown, _ in taken() if "LENGTH" in shown]
