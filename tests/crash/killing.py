"""The process is killed at random moments under load, told to stop, or frozen."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.crash.stage import TIMEOUT_SECONDS, Report, Stage
from tests.daemon import until
from tests.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WATCHDOG_SECONDS = 2.0


def killed(folder: Path, seed: int, kills: int) -> Report:
    """Kill it (-9) so many times, some of them while it is still starting."""
    unknown = []
    with Stage(folder, seed) as stage, stage.load:
        for _ in range(kills):
            stage.rest(0.3, 2.0)
            stage.daemon.kill_unsuspecting()
            unknown.append(stage.check_database())
            stage.daemon.start(is_awaited=False)
        each = [later - earlier for earlier, later in zip([0, *unknown], unknown, strict=False)]
        return stage.finish("kill -9", kills=kills, unknown_at_one_kill=max(each, default=0))


def stopped(folder: Path, seed: int, stops: int) -> Report:
    """Tell it to stop in the middle: attempts under way may end, and nothing is repeated."""
    with Stage(folder, seed) as stage, stage.load:
        for _ in range(stops):
            stage.until_received(50, "some requests")
            stage.rest(0, 0.3)
            status = stage.daemon.stop()
            if status:
                stage.faults.append(f"SIGTERM ended with {status}")
            stage.check_database()
            stage.daemon.start()
        report = stage.finish("SIGTERM", stops=stops)
    cut = sum(event["unfinished"] for event in stage.daemon.named("daemon.stopped"))
    repeated = sum(one.repeated for one in report.accounts)
    if repeated > cut:
        report.faults.append(f"{repeated} repeated, and only {cut} were cut off")
    report.facts["cut off"] = cut
    return report


def frozen(folder: Path, seed: int, seconds: float) -> Report:
    """Freeze it for longer than every timeout and the watchdog's patience, then thaw it."""
    with _supervised(folder, seed) as (supervisor, stage):
        stage.daemon.signal(signal.SIGSTOP)
        threading.Event().wait(max(seconds, 2 * TIMEOUT_SECONDS, 2 * WATCHDOG_SECONDS))
        beats = supervisor.states.count("WATCHDOG=1")
        stage.daemon.signal(signal.SIGCONT)
        until(lambda: supervisor.states.count("WATCHDOG=1") > beats, "it beats again")
        stage.until_received(100, "it goes on")
        return stage.finish("SIGSTOP, SIGCONT", seconds=seconds)


def given_up_on(folder: Path, seed: int) -> Report:
    """Abort it and start it anew, as a supervisor does that hears nothing for its time."""
    with _supervised(folder, seed) as (_, stage):
        stage.daemon.signal(signal.SIGSTOP)
        threading.Event().wait(WATCHDOG_SECONDS)
        stage.daemon.signal(signal.SIGABRT)
        stage.daemon.signal(signal.SIGCONT)
        status = stage.daemon.wait()
        if status != -signal.SIGABRT:
            stage.faults.append(f"SIGABRT ended with {status}")
        stage.check_database()
        stage.daemon.start()
        stage.until_received(100, "it goes on")
        return stage.finish("aborted by the watchdog")


@contextmanager
def _supervised(folder: Path, seed: int) -> Iterator[tuple[Supervisor, Stage]]:
    """Give a stage under load, whose daemon tells a supervisor that it is alive."""
    with Supervisor(folder / "notify") as supervisor:
        watchdog = {"WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1_000_000))}
        environment = {**supervisor.environment, **watchdog}
        with Stage(folder, seed, environment=environment) as stage, stage.load:
            stage.until_received(100, "some requests")
            yield supervisor, stage
