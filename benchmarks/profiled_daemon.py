"""The real daemon with a clock on every stage; SIGUSR1 has it write down what each took so far.

`python -m benchmarks.profiled_daemon run …`, with the environment's `PROFILE_FILE`.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from apscheduler.schedulers.base import BaseScheduler

from benchmarks import stages
from webhookd import cli, intake, telemetry
from webhookd.delivery import courier, dispatch, lanes, outgoing, scheduling, settling, turns
from webhookd.rules import changes, render, trigger
from webhookd.sources.reading import FileReader
from webhookd.storage import files, finding, outbox, records, storing, writer
from webhookd.telemetry import metrics
from webhookd.transport.connection import Connection

STAGES = (
    (FileReader, "portion", "intake: reading rows"),
    (intake.Intake, "_decide", "intake: deciding"),
    (intake.Intake, "_find_known", "intake: known records, read"),
    (changes, "notice", "intake: comparing"),
    (trigger, "fires", "matching"),
    (render, "render", "rendering"),
    (intake.Intake, "take", "intake: deciding"),
    (intake.Intake, "_committed", "intake: deciding"),
    (records, "remember", "intake: known records, stored"),
    (files, "progress", "intake: known records, stored"),
    (storing, "store", "storing deliveries"),
    (writer.Writer, "_serve", "writer: groups and answers"),
    (writer.Writer, "_commit", "writer: commit"),
    (writer, "_answer", "writer: groups and answers"),
    (finding, "find_due", "lane: fetching what is due"),
    (outbox, "settle", "settling: SQL"),
    (settling.Settling, "_write_gathered", "settling: gathering"),
    (settling.Settling, "add", "settling: gathering"),
    (dispatch.Dispatch, "committed", "settling: leases ended"),
    (dispatch.Dispatch, "offer", "lane: turns"),
    (dispatch.Dispatch, "came", "lane: turns"),
    (dispatch.Dispatch, "found", "lane: fetching what is due"),
    (turns.Turns, "serve", "lane: turns"),
    (turns.Turns, "_attempt", "lane: turns"),
    (lanes.Lane, "ended", "lane: turns"),
    (scheduling.DeliveryJobStore, "get_due_jobs", "lane: APScheduler"),
    (scheduling.DeliveryJobStore, "_pump", "lane: fetching what is due"),
    (BaseScheduler, "_process_jobs", "lane: APScheduler"),
    (courier.Courier, "attempt", "attempt: judging, settlement"),
    (outgoing.Outbound, "prepare", "signing"),
    (courier, "send", "sending"),
    (Connection, "data_received", "sending: reading the answer"),
    (telemetry, "attempted", "logging and metrics"),
    (metrics.COMMIT_SECONDS, "observe", "logging and metrics"),
)


def write_down(*_: object) -> None:
    """Write what was counted so far."""
    Path(os.environ["PROFILE_FILE"]).write_text(json.dumps(stages.snapshot()))


if __name__ == "__main__":
    for owner, name, stage in STAGES:
        stages.watch(owner, name, stage)
    stages.watch_garbage_collection()
    signal.signal(signal.SIGUSR1, write_down)
    cli.main()
