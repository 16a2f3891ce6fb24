"""Tables on a narrow terminal: nothing of them is cut."""

import pytest

from webhookd.cli.styled import Styled
from webhookd.cli.tables import print_rows, print_table

COLUMNS = ("SOURCE", "RECORDS", "READ FROM")
ROW = ("crm", "3", "/var/spool/webhookd/a/long/path/to/files")


@pytest.fixture
def shown(capsys, monkeypatch):
    """Return what gives the lines of a table on a terminal of so many columns."""

    def lines(columns, *rows, room):
        if room is not None:
            monkeypatch.setenv("COLUMNS", str(room))
        told = [row if isinstance(row[-1], list) else (row, ()) for row in rows]
        print_rows(columns, told, room=room)
        return capsys.readouterr().out.splitlines()

    return lines


@pytest.mark.parametrize("room", [None, 80])
def test_what_fits_is_a_line_a_row(shown, room):
    assert shown(COLUMNS, ROW, room=room) == [
        "SOURCE  RECORDS  READ FROM",
        "crm     3        /var/spool/webhookd/a/long/path/to/files",
    ]


def test_the_last_column_of_a_row_that_is_too_long_stands_beneath_it(shown):
    assert shown(COLUMNS, ROW, ("erp", "12", "/srv"), room=40) == [
        "SOURCE  RECORDS  READ FROM",
        "crm     3",
        "    /var/spool/webhookd/a/long/path/to/files",
        "erp     12       /srv",
    ]


def test_columns_without_room_stand_beneath_with_their_names(shown):
    lines = shown((*COLUMNS, "WHY"), (*ROW, "nobody knows"), (*ROW[:2], "", ""), room=24)

    assert lines == [
        "SOURCE  RECORDS",
        "crm     3",
        "    read from:",
        "    /var/spool/webhookd/a/long/path/to/files",
        "    why: nobody knows",
        "crm     3",
    ]


def test_a_sentence_is_wrapped_and_one_without_words_takes_no_line(shown):
    sentences = [("the receiver answered 422, which is not retried", "red"), ("", "")]

    assert shown(("A", "B"), (("a", Styled("b", "bold")), sentences), room=30) == [
        "A  B",
        "a  b",
        "    the receiver answered 422,",
        "    which is not retried",
    ]


def test_a_first_column_that_is_too_long_stands_where_it_is(shown):
    assert shown(("A", "B"), ("a" * 40, "b"), room=20) == ["A", "a" * 40, "    b: b"]


def test_a_pipe_gets_whole_lines_whatever_columns_says(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    print_table(COLUMNS, [ROW])

    assert len(capsys.readouterr().out.splitlines()) == 2
