"""Log lines that cannot be written."""

import io
import os
import sys

import pytest

from webhookd.telemetry import logs


def on_a_full_disk():
    return os.open("/dev/full", os.O_WRONLY)


def to_a_reader_that_is_gone():
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("where", [on_a_full_disk, to_a_reader_that_is_gone])
def test_a_line_that_cannot_be_written_is_lost_and_nothing_else(monkeypatch, where):
    raw = io.FileIO(where(), "w")
    # As stderr is: every line is handed over at once.
    stderr = io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stderr)
        logs.configure("json", "INFO")
        logs.log.error("storage.refused", what="nobody will ever know")
    logs.configure("console", "ERROR")
    raw.close()
