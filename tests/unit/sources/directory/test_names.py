"""Names of files."""

from __future__ import annotations

import os
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from webhookd.sources.directory import names

ANY_NAME = st.binary(min_size=1, max_size=255).map(os.fsdecode)


@given(name=ANY_NAME)
def test_a_printable_name_can_be_stored_and_shown(name):
    shown = names.printable(name)

    assert shown.encode()
    assert shown.isprintable()


def test_a_good_name_is_shown_as_it_is():
    assert names.printable("Kontakte für März.csv") == "Kontakte für März.csv"
    assert names.printable("a\x1b[2J\n\udcff") == "a\\x1b[2J\\n\\xff"


@given(name=ANY_NAME, reserved=st.integers(0, 11))
def test_candidates_always_fit_and_differ(name, reserved):
    found = list(islice(names.candidates(name, reserved=reserved), 12))

    assert max(len(os.fsencode(candidate)) for candidate in found) + reserved <= 255
    assert len(set(found[1:])) == 11


def test_a_taken_name_is_numbered():
    assert list(islice(names.candidates("a.csv"), 3)) == ["a.csv", "a.csv~2", "a.csv~3"]


def test_a_name_is_cut_between_characters():
    (first,) = islice(names.candidates("é" * 127, reserved=10), 1)

    assert first == "é" * 122
