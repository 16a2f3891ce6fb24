"""The page of screens has them all, and what is wrapped ends where its terminal does."""

import re

from tests.documents.captures import PAGE, SCREENS, WIDTHS

BLOCK = re.compile(r"^(\d+) columns:\n\n```text\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
WRAPPED = {
    *("status", "deliveries list", "explain", "sources list", "records list", "records forget"),
    "presets list",
}


def screens():
    found = {}
    for part in PAGE.read_text().split("\n## ")[1:]:
        name = part.partition("\n")[0]
        blocks = BLOCK.findall(part)
        found[name] = {int(width): text.splitlines() for width, text in blocks}
    return found


def test_the_page_has_every_screen_at_both_widths():
    found = screens()

    assert list(found) == list(SCREENS)
    assert {tuple(one) for one in found.values()} == {WIDTHS}


def test_lines_end_where_the_terminal_does():
    long = [
        (name, width, line)
        for name, by_width in screens().items()
        for width, lines in by_width.items()
        for line in lines[1:]
        if name in WRAPPED and len(line) > width
    ]

    assert long == []
