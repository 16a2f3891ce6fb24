"""What shells are told that a word may become."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from webhookd.cli import completed_words
from webhookd.cli.app import app
from webhookd.cli.commands import COMMANDS
from webhookd.cli.completion import _SCRIPTS
from webhookd.cli.shells import Shell
from webhookd.cli.told_objects import objects_told

ROOT = get_command(app)


SOURCES = [
    {"source": "export", "object": "contacts", "cursors": [], "objects": None},
    {"source": "crm", "cursors": [{"object": "deals"}], "objects": [{"object": "quotes"}]},
    {"source": "old"},
]


class Known:
    """A daemon that knows some names."""

    def get(self, path, **query):
        if path == "/v1/status":
            names = ("new-customer", "new-deal", "bad\x1b[2J")
            return {
                "webhooks": [{"webhook": name} for name in names],
                "sources": [{"source": "export"}],
            }
        if path == "/v1/records/list":
            return {"records": [{"object": "contacts", "record_id": one} for one in ("7", "8")]}
        if path == "/v1/sources":
            return {"sources": SOURCES}
        return {"deliveries": [{"id": "01a2"}, {"id": "01a3"}]}


@pytest.fixture(autouse=True)
def _daemon(monkeypatch):
    monkeypatch.setattr(completed_words, "find", lambda _: Known())


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["pau"], ["pause"]),
        (["deliveries", ""], ["list", "show", "retry", "cancel"]),
        (["deliveries", "list", "--sta"], ["--state", "--state-directory"]),
        (["deliveries", "list", "--state", "de"], ["delivered"]),
        (["deliveries", "list", "--webhook", "new-d"], ["new-deal"]),
        (["pause", ""], ["new-customer", "new-deal"]),
        (["pause", "new-deal", ""], []),
        (["backfill", "--dry-run", "new-c"], ["new-customer"]),
        (["explain", "01"], ["01a2", "01a3"]),
        (["deliveries", "retry", "01a2", ""], ["01a2", "01a3"]),
        (["deliveries", "list", "--source", ""], ["export"]),
        (["records", ""], ["list", "show", "forget"]),
        (["records", "list", ""], ["export", "crm", "old", "contacts", "deals", "quotes"]),
        (["records", "list", "de"], ["deals"]),
        (["records", "show", "contacts/"], ["contacts/7", "contacts/8"]),
        (["check", "--config", ""], []),
        (["check", "--config=x", "--off"], ["--offline"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["--"], ["--version", "--help"]),
        (["nothing", ""], []),
        (["nothing", "--"], []),
    ],
)
def test_what_a_word_may_become(words, found):
    assert completed_words.completed(ROOT, words) == found


def test_sources_and_objects_are_asked_for_once(monkeypatch):
    paths = []

    class Asked(Known):
        def get(self, path, **query):
            paths.append(path)
            return super().get(path, **query)

    monkeypatch.setattr(completed_words, "find", lambda _: Asked())

    completed_words.completed(ROOT, ["records", "list", ""])

    assert paths == ["/v1/sources"]


@pytest.mark.parametrize(
    ("source", "objects"),
    [
        ({}, []),
        ({"object": None, "cursors": None, "objects": None}, []),
        ({"object": "a", "cursors": [{"object": "b"}, {"object": "a"}, {}]}, ["a", "b"]),
        ({"objects": [{"object": "b"}, {"object": None}, {"object": "a"}]}, ["b", "a"]),
    ],
)
def test_each_object_that_is_told_of_a_source_is_named_once(source, objects):
    assert objects_told(source) == objects


def test_all_commands_are_found_and_none_twice():
    assert completed_words.completed(ROOT, [""]) == list(COMMANDS)


@given(
    st.lists(
        st.sampled_from(["deliveries", "list", "--webhook", "-", "--", "=", "x", ""]), min_size=1
    )
)
def test_whatever_was_typed_nothing_is_raised(words):
    completed_words.completed(ROOT, words)


@pytest.mark.parametrize("shell", [one for one in Shell if one is not Shell.WORDS])
def test_a_script_calls_what_completes(shell):
    assert "webhookd completion words -- " in _SCRIPTS[shell]


def test_bash_takes_its_script():
    script = _SCRIPTS[Shell.BASH]
    done = subprocess.run(
        ["/bin/bash", "-c", f"set -eu\n{script}\ncomplete -p webhookd"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "complete -o default -F _webhookd webhookd\n"
