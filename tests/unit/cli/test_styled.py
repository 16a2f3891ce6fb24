"""Lines with colours: what rich shows of them on a terminal, and how wide they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from webhookd.cli.styled import Styled

PARTS = st.lists(st.tuples(st.text(), st.sampled_from(["", "green", "bold red"])))


def line(parts):
    made = Styled()
    for text, style in parts:
        made.append(Styled(text, style))
    return made


@given(PARTS)
def test_it_is_as_wide_as_rich_shows_it(parts):
    made = line(parts)

    assert made.plain == "".join(text for text, _ in parts)
    assert made.width == cell_len(made.plain)
    assert Text.assemble(*made.parts).plain == Text("".join(text for text, _ in parts)).plain


@given(PARTS)
def test_blanks_at_its_end_are_dropped_and_nothing_else_is(parts):
    made = line(parts)

    assert made.stripped().plain == made.plain.rstrip()
