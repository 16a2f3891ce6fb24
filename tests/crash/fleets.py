"""Daemons that share one PostgreSQL are killed, frozen and cut off, and their server is killed."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

from tests.crash.fleet_stage import TIMEOUT_SECONDS, FleetStage
from tests.daemon import until
from tests.wire_process import WireProcess
from webhookd import clock
from webhookd.sources.directory.ingest import MOST_OPENINGS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.stage import Report

LEASE_SECONDS = 15.0
FREE_WITHIN_SECONDS = LEASE_SECONDS + TIMEOUT_SECONDS + 10
_OPENINGS = "SELECT coalesce(max(openings), 0) FROM files"
_NUMBER = "SELECT number FROM daemons WHERE process_id = {}"
_HAD = "SELECT count(*) FROM deliveries WHERE owner = {0}"
_KEEPS = f"SELECT ({_HAD}) + (SELECT count(*) FROM shares WHERE daemon = {{0}})"  # noqa: S608 - constants
_CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}'"
_CUT_IN_TRANSACTION = f"{_CUT} AND xact_start IS NOT NULL AND backend_type = 'client backend'"


def killed(folder: Path, seed: int, seconds: float) -> Report:
    """Kill (-9) a random one of three every second, for so many *seconds*; each is restarted."""
    with FleetStage(folder, seed, daemons=3) as stage:
        end = clock.monotonic() + seconds
        while clock.monotonic() < end:
            stage.go_on(1.0)
            _let_the_file_get_on(stage)
            stage.kill(stage.chance.choice(stage.fleet.daemons))
        ended = len(stage.fleet.statuses)
        return stage.finish("fleet: kill -9", kills=stage.kills, ended_by_themselves=ended)


def _let_the_file_get_on(stage: FleetStage) -> None:
    """Wait, so that no file is begun so often without a row taken that it would be suspected."""
    until(lambda: stage.fleet.look(_OPENINGS) < MOST_OPENINGS, "the file gets on")


def server_killed(folder: Path, seed: int, kills: int) -> Report:
    """Kill (-9) all of PostgreSQL under two daemons, so many times; it is away for a moment."""
    with FleetStage(folder, seed, daemons=2) as stage:
        for _ in range(kills):
            stage.until_received(100, "some requests", 60)
            stage.server.kill()
            stage.go_on(stage.chance.uniform(0.1, 1.0))
            stage.server.start()
        stage.until_received(100, "it goes on", 60)
        return _unrepeated(stage, stage.finish("fleet: PostgreSQL killed", kills=kills))


def cut_off(folder: Path, seed: int, cuts: int) -> Report:
    """End connections of two daemons, so many times: all of them, or those in a transaction."""
    with FleetStage(folder, seed, daemons=2) as stage:
        cut = 0
        for number in range(cuts):
            stage.go_on(stage.chance.uniform(0.1, 0.6))
            _let_the_file_get_on(stage)
            which = _CUT_IN_TRANSACTION if number % 2 else _CUT
            cut += until(partial(_cut, stage, which), "somebody is cut off")
        stage.until_received(100, "it goes on", 60)
        report = stage.finish("fleet: connections cut", times=cuts, connections=cut)
        return _unrepeated(stage, report)


def _cut(stage: FleetStage, which: str) -> int:
    ((some,),) = stage.server.execute(which.format(stage.database))
    return int(some)


def partitioned(folder: Path, seed: int, seconds: float) -> Report:
    """Let nothing through between one of three and the server, for longer than its lease.

    What it had is sent again by others, as their number may be in flight; when it hears again it
    must not go on as if nothing had been.
    """
    stage = FleetStage(folder, seed, daemons=3)
    with WireProcess(stage.server.port) as wire:
        alone = stage.fleet.daemons[0]
        way = stage.server.url_with_password(stage.database, port=wire.port)
        alone.environment["WEBHOOKD_DATABASE_URL"] = way
        with stage:
            stage.until_received(300, "some requests", 60)
            for _ in range(2):
                wire.stop()
                stage.kills += 1
                stage.go_on(LEASE_SECONDS + seconds)
                stage.until_received(100, "the others go on", 60)
                wire.go_on()
                stage.go_on(5.0)
            stage.until_received(100, "it goes on", 60)
            return stage.finish("fleet: one is partitioned", ended=str(stage.fleet.statuses))


def frozen(folder: Path, seed: int, seconds: float) -> Report:
    """Freeze one of three for longer than its lease, then thaw it."""
    with FleetStage(folder, seed, daemons=3) as stage:
        stage.until_received(300, "some requests", 60)
        for daemon in stage.chance.sample(stage.fleet.daemons, 2):
            daemon.signal(signal.SIGSTOP)
            stage.kills += 1
            stage.go_on(LEASE_SECONDS + seconds)
            stage.until_received(100, "the others go on", 60)
            daemon.signal(signal.SIGCONT)
            stage.go_on(5.0)
        stage.until_received(100, "it goes on", 60)
        return stage.finish("fleet: SIGSTOP, SIGCONT", ended=str(stage.fleet.statuses))


def abandoned(folder: Path, seed: int) -> Report:
    """Kill (-9) one of three for good, as where its host is lost: its state is never seen again.

    What it had in memory is free when no attempt of it can be under way any more.
    """
    with FleetStage(folder, seed, daemons=3) as stage:
        stage.until_received(300, "some requests", 60)
        lost = stage.fleet.daemons.pop(stage.chance.randrange(3))
        assert lost.process is not None
        number = stage.fleet.look(_NUMBER.format(lost.process.pid))
        lost.kill()
        stage.kills += 1
        began, had = clock.monotonic(), stage.fleet.look(_HAD.format(number))
        until(
            lambda: stage.fleet.look(_KEEPS.format(number)) == 0,
            "what it had is free",
            FREE_WITHIN_SECONDS,
        )
        freed = f"{clock.monotonic() - began:.0f} s"
        stage.until_received(100, "it goes on", 60)
        return stage.finish("fleet: one is lost for good", had=had, freed_after=freed)


def _unrepeated(stage: FleetStage, report: Report) -> Report:
    """Add a fault where a daemon that lived on ended, or something was repeated."""
    if stage.fleet.statuses:
        report.faults.append(f"daemons ended by themselves: {stage.fleet.statuses}")
    return report
