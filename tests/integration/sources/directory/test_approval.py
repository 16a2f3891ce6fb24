"""`accepting`: what may be let through by hand, and what not."""

from __future__ import annotations

import json
import os

import pytest

from tests.integration.sources.dropping import Dropping
from webhookd.sources.directory.approval import NotAcceptedError, accept, root_of

MANY = "".join(f'{{"id":"{number}"}}\n' for number in range(30))
FEW = '{"id":"1"}\n'


@pytest.fixture
def dump(tmp_path):
    """Return a source that set a snapshot aside: 2.ndjson lacks 29 of 30 records."""
    dump = Dropping(tmp_path, content="snapshot")
    dump.take("1.ndjson", MANY)
    dump.take("2.ndjson", FEW)
    assert dump.names("failed") == ["2.ndjson", "2.ndjson.error.json"]
    return dump


def let_through(dump, name):
    path = dump.root / "failed" / name
    assert root_of(path) == dump.root

    def last_taken():
        return dump.query("SELECT last_snapshot FROM sources")[0][0]

    return accept(path, last_taken)


def test_one_that_was_set_aside_is_moved_and_taken(dump):
    assert let_through(dump, "2.ndjson") == dump.root / "accepted" / "2.ndjson"
    assert dump.names("failed") == []

    dump.run()

    assert [told[1] for told in dump.deliveries()[30:]] == ["deleted"] * 29
    assert dump.names("done") == ["1.ndjson", "2.ndjson"]


def test_one_that_fails_for_another_reason_once_accepted_fails(dump):
    path = dump.root / "failed" / "2.ndjson"
    path.write_text(FEW + "oops\n")
    let_through(dump, "2.ndjson")

    dump.run()

    assert "nothing was deleted" in dump.report("2.ndjson")["reason"]
    assert len(dump.deliveries()) == 30


def test_it_is_refused_when_a_newer_one_was_taken(dump):
    dump.take("3.ndjson", MANY + '{"id":"new"}\n')

    with pytest.raises(NotAcceptedError, match="a newer snapshot was taken since"):
        let_through(dump, "2.ndjson")
    assert "2.ndjson" in dump.names("failed")


def test_it_is_refused_while_a_newer_one_is_in_work(dump):
    folder = dump.root / "work" / "9999"
    folder.mkdir()
    (folder / "3.ndjson").write_text(MANY)

    with pytest.raises(NotAcceptedError, match="is being taken now"):
        let_through(dump, "2.ndjson")


def test_it_goes_back_when_a_newer_one_was_claimed_meanwhile(dump):
    path = dump.root / "failed" / "2.ndjson"
    answers = iter([None, "~"])

    with pytest.raises(NotAcceptedError, match="a newer snapshot was taken since"):
        accept(path, lambda: next(answers))
    assert dump.names("accepted") == []
    assert dump.names("failed") == ["2.ndjson", "2.ndjson.error.json"]


def test_it_is_well_when_the_daemon_has_it_already(dump):
    path = dump.root / "failed" / "2.ndjson"

    def last_taken():
        for taken in dump.root.glob("accepted/*"):
            taken.unlink()
            return "~"
        return None

    assert accept(path, last_taken).parent.name == "accepted"
    assert dump.names("failed") == []


def test_another_that_was_set_aside_later_does_not_stand_in_the_way(dump):
    dump.take("3.ndjson", "")

    let_through(dump, "2.ndjson")
    let_through(dump, "3.ndjson")
    dump.run()

    assert len(dump.deliveries()) == 60
    assert dump.names("done") == ["1.ndjson", "2.ndjson", "3.ndjson"]


def test_what_broke_is_not_let_through(dump):
    dump.take("3.json", "[{")

    with pytest.raises(NotAcceptedError, match=r"it failed: .*; drop a corrected file into new/"):
        let_through(dump, "3.json")


@pytest.mark.parametrize("report", [None, "", "[" * 100_000, "{}", '{"accept": "x", "claim": 1}'])
def test_a_report_that_is_not_ours_is_refused(dump, report):
    beside = dump.root / "failed" / "2.ndjson.error.json"
    beside.unlink()
    if report is not None:
        beside.write_text(report)

    with pytest.raises(NotAcceptedError, match="drop the file into new/ again"):
        let_through(dump, "2.ndjson")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("failed/none.ndjson", "no such file"),
        ("done/1.ndjson", "only a snapshot that was set aside"),
        ("failed/2.ndjson.error.json", "name the file itself: 2.ndjson"),
    ],
)
def test_another_file_is_refused_with_what_to_do(dump, name, says):
    with pytest.raises(NotAcceptedError, match=says):
        root_of(dump.root / name)


def test_a_name_taken_in_accepted_is_not_overwritten(dump):
    (dump.root / "accepted" / "2.ndjson").write_text("other")

    assert let_through(dump, "2.ndjson").name == "2.ndjson~2"
    assert (dump.root / "accepted" / "2.ndjson").read_text() == "other"


def test_a_folder_one_may_not_write_is_a_clear_error(dump, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "rename", refuse)

    with pytest.raises(NotAcceptedError, match="Permission denied; is this the daemon's user"):
        let_through(dump, "2.ndjson")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("it's a dump.ndjson", "it'\"'\"'s a dump.ndjson'"),
        (os.fsdecode(b"odd\xff\n'.ndjson"), "odd\\xff\\x0a\\x27.ndjson'"),
    ],
)
def test_the_command_in_the_report_is_one_word_for_any_name(dump, name, word):
    dump.take(name, "")

    reports = [json.loads(path.read_bytes()) for path in dump.root.glob("failed/*.error.json")]
    commands = [report["accept"] for report in reports if "2.ndjson" not in report["file"]]
    assert len(commands) == 1
    assert commands[0].endswith(word)
