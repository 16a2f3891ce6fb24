"""A drop directory whose folders are on several filesystems, or in several mounts."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.integration.sources.fakes import Drop, eventually, rows
from webhookd.config.checks.one_filesystem import why_apart
from webhookd.errors import SourceError

FOLDERS = ("new", "work", "done", "failed", "accepted")
MEMORY = Path("/dev/shm")  # noqa: S108 - another filesystem is wanted
CONFIG = """
version: 1
sources:
  crm: {type: drop_directory, path: crm, object: contacts}
webhooks: {}
"""


@pytest.fixture
def other_disk(tmp_path):
    """Return a folder on another filesystem than *tmp_path*."""
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other filesystem")
    folder = Path(tempfile.mkdtemp(dir=MEMORY))
    yield folder
    shutil.rmtree(folder)


def webhookd(tmp_path, *arguments, before=()):
    command = [*before, sys.executable, "-m", "webhookd", *arguments]
    return subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_on_another_filesystem_is_named_beside_the_claims(tmp_path, other_disk, name):
    root = tmp_path / "crm"
    for folder in FOLDERS:
        if folder != name:
            (root / folder).mkdir(parents=True)
    (root / name).symlink_to(other_disk)

    reason = why_apart(root)

    assert reason is not None
    assert "one filesystem" in reason
    assert str(root / "work") in reason
    assert str(root / ("new" if name == "work" else name)) in reason
    with pytest.raises(SourceError, match="one filesystem"):
        asyncio.run(Drop(root).source().run())


def test_before_the_first_start_the_folders_to_come_count_as_plain_ones(tmp_path, other_disk):
    root = tmp_path / "crm"
    root.mkdir()
    assert why_apart(root) is None
    (root / "new").symlink_to(other_disk)

    assert why_apart(root) is not None


def test_a_directory_that_is_on_the_other_filesystem_as_a_whole_is_read(tmp_path, other_disk):
    (tmp_path / "crm").symlink_to(other_disk)
    drop = Drop(tmp_path / "crm")
    for folder in FOLDERS:
        (other_disk / folder).mkdir()
    assert why_apart(tmp_path / "crm") is None

    (drop.root / "new" / "a.ndjson").write_text(rows("1"))
    os.utime(drop.root / "new" / "a.ndjson", (1, 1))

    async def scene():
        async with drop.running():
            await eventually(lambda: drop.storage.ids == ["1"])

    asyncio.run(scene())


def test_what_is_not_there_is_no_error(tmp_path):
    assert why_apart(tmp_path / "crm") is None
    (tmp_path / "crm").write_text("a file")
    assert why_apart(tmp_path / "crm") is None


def test_check_and_the_start_say_so(tmp_path, other_disk):
    (tmp_path / "webhookd.yaml").write_text(CONFIG)
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "new").symlink_to(other_disk)
    at = ("--config", "webhookd.yaml")

    checked = webhookd(tmp_path, "check", *at)
    started = webhookd(tmp_path, "run", *at, "--state-directory", str(tmp_path / "state"))

    assert (checked.returncode, started.returncode) == (1, 78)
    for told in (checked.stdout + checked.stderr, started.stdout + started.stderr):
        assert "must be on one filesystem" in " ".join(told.split())
        assert "Traceback" not in told
    assert webhookd(tmp_path, "check", "--offline", *at).returncode == 0


def test_a_bind_mount_of_the_same_disk_is_apart_too(tmp_path):
    mounting = (
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount --bind crm/done crm/done && exec "$@"',
        "-",
    )
    (tmp_path / "crm" / "done").mkdir(parents=True)
    (tmp_path / "webhookd.yaml").write_text(CONFIG)
    if webhookd(tmp_path, "--version", before=mounting).returncode != 0:
        pytest.skip("this user may not mount")

    checked = webhookd(tmp_path, "check", "--config", "webhookd.yaml", before=mounting)

    assert checked.returncode == 1
    assert "must be on one filesystem" in " ".join((checked.stdout + checked.stderr).split())
