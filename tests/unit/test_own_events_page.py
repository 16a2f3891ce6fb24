"""The page of own events lists each of them, with its severity and its properties."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from webhookd.definitions.event_kinds import COMMON, EVENT_KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "own-events.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if re.match(r"\| `\w+\.", line)]


def names(cell):
    return re.findall(r"`([\w.]+)`", cell)


def test_each_event_is_listed_once_and_no_other():
    assert sorted(name for row in ROWS for name in names(row[0])) == sorted(EVENT_KINDS)


@pytest.mark.parametrize("name", EVENT_KINDS)
def test_its_row_says_its_severity_and_its_properties(name):
    (row,) = [row for row in ROWS if name in names(row[0])]
    of_the_row = names(row[0])
    severities, listed = names(row[2]), names(row[3])

    which = min(of_the_row.index(name), len(severities) - 1)
    assert severities[which] == EVENT_KINDS[name].severity
    together = {one for other in of_the_row for one in EVENT_KINDS[other].properties}
    assert set(listed) == together


def test_the_common_properties_are_listed():
    for name in COMMON:
        assert f"| `{name}` |" in PAGE
