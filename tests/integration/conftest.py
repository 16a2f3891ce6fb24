"""What integration tests share."""

import pytest


@pytest.fixture
def url(tmp_path):
    """Return the URL of a database that is not there yet."""
    return f"sqlite:///{tmp_path / 'webhookd.db'}"
