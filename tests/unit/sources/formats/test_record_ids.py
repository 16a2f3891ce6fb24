"""Which values are ids, by one rule for all formats."""

from __future__ import annotations

import io

import pytest

from webhookd.model import BadRow
from webhookd.sources.formats import formats
from webhookd.sources.formats.record_ids import IdRule, RefusedIdError
from webhookd.sources.formats.rows import observer

RULE = IdRule("key")
OF_SPREADSHEETS = ["1.0", "204.00", "-7.0", "1.23457E+11", "4,51987E+11", "4.51987e+05", "1E+12"]


@pytest.mark.parametrize("written", OF_SPREADSHEETS)
def test_what_a_spreadsheet_makes_of_an_id_is_refused_unless_every_text_is_an_id(written):
    with pytest.raises(RefusedIdError, match="spreadsheet turned the id into a number"):
        RULE.id_of(written)

    assert IdRule("key", is_text=True).id_of(written) == written


@pytest.mark.parametrize(
    "written",
    ["550e8400", "3E8", "1.2.3", "v1.0", "1.5", "0012", "a@b.c", "1.0-rc", "12E", "10.0.0.1", "-1"],
)
def test_every_other_text_is_an_id_as_it_stands(written):
    assert RULE.id_of(written) == written


@pytest.mark.parametrize(
    ("written", "id_"),
    [
        (" 17 ", "17"),
        ("\u00a017\u202f", "17"),
        ("\t17", "17"),
        ('="0012"', "0012"),
        (' ="0012" ', "0012"),
        ('="a""b"', 'a"b'),
    ],
)
def test_what_stands_around_an_id_does_not_count(written, id_):
    assert RULE.id_of(written) == id_


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "empty"),
        (" \u00a0", "empty"),
        ('=""', "empty"),
        ("\ufeff17", "invisible"),
        ("17\u200b", "invisible"),
        (" \u200e17", "invisible"),
        ("1\n7", "control"),
        ("17\n", "control"),
        ('="1.0"', "spreadsheet"),
        ("-0", "-0"),
        (None, "missing"),
        (True, "boolean"),
        ([1], "nested"),
    ],
)
def test_what_is_no_id_says_why(written, why):
    with pytest.raises(RefusedIdError, match=why):
        RULE.id_of(written)


@pytest.mark.parametrize("written", ["1.0", "1.23457E+11"])
@pytest.mark.parametrize("is_text", [False, True])
def test_all_formats_agree(written, is_text):
    observe = observer("contacts", IdRule("id", is_text=is_text))
    contents = {"csv": f"id\n{written}\n", "ndjson": f'{{"id":"{written}"}}'}
    contents |= {"json": f'[{{"id":{written}}}]'}

    for file_format, content in contents.items():
        (row,) = formats.rows(io.BytesIO(content.encode()), file_format, "id")
        seen = observe(row)
        assert isinstance(seen, BadRow) is not is_text
        assert is_text is False or seen.record_id == written


def test_the_property_of_the_id_is_the_id():
    (row,) = formats.rows(io.BytesIO(b'id,a\n"=""0012""", x \n'), "csv", "id")

    seen = observer("contacts", IdRule("id"))(row)

    assert seen.properties == {"id": '"0012"', "a": '" x "'}
