"""The state directory and its lock."""

import resource

import pytest

from webhookd.errors import StateLockedError
from webhookd.process import state


def test_a_full_disk_does_not_keep_the_lock_from_being_taken(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with state.held(tmp_path), pytest.raises(StateLockedError, match="process unknown"):  # noqa: SIM117
            with state.held(tmp_path):
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
