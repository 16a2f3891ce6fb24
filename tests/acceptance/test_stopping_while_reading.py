"""A stop is over in time, whatever is being read."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from tests.daemon import until
from webhookd import clock

SHUTDOWN_TIMEOUT = 3
GRACE = 2
"""Seconds; how much later than its timeout a daemon may end."""

MANY = 60 << 20
"""Bytes; a little less than a file may have without a row."""

BAD = 9_999
"""Rows; one less than may be bad in a row."""

WORST = {
    "blank.ndjson.gz": lambda: b"\n" * MANY,
    "blank.csv.gz": lambda: b"id\n" + b"\n" * MANY,
    "blank.json.gz": lambda: b"[" + b" " * MANY,
    "line.ndjson.gz": lambda: b"x" * MANY,
    "quote.csv.gz": lambda: b'id,"' + b"a\n" * (MANY // 2),
    "brackets.json.gz": lambda: b"[" + b"{" * MANY,
    "escapes.json.gz": lambda: b'[{"a": "' + b'\\"' * (MANY // 2),
    "blank.csv": lambda: b"id\n" + b"\n" * MANY,
    "bad.csv": lambda: b"id,b\n" + (b'"1"x,2\n' * BAD + b"1,2\n") * 30,
    "bad.json": lambda: b"[" + (b"{x}," * BAD + b'{"id":"1"},') * 30 + b"{}]",
    "bad.ndjson": lambda: (b"{x}\n" * BAD + b'{"id":"1"}\n') * 30,
    "blank-cr.csv.gz": lambda: b"id\r" + b"\r" * MANY,
    "blank-utf-16.csv.gz": lambda: b"\xff\xfe" + "id\r".encode("utf-16-le") + b"\r\0" * (MANY // 2),
    "commas.csv.gz": lambda: b"id,b\n" + b"," * MANY,
    "breaks.csv.zip": lambda: b'id,b\n1,"' + b"\n" * MANY,
    "fields.csv.zip": lambda: b"id,b\n" + b'"a"x,"b",c,' * (MANY // 11),
}
"""What is written when its test comes, since all together are a gigabyte."""


def packed(name: str, content: bytes) -> bytes:
    """Return *content* as its *name* says that it is packed."""
    if name.endswith(".gz"):
        return gzip.compress(content, 1)
    if not name.endswith(".zip"):
        return content
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name.removesuffix(".zip"), content)
    return into.getvalue()


@pytest.mark.parametrize("content", ["records", "snapshot"])
@pytest.mark.parametrize("name", WORST)
def test_a_stop_is_over_in_time_while_the_worst_is_read(daemon, name, content):
    request = {"url": "http://127.0.0.1:9/", "allow_http": True}
    mirror = {"source": "export", "object": "contacts", "request": request}
    daemon.configure({"mirror": mirror}, source={"content": content})
    daemon.start("--shutdown-timeout", f"{SHUTDOWN_TIMEOUT}s")
    written = packed(name, WORST[name]())
    (daemon.folder / "crm" / "tmp" / name).write_bytes(written)
    (daemon.folder / "crm" / "tmp" / name).rename(daemon.folder / "crm" / "new" / name)
    until(lambda: daemon.named("file.claimed"), "the file is claimed")

    began = clock.monotonic()
    status = daemon.stop()

    assert clock.monotonic() - began < SHUTDOWN_TIMEOUT + GRACE
    assert status == 0
    assert "Traceback" not in daemon.log
