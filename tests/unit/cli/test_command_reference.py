"""The page about the command line is what the parser says."""

from pathlib import Path

from tests.documents import contents
from webhookd.cli import command_reference

PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"


def test_the_page_is_current_and_has_its_contents():
    page = command_reference.page()

    assert page == PAGE.read_text(), (
        "renew with: python -m webhookd.cli.command_reference > docs/command-line.md"
    )
    assert page == contents.renewed(page)


def test_the_page_has_what_only_a_module_of_a_command_knows():
    page = command_reference.page()

    assert "### deliveries retry\n\n```\nwebhookd deliveries retry [OPTIONS] [ID]..." in page
    assert "* `--log-successes all|none|1/N`: Which delivered attempts" in page
    assert "```console\n$ webhookd explain 2852f0\n```" in page
