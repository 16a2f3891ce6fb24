"""The one data file of a zip: read in pieces, and set aside with a sentence where it is not one."""

from __future__ import annotations

import io
import struct
import threading
import time
import zipfile
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhookd.sources.directory.streams import Reading, ReadingStoppedError, open_claimed
from webhookd.sources.formats.rows import BrokenFileError
from webhookd.sources.packing import zip_entries

ROWS = b"id,name\n" + b"".join(b"%d,Ada\n" % number for number in range(500))


def packed(*files, method=zipfile.ZIP_DEFLATED, into=None):
    into = into or io.BytesIO()
    with zipfile.ZipFile(into, "w", method) as made:
        for name, content in files:
            made.writestr(name, content)
    return into.getvalue()


def read(folder, content: bytes, name="a.zip", reading=None):
    path = folder / name
    path.write_bytes(content)
    reading = reading or Reading(threading.Event(), time.monotonic)
    with open_claimed(path, reading) as opened:
        return opened.name, opened.content.read()


def reason(folder, content: bytes, name="a.zip"):
    with pytest.raises(BrokenFileError) as caught:
        read(folder, content, name)
    return caught.value.reason


class Unseekable(io.BytesIO):
    """A target that cannot be gone back in, so that lengths follow the data."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise OSError

    def tell(self):
        raise OSError


def zip64():
    into = io.BytesIO()
    with (
        zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as made,
        made.open("a.csv", "w", force_zip64=True) as entry,
    ):
        entry.write(ROWS)
    return into.getvalue()


@pytest.mark.parametrize("name", ["a.zip", "A.ZIP", "a.csv"])
@pytest.mark.parametrize(
    "content",
    [
        packed(("a.csv", ROWS)),
        packed(("a.csv", ROWS), method=zipfile.ZIP_STORED),
        packed(("a.csv", ROWS), into=Unseekable()),
        packed(("a.csv", ROWS), into=Unseekable(), method=zipfile.ZIP_STORED),
        zip64(),
        packed(("out/", b""), ("out/a.csv", ROWS), ("__MACOSX/out/._a.csv", b"x")),
        packed((".DS_Store", b"x"), (".git/config", b"y"), ("./a.csv", ROWS)),
        packed(("../../etc/a.csv", ROWS)),
        packed(("/a.csv", ROWS)),
        packed(("C:\\out\\a.csv", ROWS)),
        b"what stood before" + packed(("a.csv", ROWS)),
    ],
)
def test_the_one_data_file_is_read(tmp_path, name, content):
    if not content.startswith(b"PK"):
        name = "a.zip"

    assert read(tmp_path, content, name) == ("a.csv", ROWS)


def test_an_empty_data_file_is_one(tmp_path):
    assert read(tmp_path, packed(("a.csv", b""))) == ("a.csv", b"")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (packed(("a.csv", ROWS), ("b.csv", ROWS)), "exactly one data file"),
        (packed(("a.csv", ROWS), ("b.csv", ROWS)), "holds 2 ('a.csv', 'b.csv')"),
        (packed(), "this one holds none"),
        (packed(("a/", b"")), "this one holds none"),
        (packed((".a.csv", ROWS)), "this one holds none"),
        (packed(("b.zip", packed(("a.csv", ROWS)))), "'b.zip' is packed again"),
        (packed(("a.csv.gz", b"x")), "is packed again"),
        (packed(("a.csv", packed(("a.csv", ROWS)))), "packed twice"),
        (packed(("a.csv", b"\x1f\x8b\x08")), "packed twice"),
        (packed(("a.csv", ROWS), method=zipfile.ZIP_LZMA), "packed in another way"),
        (packed(("a.csv", ROWS), method=zipfile.ZIP_BZIP2), "packed in another way"),
        (packed(("[Content_Types].xml", b""), ("xl/workbook.xml", b"")), "export it as CSV"),
        (packed(("mimetype", b""), ("META-INF/manifest.xml", b"")), "export it as CSV"),
        (b"id,name\n1,Ada\n", "cut or damaged"),
        (b"", "cut or damaged"),
        (packed(("a.csv", ROWS))[:-30], "cut or damaged"),
        (packed(("a.csv", ROWS))[100:], "cut or damaged"),
    ],
)
def test_any_other_zip_is_set_aside_with_a_sentence(tmp_path, content, says):
    assert says in reason(tmp_path, content)


def test_a_list_of_files_that_is_too_long_is_set_aside(tmp_path):
    content = packed(*((f".{number:060}", b"") for number in range(12_000)))

    assert "over 1 MiB" in reason(tmp_path, content)


def changed(content: bytes, place: int, form: str, value: int, mark=b"PK\x01\x02"):
    """Return the zip with another *value* at a *place* of its last header with this *mark*."""
    found = bytearray(content)
    struct.pack_into(form, found, content.rindex(mark) + place, value)
    return bytes(found)


GOOD = packed(("a.csv", ROWS))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (changed(GOOD, 8, "<H", 1), "is encrypted"),
        (changed(GOOD, 6, "<H", 1, b"PK\x03\x04"), "another file"),
        (changed(GOOD, 24, "<L", len(ROWS) - 1), "more comes out of it"),
        (changed(GOOD, 24, "<L", len(ROWS) + 1), "bytes come out of it"),
        (changed(GOOD, 20, "<L", 40), "is missing"),
        (changed(GOOD, 20, "<L", len(GOOD)), "goes on where the list of files begins"),
        (changed(GOOD, 16, "<L", 7), "the checksum"),
        (changed(GOOD, 42, "<L", 5), "is not where"),
        (changed(GOOD, 42, "<L", 1 << 30), "is not where"),
        (changed(GOOD, 30, "<B", ord("b"), b"PK\x03\x04"), "another file"),
        (changed(GOOD, 40, "<B", 0xFF, b"PK\x03\x04"), "cut or damaged"),
        (changed(GOOD, 46, "<B", 0), "NUL"),
        (changed(changed(GOOD, 46, "<B", 0xFF), 8, "<H", 0x800), "not UTF-8"),
        (changed(GOOD, 12, "<L", 1 << 30, b"PK\x05\x06"), "cut or damaged"),
        (changed(GOOD, 16, "<L", 1 << 30, b"PK\x05\x06"), "cut or damaged"),
        (changed(GOOD, 10, "<H", 9999, b"PK\x05\x06"), ""),
    ],
)
def test_what_lies_about_itself_is_told(tmp_path, content, says):
    if says:
        assert says in reason(tmp_path, content)
    else:
        assert read(tmp_path, content) == ("a.csv", ROWS)


def test_a_name_with_a_nul_is_refused(tmp_path):
    content = packed(("a_csv", ROWS)).replace(b"a_csv", b"a\0csv")

    assert "named with a NUL" in reason(tmp_path, content)


def test_more_than_64_gib_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_entries, "MOST_UNPACKED", len(ROWS) - 1)

    assert f"of {len(ROWS)} bytes" in reason(tmp_path, GOOD)


def test_a_stop_is_seen_within_what_is_unpacked(tmp_path):
    stopping = threading.Event()
    reading = Reading(stopping, time.monotonic)
    (tmp_path / "a.zip").write_bytes(packed(("a.csv", bytes(10_000_000))))

    with open_claimed(tmp_path / "a.zip", reading) as opened:
        opened.content.read(10)
        stopping.set()
        with pytest.raises(ReadingStoppedError):
            opened.content.read(1 << 20)


def test_a_bomb_without_rows_is_not_read_on(tmp_path):
    content = packed(("a.csv", bytes(80 << 20)))

    assert "64 MiB" in reason(tmp_path, content)


@settings(max_examples=150)
@given(content=st.binary(max_size=5000), is_stored=st.booleans(), data=st.data())
def test_what_is_damaged_anywhere_breaks_or_is_as_it_was(
    tmp_path_factory, content, is_stored, data
):
    method = zipfile.ZIP_STORED if is_stored else zipfile.ZIP_DEFLATED
    whole = bytearray(packed(("a.csv", content), method=method))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=3)):
        whole[place] ^= data.draw(st.integers(1, 255))

    folder = tmp_path_factory.getbasetemp()
    with suppress(BrokenFileError):
        _, found = read(folder, bytes(whole[: data.draw(st.integers(0, len(whole)))]))
        assert found == content or zlib.crc32(found) != zlib.crc32(content)
