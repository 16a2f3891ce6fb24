"""Commands look for the daemon's files where they may not be allowed to look."""

import pytest

from webhookd.cli.settings import is_there
from webhookd.errors import StorageError


def test_what_is_not_there_is_not_there(tmp_path):
    (tmp_path / "file").touch()

    assert is_there(tmp_path / "file")
    assert not is_there(tmp_path / "missing" / "admin.sock")
    assert not is_there(tmp_path / "file" / "admin.sock")


def test_what_may_not_be_looked_at_is_said(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)

    with pytest.raises(StorageError, match=r"cannot look at .*/loop: .*; ask as root, or as"):
        is_there(loop)
