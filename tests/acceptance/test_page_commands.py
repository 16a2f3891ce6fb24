"""The commands of pages that are looked up, each run beside a real daemon with records.

What they print is not compared: only that each does what it is told. Pages that a reader follows
from top to bottom are in `test_pages`; commands that need more than this folder are named here.
"""

import re

import pytest

from tests.documents import commands, pages, readers, sessions
from tests.documents.sessions import Saved, Step

PLAYGROUND = (pages.ROOT / "tests" / "data" / "playground.md").read_text()
LOOKED_UP = ("console", "desk", "incidents", "running", "sources", "timed-triggers")
OTHERS = {
    "../README": "test_pages",
    "tutorial": "test_pages",
    "troubleshooting": "test_pages",
    "command-line": "an example for each command, taken from its help",
    "containers": "needs a cluster",
    "install": "needs root and systemd: tests/acceptance/systemd",
    "pull-requests": "test_pull_requests_page",
    "recipes": "needs the secrets of the services; tests/recipes.py runs each of them",
    "scaling": "needs root and PostgreSQL: test_postgresql, test_rolling",
    "tracing": "needs a collector",
}
"""Pages with commands that are not run here, and why. Of these too, each command is parsed."""
ELSEWHERE = {
    "sources accept": "test_snapshots",
    "sources try": "test_rest_source",
    "sources properties crm": "test_online_check, of a fake HubSpot",
    "completion": "it writes into folders that only people with that shell have",
    "check --offline --config pipedrive.yaml": "it has the words of an account yet to be written",
}
"""What is run by other tests, with what it needs."""
HERE = {"/etc/webhookd/config.yaml": "config.yaml", "/var/lib/webhookd": ".webhookd"}
RUNS_ON = re.compile(r"webhookd (listen|run|console)\b|--(follow|watch)\b")
GOOD = {0, 4, 10}
"""4: `test` found that it does not fire; 10: `plan` found changes."""
INTERRUPTED = {0, 130}


def lines(name):
    """Return the lines of the page that call webhookd, without what its output is piped to."""
    for step in sessions.steps(pages.text(name)):
        if isinstance(step, Step) and step.command.startswith("webhookd "):
            line, _, _ = step.command.partition(" | ")
            if not any(line.startswith(f"webhookd {one}") for one in ELSEWHERE):
                yield line


def as_here(line):
    """Return *line* with the paths of this folder, and with a port that is free."""
    for there, here in HERE.items():
        line = line.replace(there, here)
    line, _, _ = line.partition("  #")
    if re.match(r"webhookd (listen|console)", line):
        line += " --port 0" if "listen" in line else " --listen 127.0.0.1:0"
    if line.startswith("webhookd run "):
        line = line.replace(".webhookd", "another-state") + " --admin-address 127.0.0.1:0"
    return line


def test_no_page_with_commands_is_forgotten():
    found = {page for page in pages.PAGES if commands.typed(page.read_text())}

    assert found <= {(pages.DOCS / f"{name}.md").resolve() for name in [*LOOKED_UP, *OTHERS]}


@pytest.fixture
def playground():
    with readers.reader() as reader:
        for step in sessions.steps(PLAYGROUND):
            if isinstance(step, Saved):
                reader.save(step)
                continue
            done = reader.do(step)
            assert done.is_shown, f"{step.command}\n{done.printed}"
        # What docs/desk.md names as a secret that people have.
        assert reader.run("export MY_SECRET=of-a-webhook", until_it_prints=False)[1] == 0
        yield reader


@pytest.mark.parametrize("name", LOOKED_UP)
def test_each_command_of_the_page_does_what_it_is_told(playground, name):
    told = list(lines(name))

    assert told
    for line in told:
        runs_on = bool(RUNS_ON.search(line))
        printed, status = playground.run(as_here(line), until_it_prints=runs_on)
        assert status in (INTERRUPTED if runs_on else GOOD), f"{line}\n{printed}"
        assert "Traceback" not in printed
