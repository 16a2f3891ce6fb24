"""What the daemon gives to sources, whichever their kind; each takes of it what it needs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from webhookd.definitions import Egress
    from webhookd.sources.polling.api_client import ApiTransport
    from webhookd.sources.polling.request_budget import Budgets
    from webhookd.sources.source import FileLedger, Ingest, PollLedger, Report, Schedule


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time, chance and waiting, so that tests can have their own."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    dice: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class SourceDependencies:
    """The parts of the daemon that sources work with, made once for all of them.

    *files* returns the ledger of the source with a name: it refuses when another daemon reads
    that source. *used* returns the properties that webhooks use of it. *egress* returns the rules
    in force. *has_others*: other daemons may have read the same sources before.
    """

    ingest: Ingest
    files: Callable[[str], FileLedger]
    polls: PollLedger
    report: Report
    used: Callable[[str], frozenset[str]]
    transport: ApiTransport
    egress: Callable[[], Egress]
    schedule: Schedule
    clocks: Clocks
    budgets: Budgets
    has_others: bool = False
