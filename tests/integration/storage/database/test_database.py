"""Connections that cannot be had."""

import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest

from webhookd.errors import StorageError


@contextmanager
def no_more_files():
    """Let this process open no further file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(highest)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken) + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_process_out_of_files_reads_later(database):
    """It is no bug of whoever reads: a source must wait, not break."""
    with (
        database.reading(),
        no_more_files(),
        pytest.raises(StorageError, match="cannot read the database"),
        database.reading(),
    ):
        pass

    with database.reading() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
