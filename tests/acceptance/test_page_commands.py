"""The commands of pages that are looked up, each run beside a real daemon with records.

Each does what it is told, and prints what the page shows of it. Pages that a reader follows from
top to bottom are in `test_pages`; commands that need more than this folder are named here.
"""

import pytest

from tests.documents import commands, lookups, pages
from tests.documents.lookups import LOOKED_UP, PARTLY

OTHERS = {
    "../README": "test_pages",
    "tutorial": "test_pages",
    "troubleshooting": "test_pages",
    "command-line": "an example for each command, taken from its help",
    "containers": "needs a cluster",
    "install": "most of it needs root and systemd: tests/acceptance/systemd",
    "pull-requests": "test_pull_requests_page",
    "recipes": "needs the secrets of the services; tests/recipes.py runs each of them",
    "scaling": "most of it needs root and PostgreSQL: test_postgresql, test_rolling",
    "tracing": "needs a collector, which test_tracing has",
}
"""Pages with commands that are not run here, and why. Of these too, each command is parsed."""
GOOD = {0, 4, 10}
"""4: `test` found that it does not fire; 10: `plan` found changes."""
INTERRUPTED = {0, 130}


def test_no_page_with_commands_is_forgotten():
    found = {page for page in pages.PAGES if commands.typed(page.read_text())}

    assert found <= {(pages.DOCS / f"{name}.md").resolve() for name in [*LOOKED_UP, *OTHERS]}


@pytest.fixture
def playground():
    with lookups.playground() as reader:
        yield reader


@pytest.mark.parametrize("name", [*LOOKED_UP, *PARTLY])
def test_each_command_of_the_page_does_what_it_is_told_and_prints_what_is_shown(playground, name):
    partly = name in PARTLY
    told = list(lookups.asked_partly(name) if partly else lookups.asked(pages.text(name)))

    assert told
    for step in told:
        ran = lookups.run(playground, step)
        runs_on = bool(lookups.RUNS_ON.search(step.command))
        where = f"docs/{name}.md:{step.line}: {step.command}\nprinted:\n{ran.printed}"
        assert ran.status in (INTERRUPTED if runs_on else GOOD), where
        assert "Traceback" not in ran.printed, where
        assert not step.shown or ran.is_shown, where
