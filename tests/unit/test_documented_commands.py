"""Each command that a page names is one, with options that it has."""

import pytest

from tests.documents import commands
from tests.documents.commands import Told
from tests.documents.pages import PAGES, ROOT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_command_line_takes_each_command_of_the_page(page):
    text = page.read_text()
    refusals = [commands.refusal(told) for told in commands.typed(text) + commands.named(text)]

    assert [one for one in refusals if one] == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("webhookd chek", "there is no command 'chek'"),
        ("webhookd deliveries retri 7 --to x", "there is no command 'retri'"),
        ("webhookd check --of-line", "No such option: --of-line"),
        ("webhookd check --config", "Option '--config' requires an argument"),
        ("webhookd explain 1 2", "['2'] is too much"),
    ],
)
def test_a_command_that_is_wrong_is_found(line, why):
    (told,) = commands.typed(f"```console\n$ cd x && {line} | jq .x   # all\n```\n")

    assert told == Told(told.line, tuple(line.split()[1:]))
    assert why in commands.refusal(told)
