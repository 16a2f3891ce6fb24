"""The cursor of a type of object that is looked for what its list lacks."""

import json
from dataclasses import replace

from webhookd.sources.hubspot.cursor import Absence, ListPass, aside, beginning, parsed
from webhookd.sources.source import SetAside

BEFORE = {"since", "marks", "listing", "sweep", "archive", "passes", "asked", "takeover"}


def test_one_that_never_was_has_no_key_that_an_older_version_does_not_know():
    cursor = beginning(5, listing=None)

    assert json.loads(cursor.text()).keys() == BEFORE
    assert parsed(cursor.text()) == cursor
    assert aside(cursor.text()) is None


def test_every_stage_is_read_as_it_was_written():
    stages = (
        Absence(1, 7, ListPass(1)),
        Absence(1, 7, ListPass(1, "100", 3, "40"), met=300, dated=9),
        Absence(2, 7, checked="12", set_aside=SetAside(1, 20, 30)),
        Absence(2, 7, is_over=True),
    )

    for stage in stages:
        cursor = replace(beginning(5, listing=None), absence=stage)
        assert parsed(cursor.text()) == cursor
        assert aside(cursor.text()) == stage.set_aside


def test_a_cursor_of_another_kind_sets_nothing_aside():
    assert aside('{"rest": 1}') is None
    assert aside("[]") is None
