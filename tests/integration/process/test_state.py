"""The state directory and its lock."""

import os
import resource

import pytest

from webhookd.errors import StateLockedError, StorageError
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


def test_a_state_directory_knows_that_there_was_a_database(tmp_path):
    assert not state.had_database(tmp_path)

    state.note_database(tmp_path, "here.db")

    assert state.had_database(tmp_path)
    assert (tmp_path / "daemon.database").read_text() == "here.db\n"
    state.note_database(tmp_path, "there.db")
    assert (tmp_path / "daemon.database").read_text() == "there.db\n"


def test_a_daemon_of_before_the_note_had_a_database_when_it_had_a_name(tmp_path):
    state.name_of(tmp_path)

    assert state.had_database(tmp_path)


def test_a_name_that_a_crash_left_empty_is_made_anew(tmp_path):
    (tmp_path / "daemon.name").write_text("")

    name = state.name_of(tmp_path)

    assert len(name) == 32
    assert state.name_of(tmp_path) == name


@pytest.mark.parametrize("file", ["daemon.name", "daemon.database"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_not_a_file_is_an_error_and_nobody_waits_for_it(tmp_path, file, make):
    make(tmp_path / file)

    with pytest.raises(StorageError, match=f"{file}: it is not a regular file"):
        state.had_database(tmp_path)
    # The note comes before the name, which is read only then.
    if file == "daemon.name":
        with pytest.raises(StorageError, match="it is not a regular file"):
            state.name_of(tmp_path)
