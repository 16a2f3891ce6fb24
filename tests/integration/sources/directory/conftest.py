"""Producers of this user and of others, and folders that they can write into."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path
from tempfile import gettempdir

import pytest

from tests.integration.sources.fakes import OTHER_USER


@pytest.fixture(params=["this user", "another user"])
def user(request):
    """Return the uid of a producer; another user's files can be given no lease on."""
    if request.param == "this user":
        return os.getuid()
    if os.getuid() != 0:
        pytest.skip("only root can write as another user")
    return OTHER_USER


@pytest.fixture
def open_folder(tmp_path):
    """Return a folder whose `crm/new` everybody can write into."""
    (tmp_path / "crm" / "new").mkdir(parents=True)
    (tmp_path / "crm" / "new").chmod(0o777)
    # pytest's folders are closed to others.
    for folder in takewhile(lambda one: one != Path(gettempdir()), (tmp_path, *tmp_path.parents)):
        folder.chmod(0o755)
    return tmp_path
