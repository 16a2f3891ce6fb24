"""Pages that a reader follows from top to bottom: every command, and what it really prints."""

import pytest

from tests.documents import pages, readers, sessions
from tests.documents.sessions import Saved

FOLLOWED = ("../README", "tutorial", "troubleshooting")


@pytest.mark.parametrize("name", FOLLOWED)
def test_each_command_of_the_page_prints_what_the_page_shows(name):
    with readers.reader() as reader:
        for step in sessions.steps(pages.text(name)):
            if isinstance(step, Saved):
                reader.save(step)
                continue
            done = reader.do(step)
            where = f"docs/{name}.md:{step.line}: {step.command or 'goes on'}"
            assert done.is_shown, f"{where}\nprinted:\n{done.printed}"
