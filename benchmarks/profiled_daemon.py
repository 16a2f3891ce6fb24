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
from webhookd import cli, telemetry
from webhookd.delivery import (
    courier,
    dispatcher,
    job_store,
    sender,
    settlements,
    signed_request,
    slots,
)
from webhookd.delivery.lanes import lane, lane_fetches
from webhookd.intake import batch
from webhookd.rules import changes, render, trigger
from webhookd.sources.directory.reader import FileReader
from webhookd.storage.database import group_commit, writer
from webhookd.storage.deliveries import due, enqueue, settle
from webhookd.storage.records import files, known_records
from webhookd.telemetry import metrics
from webhookd.transport.http_connection import Connection

STAGES = (
    (FileReader, "portion", "intake: reading rows"),
    (batch.Intake, "_decide", "intake: deciding"),
    (batch.Intake, "_find_known", "intake: known records, read"),
    (changes, "notice", "intake: comparing"),
    (trigger, "fires", "matching"),
    (render, "render", "rendering"),
    (batch.Intake, "ingest", "intake: deciding"),
    (batch.Intake, "_committed", "intake: deciding"),
    (known_records, "remember", "intake: known records, stored"),
    (files, "progress", "intake: known records, stored"),
    (enqueue, "store", "storing deliveries"),
    (group_commit.GroupCommit, "serve", "writer: groups and answers"),
    (group_commit.GroupCommit, "_commit", "writer: commit"),
    (writer, "_complete", "writer: groups and answers"),
    (due, "find_due", "lane: fetching what is due"),
    (settle, "settle", "settling: SQL"),
    (settlements.SettlementWriter, "_write_gathered", "settling: gathering"),
    (settlements.SettlementWriter, "add", "settling: gathering"),
    (dispatcher.Dispatcher, "committed", "settling: deliveries out of memory"),
    (dispatcher.Dispatcher, "offer", "lane: turns"),
    (dispatcher.Dispatcher, "arrived", "lane: turns"),
    (lane_fetches.LaneFetches, "fetched", "lane: fetching what is due"),
    (slots.SlotScheduler, "serve", "lane: turns"),
    (slots.SlotScheduler, "_attempt", "lane: turns"),
    (lane.Lane, "ended", "lane: turns"),
    (job_store.DeliveryJobStore, "get_due_jobs", "lane: APScheduler"),
    (job_store.DeliveryJobStore, "_pump", "lane: fetching what is due"),
    (BaseScheduler, "_process_jobs", "lane: APScheduler"),
    (courier.Courier, "attempt", "attempt: judging, settlement"),
    (signed_request.RequestTemplate, "fill", "signing"),
    (sender.LocalSender, "send", "sending"),
    (Connection, "data_received", "sending: reading the answer"),
    (telemetry, "report", "logging and metrics"),
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
