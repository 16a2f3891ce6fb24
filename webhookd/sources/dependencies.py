"""What the daemon gives to sources, whichever their kind; each takes of it what it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhookd.authentication.credentials import fixed
from webhookd.sources.directory.openings import Openings

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.clock import Clock
    from webhookd.definitions import Egress
    from webhookd.rules.usage import Used
    from webhookd.sources.polling.api_client import ApiTransport
    from webhookd.sources.polling.request_budget import Budgets
    from webhookd.sources.source import FileLedger, Ingest, PollLedger, Report, Schedule


@dataclass(frozen=True, slots=True)
class SourceDependencies:
    """The parts of the daemon that sources work with, made once for all of them.

    *files* returns the ledger of the source with a name: it refuses when another daemon reads
    that source. *used* returns the properties that webhooks use of it. *egress* returns the rules
    in force. *has_others*: other daemons may have read the same sources before. *openings* are
    those of files that this process has counted. *credentials_of* gives what authorizes requests
    (`Keyring.of`).
    """

    ingest: Ingest
    files: Callable[[str], FileLedger]
    polls: PollLedger
    report: Report
    used: Callable[[str], Used]
    transport: ApiTransport
    egress: Callable[[], Egress]
    schedule: Schedule
    clock: Clock
    budgets: Budgets
    has_others: bool = False
    openings: Openings = field(default_factory=Openings)
    credentials_of: CredentialsOf = fixed
