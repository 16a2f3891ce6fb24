"""Zips that are dropped: read like the file in them, or set aside with a sentence."""

import io
import json
import zipfile

import pytest

from tests.integration.sources.dropping import Dropping


def zipped(name="contacts.csv", content="id,name\n1,Ada\n2,Bob\n", **more):
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as made:
        for each, text in {name: content, **more}.items():
            made.writestr(each, text)
    return into.getvalue()


def reason(source, name):
    report = source.root / "failed" / f"{name}.error.json"
    return json.loads(report.read_text())["reason"]


def test_a_zip_is_read_as_the_file_in_it(tmp_path):
    source = Dropping(tmp_path)

    assert len(source.take("a.zip", zipped())) == 2
    assert len(source.take("b.zip", zipped("x.ndjson", '{"id": "3"}\n'))) == 1
    assert (source.root / "done" / "a.zip").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("two.zip", zipped(**{"b.csv": "id\n3\n"}), "exactly one data file"),
        ("cut.zip", zipped()[:-10], "the zip is cut or damaged"),
        ("odd.zip", zipped("contacts.txt"), "does not tell the format"),
        ("book.xlsx", zipped("[Content_Types].xml"), "export it as CSV"),
        ("book.csv", zipped("[Content_Types].xml"), "export it as CSV"),
        ("book.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "export it as CSV"),
        ("book.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "export it as CSV"),
        ("book.ods", b"id,name\n1,Ada\n", "export it as CSV"),
        ("t.parquet", b"PAR1\x15\x04\0" + bytes(64), "a Parquet file"),
        ("t.csv", b"BZh91AY&SY" + bytes(64), "packed with bzip2; gzip and zip are read"),
    ],
)
def test_what_is_not_read_is_set_aside_with_a_sentence(tmp_path, name, content, says):
    source = Dropping(tmp_path)

    assert source.take(name, content) == []
    assert says in reason(source, name)


def test_text_that_is_named_like_a_spreadsheet_is_read_where_the_format_is_set(tmp_path):
    assert len(Dropping(tmp_path, format="csv").take("a.xls", "id,name\n1,Ada\n")) == 1


def test_a_snapshot_whose_checksum_is_another_deletes_nothing(tmp_path):
    source = Dropping(tmp_path, content="snapshot")
    source.take("1.zip", zipped())
    damaged = bytearray(zipped(content="id,name\n1,Ada\n"))
    damaged[damaged.rindex(b"PK\x01\x02") + 16] ^= 1

    assert source.take("2.zip", bytes(damaged)) == []
    assert "checksum" in reason(source, "2.zip")


def test_a_zip_whose_reading_was_interrupted_is_read_on(tmp_path):
    rows = "".join(f"{number},Ada\n" for number in range(2000))
    source = Dropping(tmp_path)
    source.drop("a.zip", zipped(content=f"id,name\n{rows}"))

    taken = 0

    def until_interrupted(ledger, take):
        async def take_some(batch):
            nonlocal taken
            taken += 1
            if taken > 2:
                raise KeyError("interrupted")
            return await take(batch)

        return ledger, take_some

    with pytest.raises(KeyError):
        source.run(wrap=until_interrupted)
    source.run()

    assert len(source.deliveries()) == 2000
