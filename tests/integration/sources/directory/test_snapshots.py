"""Snapshots: dumps of everything become exactly the changes between them."""

from __future__ import annotations

import gzip
import json
import resource

import pytest

from tests.integration.sources.dropping import Dropping
from webhookd.sources.directory import snapshot
from webhookd.telemetry.events import FileChanged, FileFailed, FileTaken


@pytest.fixture
def dump(tmp_path):
    return Dropping(tmp_path, content="snapshot")


def ndjson(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def records(*ids, **properties):
    return [{"id": str(record_id), **properties} for record_id in ids]


def in_format(suffix, *rows):
    if suffix.startswith("csv"):
        text = "id,a\n" + "".join(f"{row['id']},{row['a']}\n" for row in rows)
    else:
        text = json.dumps(rows) if suffix.startswith("json") else ndjson(*rows)
    return gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode()


@pytest.mark.parametrize("suffix", ["csv", "json", "ndjson", "csv.gz", "json.gz", "ndjson.gz"])
def test_two_snapshots_are_the_changes_between_them(dump, suffix):
    first = in_format(suffix, *records(1, 2, 3, a="x"))
    second = in_format(suffix, *records(3, a="x"), *records(1, a="y"), *records(4, a="x"))

    assert dump.changes(f"1.{suffix}", first) == [(i, "created") for i in "123"]
    assert dump.take(f"2.{suffix}", second) == [
        ("1", "updated", {"id": "1", "a": "y"}, {"a": "x"}),
        ("4", "created", {"id": "4", "a": "x"}, {"id": None, "a": None}),
        ("2", "deleted", {"id": "2", "a": "x"}, {}),
    ]
    assert dump.names("done") == [f"1.{suffix}", f"2.{suffix}"]
    done = dump.reported.of(FileTaken)
    assert [(event.rows, event.deletions) for event in done] == [(3, 0), (3, 1)]
    assert dump.query("SELECT count(*) FROM snapshot_rows") == [(0,)]


def test_a_record_that_reappears_is_created(dump):
    dump.take("1.ndjson", ndjson(*records(1, 2, a="x")))
    dump.take("2.ndjson", ndjson(*records(1, a="x")))

    assert dump.changes("3.ndjson", ndjson(*records(1, 2, a="x"))) == [("2", "created")]


def test_a_tombstone_keeps_an_older_state_from_resurrecting_a_record(dump):
    def hubspot(record_id, hour, **properties):
        return {
            "id": record_id,
            "properties": properties,
            "updatedAt": f"2026-03-01T{hour:02}:00:00Z",
        }

    old, other = hubspot("1", 1, a="x"), hubspot("2", 1)
    dump.take("1.ndjson", ndjson(old, other))
    dump.take("2.ndjson", ndjson(hubspot("1", 2, a="y"), other))
    assert dump.changes("3.ndjson", ndjson(other)) == [("1", "deleted")]

    assert dump.changes("4.ndjson", ndjson(old, other)) == []
    assert dump.changes("5.ndjson", ndjson(hubspot("1", 3, a="z"), other)) == [("1", "created")]


def test_the_last_row_of_an_id_counts_and_two_alike_do_no_harm(dump):
    dump.take("1.ndjson", ndjson(*records(1, 2, a="x")))

    alike = [{"a": "y", "id": "1"}, {"id": "1", "a": "y"}]
    assert dump.changes("2.ndjson", ndjson(*alike)) == [("1", "updated"), ("2", "deleted")]


def test_with_two_differing_rows_of_an_id_nothing_is_deleted_and_the_report_says_so(dump):
    dump.take("1.ndjson", ndjson(*records(1, 2, a="x")))

    differing = [*records(1, a="y"), *records(3, a="x"), *records(1, a="z")]
    told = dump.take("2.ndjson", ndjson(*differing))

    assert [one[:3] for one in told] == [
        ("3", "created", {"id": "3", "a": "x"}),
        ("1", "updated", {"id": "1", "a": "z"}),
    ]
    report = dump.report("2.ndjson")
    assert report["reason"] == (
        "1 record stands in rows that differ; all others were taken, and nothing was deleted"
    )
    assert report["differing_records"] == [{"id": "1", "last_line": 3}]
    assert (report["is_complete"], report["accept"]) == (True, None)


def test_with_an_unreadable_row_nothing_is_deleted_and_the_report_says_so(dump):
    dump.take("1.ndjson", ndjson(*records(1, 2, a="x")))

    assert dump.changes("2.ndjson", "oops\n" + ndjson(*records(1, 3, a="y"))) == [
        ("1", "updated"),
        ("3", "created"),
    ]
    report = dump.report("2.ndjson")
    assert report["reason"] == (
        "1 of 3 rows is bad; all others were taken, and nothing was deleted"
    )
    assert report["bad_rows"][0]["line"] == 1
    assert (report["rows_read"], report["rows_taken"]) == (3, 2)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("2.json", '[{"id": "1", "a": "y"}, {"id":'),
        ("2.csv", 'id,a\n1,y\n2,"x\n'),
        ("2.ndjson.gz", gzip.compress(ndjson(*records(*range(9000), a="y")).encode())[:-50]),
        ("2.csv", "no header\n"),
    ],
)
def test_one_that_breaks_midway_takes_nothing(dump, name, content):
    dump.take("1.ndjson", ndjson(*records(1, 2, a="x")))

    assert dump.take(name, content) == []
    assert dump.report(name)["taken"] == "no row was taken"
    assert dump.report(name)["accept"] is None
    assert dump.query("SELECT count(*) FROM snapshot_rows") == [(0,)]


@pytest.mark.parametrize("content", ["", "id,a\n"])
def test_an_empty_one_is_set_aside_untouched(dump, content):
    dump.take("1.csv", "id,a\n1,x\n")

    assert dump.take("2.csv", content) == []
    report = dump.report("2.csv")
    path = dump.root / "failed" / "2.csv"
    assert path.read_text() == content
    assert "lists no record" in report["reason"]
    assert report["accept"] == f"webhookd sources accept {path}"
    assert report["accept"] in dump.reported.of(FileFailed)[0].reason


@pytest.mark.parametrize(
    ("known", "kept", "is_taken"),
    [(20, 9, False), (20, 10, True), (24, 11, False), (10, 1, True), (10, 0, False), (2, 0, False)],
)
def test_one_that_would_delete_more_than_half_and_more_than_ten_is_set_aside(
    dump, known, kept, is_taken
):
    dump.take("1.ndjson", ndjson(*records(*range(known), a="x")))

    told = dump.changes("2.ndjson", ndjson(*records(*range(kept), "new", a="x")))

    if is_taken:
        assert len(told) == known - kept + 1
    else:
        assert told == []
        assert f"lacks {known - kept} of the {known} known" in dump.report("2.ndjson")["reason"]


def test_records_deleted_before_are_neither_known_nor_missing(dump):
    dump.take("1.ndjson", ndjson(*records(*range(30), a="x")))
    dump.take("2.ndjson", ndjson(*records(*range(16), a="x")))

    assert dump.changes("3.ndjson", ndjson(*records(*range(8), a="x"))) == [
        (record_id, "deleted") for record_id in sorted(map(str, range(8, 16)))
    ]


def test_what_a_person_let_through_is_taken_before_what_is_new(dump):
    dump.take("1.ndjson", ndjson(*records(*range(30), a="x")))
    dump.drop("2.ndjson", ndjson(*records(1, a="x")), into="accepted")

    told = dump.changes("3.ndjson", ndjson(*records(1, 2, a="x")))

    assert ("2", "created") in told
    assert len([one for one in told if one[1] == "deleted"]) == 29


def test_an_accepted_empty_one_deletes_everything(dump):
    dump.take("1.ndjson", ndjson(*records(*range(30), a="x")))
    dump.drop("2.ndjson", "", into="accepted")

    dump.run()

    assert [one[1] for one in dump.deliveries()[30:]] == ["deleted"] * 30


def test_the_first_one_is_taken_as_known_when_starting_now(tmp_path):
    dump = Dropping(tmp_path, content="snapshot", start="now")

    assert dump.changes("1.ndjson", ndjson(*records(1, 2, a="x"))) == []
    assert dump.changes("2.ndjson", ndjson(*records(1, 3, a="x"))) == [
        ("2", "deleted"),
        ("3", "created"),
    ]


def test_a_row_that_says_archived_is_a_deletion(dump):
    dump.take("1.ndjson", ndjson(*records(1, 2, a="x")))
    gone = {"id": "1", "properties": {"id": "1"}, "archived": True}

    assert dump.changes("2.ndjson", ndjson(gone, *records(2, a="x"))) == [("1", "deleted")]


def changing(dump, change):
    """Return what wraps a ledger so that *change* has the claimed file before each `begin`."""

    class Changing:
        def __init__(self, ledger):
            self._ledger = ledger

        def __getattr__(self, name):
            return getattr(self._ledger, name)

        async def begin(self, made):
            (path,) = dump.root.glob("work/*/2.ndjson")
            change(path)
            await self._ledger.begin(made)

    return lambda ledger, take: (Changing(ledger), take)


def test_a_file_that_changes_between_the_passes_is_counted_anew(dump):
    dump.take("1.ndjson", ndjson(*records(1, 2, a="x")))
    dump.drop("2.ndjson", ndjson(*records(1, a="y")))

    def change(path):
        if "y" in path.read_text():
            path.write_text(ndjson(*records(1, 2, a="z")))

    before = len(dump.deliveries())
    dump.run(wrap=changing(dump, change))

    told = [(record_id, change) for record_id, change, *_ in dump.deliveries()[before:]]
    assert told == [("1", "updated"), ("2", "updated")]
    assert dump.names("done") == ["1.ndjson", "2.ndjson"]
    assert len(dump.reported.of(FileChanged)) == 1


def test_a_file_that_changes_whenever_it_is_read_is_put_away_at_last(dump, monkeypatch):
    monkeypatch.setattr(snapshot, "MOST_COUNTS", 3)
    dump.take("1.ndjson", ndjson(*records(1, 2, a="x")))
    dump.drop("2.ndjson", ndjson(*records(1, a="y")))

    def change(path):
        with path.open("a") as file:
            file.write(ndjson(*records(1, a="y")))

    dump.run(wrap=changing(dump, change))

    assert [told[0] for told in dump.deliveries() if told[1] == "deleted"] == []
    assert dump.report("2.ndjson")["reason"] == "the file changed while it was read"


def test_a_row_of_a_source_that_became_partial_stays_whole_in_a_snapshot(dump):
    """What was claimed as a snapshot is taken as one, whatever the configuration says since."""
    dump.take("1.ndjson", ndjson(*records(1, a="x", b="x")))
    folder = dump.root / "work" / "0001"
    folder.mkdir()
    (folder / "2.ndjson").write_text(ndjson(*records(1, a="x")))
    connection_sql = "INSERT INTO files (claim, source, name, phase) VALUES (?, ?, ?, ?)"
    dump.execute(connection_sql, "0001", "export", b"2.ndjson", "counting")
    later = Dropping(dump.folder, partial=True)

    later.run()

    assert later.deliveries()[-1] == ("1", "updated", {"id": "1", "a": "x"}, {"b": "x"})


def test_memory_stays_flat(dump):
    rows = 30_000
    before = "".join(f'{{"id":"{n * 7919 % rows}","a":"{"x" * 100}"}}\n' for n in range(rows))
    after = "".join(f'{{"id":"{n}","a":"{"x" * 100}"}}\n' for n in range(rows) if n % 3)
    dump.definitions = dump.definitions.__class__("c0ffee000000", dump.definitions.egress, {}, {})
    dump.drop("1.ndjson", before)
    dump.run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    dump.drop("2.ndjson", after)

    dump.run()

    assert dump.query("SELECT count(*) FROM known_records WHERE deleted = 1") == [(rows // 3,)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 20 * 1024
