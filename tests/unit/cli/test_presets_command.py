"""`webhookd presets`: what is shipped is listed as it claims to be, and shown to be copied."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from webhookd.cli.app import app
from webhookd.cli.presets import NoSuchPresetError
from webhookd.config import loading
from webhookd.config.presets import catalogue


def run(*arguments):
    return CliRunner().invoke(app, ["presets", *arguments], prog_name="webhookd")


def test_each_preset_is_a_line_with_its_status():
    done = run("list")

    assert done.exit_code == 0
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["PRESET", "READS", "OBJECTS", "STATUS"]
    assert [line.split()[0] for line in lines] == [*catalogue.names()]
    for line, name in zip(lines, catalogue.names(), strict=True):
        assert line.rstrip().endswith(catalogue.find(name).status)


def test_as_json_each_is_an_object():
    lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]

    assert [one["preset"] for one in lines] == [*catalogue.names()]
    assert {"title", "status", "objects", "takes_any_object"} < lines[0].keys()


def test_what_is_shown_is_a_configuration_with_the_words_that_are_to_be_replaced(tmp_path):
    done = run("show", "salesforce")
    (tmp_path / "config.yaml").write_text(done.stdout)

    assert done.exit_code == 0
    assert "# MYDOMAIN: the name of your My Domain.\n" in done.stdout
    assert "x-" not in done.stdout
    loaded = loading.load(tmp_path / "config.yaml", environment={}, offline=True)
    assert loaded.definitions.sources["crm"].polled_objects == tuple(
        catalogue.find("salesforce").objects
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("salesfoce", "there is no preset 'salesfoce'; did you mean 'salesforce'?"),
        ("../schema", "there is no preset '../schema'; there is 'attio-v2', "),
    ],
)
def test_an_unknown_name_is_told_with_what_may_be_meant(name, told):
    done = run("show", name)

    assert isinstance(done.exception, NoSuchPresetError)
    assert str(done.exception).startswith(told)
    assert NoSuchPresetError.exit_code == 1
