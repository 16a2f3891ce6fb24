"""The page about pull requests: its snippets are what the services and the commands take."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import forked
from tests.daemon import PATIENCE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pull-requests.md").read_text()
SNIPPETS = dict(re.findall(r"^## ([^\n]+)\n.*?```yaml\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
CHECK = Path(sys.executable).with_name("check-jsonschema")


def validated(path, *schema):
    """Return what is wrong with a file, nothing when all is right."""
    done = subprocess.run([CHECK, *schema, path], capture_output=True, check=False, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "schema"),
    [("GitHub Actions", "vendor.github-workflows"), ("GitLab", "vendor.gitlab-ci")],
)
def test_a_snippet_is_what_the_service_takes(tmp_path, name, schema):
    path = tmp_path / "snippet.yaml"
    path.write_text(SNIPPETS[name])
    assert validated(path, "--builtin-schema", schema) == ""

    path.write_text(SNIPPETS[name].replace("script:", "scripts:").replace("steps:", "step:"))
    assert validated(path, "--builtin-schema", schema)


def test_the_example_is_right_by_the_schema_alone():
    schema = ROOT / "schema" / "webhookd.schema.json"

    assert validated(ROOT / "config.example.yaml", "--schemafile", schema) == ""


def test_the_hook_is_the_one_that_the_page_names():
    (repository,) = yaml.safe_load(SNIPPETS["Before a commit"])["repos"]
    (hook,) = repository["hooks"]
    (offered,) = HOOKS

    assert hook["id"] == offered["id"]
    assert re.search(offered["files"], "webhooks/a.yaml")
    words = [*offered["entry"].split()[1:], "--config", "config.example.yaml"]
    done = forked.run(words, folder=ROOT, environment=dict(os.environ), timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def test_each_command_of_the_page_exists_with_its_options():
    told = re.findall(r"webhookd (check|plan|schema)((?: --[a-z]+)*)", PAGE)
    assert {name for name, _ in told} == {"check", "plan", "schema"}
    for name, options in set(told):
        asked = (name, "--help")
        done = forked.run(asked, folder=ROOT, environment=dict(os.environ), timeout=PATIENCE)
        assert all(option in done.stdout for option in options.split())
