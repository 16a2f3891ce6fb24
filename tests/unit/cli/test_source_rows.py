"""The sources of `webhookd status`, as a terminal shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webhookd.cli import status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = {
    "source": "crm",
    "records": 3,
    "pending": 0,
    "file": None,
    "host": None,
    "objects": [],
    "last_file": None,
    "last_error": None,
}


def shown(capsys, **changes):
    status._print_sources([SOURCE | changes], NOW)
    return capsys.readouterr().out.splitlines()[2:]


def test_a_source_of_which_nothing_is_known_has_one_row(capsys):
    assert shown(capsys, is_disk_low=False, disk_free_bytes=5 << 30) == []


def test_a_disk_without_room_is_told_with_what_is_free_of_it(capsys):
    (line,) = shown(capsys, is_disk_low=True, disk_free_bytes=13_100_000)

    assert line.strip() == (
        "its disk has only 12.5 MiB free: no file is taken until there is more room"
    )


def test_what_rests_of_a_type_of_object_is_told_beneath_it():
    resting = {"lists/vip": "the API answered 404", "owners": "the API answered 403"}

    assert status._resting({"resting": resting}) == (
        "cannot read lists/vip: the API answered 404",
        "cannot read owners: the API answered 403",
    )
    assert status._resting({}) == ()


@pytest.mark.parametrize("columns", ["80", "140"])
def test_the_last_error_of_a_source_is_never_cut(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    error = (
        "contacts-2.csv: the snapshot lacks 3 of 4 known records; if that is right, let it through:"
        " webhookd sources accept /var/spool/webhookd/crm/failed/contacts-2.csv"
    )

    lines = shown(
        capsys,
        last_file="contacts-3.csv",
        last_file_at=(NOW - timedelta(minutes=3)).isoformat(),
        last_error=error,
        last_error_at=(NOW - timedelta(hours=2)).isoformat(),
    )

    assert lines[0].strip() == "last file 3m ago: contacts-3.csv"
    assert " ".join(line.strip() for line in lines[1:]) == f"last error 2h ago: {error}"
    assert all(len(line) <= int(columns) for line in lines)
