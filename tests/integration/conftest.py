"""What integration tests share."""

import os

import pytest

from tests import databases

ON = os.environ.get("WEBHOOKD_TEST_ON", "sqlite")
"""The database of tests that need one of any kind; those of `storage` run on both anyway."""


@pytest.fixture
def url(tmp_path):
    """Return the URL of a database that is not there yet."""
    return databases.new_url(ON, tmp_path)
