"""What the daemon stands on gives way: its receiver, its disk, its database, its clock."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import threading
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tests.crash.stage import BEHAVIOURS, Report, Stage
from tests.daemon import ANOTHER_CLOCK, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DISK, LARGER_DISK = "5m", "512m"
DAY = 24 * 3600
LONGEST_RETRY = 3600
"""No retry of the stage waits for so long."""


def receiver_gone(folder: Path, seed: int, seconds: float) -> Report:
    """Kill the receiver in the middle of everything; it comes back after some *seconds*."""
    with Stage(folder, seed) as stage, stage.load:
        stage.until_received(100, "some requests")
        stage.receiver.kill()
        threading.Event().wait(seconds)
        stage.receiver.start()
        stage.until_received(100, "it goes on")
        return stage.finish("receiver gone", seconds=seconds)


def database_locked(folder: Path, seed: int, seconds: float) -> Report:
    """Lock the database from another process, for longer than a connection waits for it."""
    with Stage(folder, seed) as stage, stage.load:
        stage.until_received(100, "some requests")
        path = stage.daemon.state / "webhookd.db"
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            threading.Event().wait(seconds)
            connection.execute("ROLLBACK")
        stage.until_received(100, "it goes on")
        return _without_repeats(stage, stage.finish("database locked", seconds=seconds))


def may_mount() -> bool:
    """Return whether a small disk can be made here: it takes root, and leave to mount."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run([_command("unshare"), "-m", "true"], check=False).returncode == 0


def disk_full(folder: Path, seed: int, seconds: float) -> Report:
    """Let the disk under the state run full; after some *seconds* it grows."""
    with ExitStack() as stack:
        state = stack.enter_context(_disk(folder / "small"))
        stage = stack.enter_context(Stage(folder, seed, state=state))
        stack.enter_context(stage.load)
        until(lambda: stage.daemon.named("source.blocked"), "it says that it takes nothing", 60)
        until(lambda: stage.daemon.named("storage.refused"), "it says what is refused", 60)
        threading.Event().wait(seconds)
        before = len(stage.notes)
        threading.Event().wait(seconds)
        while_full = len(stage.notes) - before
        _mount(state, "remount", LARGER_DISK)
        stage.until_received(100, "it goes on by itself")
        report = stage.finish("disk full", seconds=2 * seconds, sent_while_full=while_full)
        return _without_repeats(stage, report)


def clock_jumped(folder: Path, seed: int, days: int) -> Report:
    """Set the clock on the wall whole *days* off under load, set it right, and let days go by.

    New changes go out whatever it says. A retry waits until its time has come by the clock: set
    back, that puts it off, and nothing is lost by it.
    """
    offset = folder / "offset"
    environment = {"CLOCK_OFFSET_FILE": str(offset)}
    stage = Stage(folder, seed, environment=environment, command_line=ANOTHER_CLOCK)
    with stage, stage.load:
        stage.until_received(200, "some requests")
        put_off = 0
        for jump in (days * DAY, 0, abs(days) * DAY):
            offset.write_text(str(jump))
            stage.daemon.signal(signal.SIGUSR1)
            changes = len(stage.load.rows)
            until(partial(_has_delivered, stage, changes + 50), "new changes go out")
            put_off = max(put_off, stage.count_due_later(jump + LONGEST_RETRY))
        report = stage.finish(f"clock {days:+} days and back", retries_put_off=put_off)
        return _without_repeats(stage, report)


def _has_delivered(stage: Stage, value: int) -> bool:
    """Return whether a change that is at least as young as *value* came to each webhook."""
    came = {note.path for note in stage.notes if note.value >= value}
    return came == set(BEHAVIOURS)


def _without_repeats(stage: Stage, report: Report) -> Report:
    """Add a fault where something was repeated: what ended is remembered, if only in memory."""
    repeated = sum(one.repeated for one in report.accounts)
    if repeated:
        report.faults.append(f"{repeated} repeated, and nothing was killed")
    return report


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    _mount(folder, "rw", DISK)
    try:
        yield folder
    finally:
        subprocess.run([_command("umount"), folder], check=True)


def _mount(folder: Path, how: str, size: str) -> None:
    subprocess.run(
        [_command("mount"), "-t", "tmpfs", "-o", f"{how},size={size}", "tmpfs", folder],
        check=True,
    )


def _command(name: str) -> str:
    return shutil.which(name) or name
