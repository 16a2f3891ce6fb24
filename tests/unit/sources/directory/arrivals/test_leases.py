"""Of whose files the kernel is asked whether somebody writes them."""

from __future__ import annotations

import fcntl
import os

import pytest

from webhookd.sources.directory.arrivals import completeness
from webhookd.sources.directory.arrivals.completeness import Writer, signs_of, writer_of


@pytest.fixture
def asked(monkeypatch):
    """Return the leases that were asked for, and the files that were opened for that."""
    calls = []
    ask, open_ = fcntl.fcntl, os.open
    monkeypatch.setattr(
        completeness.fcntl, "fcntl", lambda *it: (calls.append("lease"), ask(*it))[1]
    )
    monkeypatch.setattr(completeness.os, "open", lambda *it: (calls.append("open"), open_(*it))[1])
    return calls


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id\n1\n")
    return path


def test_the_own_file_is_asked_for(path, asked):
    assert signs_of(path, is_local=True).writer is Writer.SURELY_NOT
    assert "lease" in asked


def test_another_users_file_is_left_alone_by_all_but_root(path, asked, monkeypatch):
    monkeypatch.setattr(completeness.os, "geteuid", lambda: path.stat().st_uid + 1)

    assert signs_of(path, is_local=True).writer is Writer.UNKNOWN
    assert asked == []
    with path.open() as file:
        assert writer_of(file.fileno()) is Writer.UNKNOWN
    assert "lease" not in asked


def test_root_asks_for_everybodys(path, asked, monkeypatch):
    if os.getuid() != 0:
        pytest.skip("only root may")
    os.chown(path, 65534, 65534)
    monkeypatch.setattr(completeness.os, "geteuid", lambda: 0)

    assert signs_of(path, is_local=True).writer is Writer.SURELY_NOT
    assert "lease" in asked
