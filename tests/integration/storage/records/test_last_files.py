"""Which file of a source came last, and what last went wrong: in both kinds of database."""

from __future__ import annotations

from datetime import timedelta

from tests.making import NOW
from webhookd.model import LatestFile, PutAway
from webhookd.storage.records import last_files
from webhookd.storage.records.files import Files
from webhookd.storage.records.last_files import LastFile

LATER = NOW + timedelta(minutes=1)
NAME = "März 1 %_\N{WHITE SMILING FACE}.csv"


def test_a_good_file_keeps_the_error_of_the_one_before_it(with_writer, database):
    async def work(writer):
        files = Files(writer)
        await files.open("crm", "c1", "bad.csv")
        await files.forget("c1", PutAway("crm", "bad.csv", NOW, "bad.csv: 1 of 1 row is bad"))
        bad = last_files.of_all(database)
        await files.open("crm", "c2", NAME)
        await files.forget("c2", PutAway("crm", NAME, LATER), LatestFile("crm", NAME, 17))
        return bad, await files.latest("crm")

    bad, latest = with_writer(work)

    error = ("bad.csv: 1 of 1 row is bad", NOW)
    assert bad == {"crm": LastFile("bad.csv", NOW, *error)}
    assert last_files.of_all(database) == {"crm": LastFile(NAME, LATER, *error)}
    assert latest == LatestFile("crm", NAME, 17)


def test_each_source_has_its_own_and_one_without_files_may_have_an_error(with_writer, database):
    async def work(writer):
        files = Files(writer)
        await files.forget("c1", PutAway("crm", "a.csv", NOW))
        await files.note_error("crm-2", "its folder is away", LATER)
        await files.forget("c2")

    with_writer(work)

    assert last_files.of_all(database) == {
        "crm": LastFile("a.csv", NOW),
        "crm-2": LastFile(error="its folder is away", error_at=LATER),
    }
