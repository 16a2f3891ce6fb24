"""The sources, joined to what they need of the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.intake.own_events.told_files import ToldFiles
from webhookd.rules import usage
from webhookd.sources import kinds
from webhookd.sources.dependencies import SourceDependencies
from webhookd.sources.polling.request_budget import Budgets
from webhookd.sources.runner import NeverContested, RunningSources
from webhookd.storage.fleet.exclusive import ExclusiveWriter, reading
from webhookd.storage.records.cursors import Polls

if TYPE_CHECKING:
    from webhookd.authentication.keyring import Keyring
    from webhookd.config.settings.process_settings import Settings
    from webhookd.definitions.in_force import InForce
    from webhookd.delivery.engine import DeliveryEngine
    from webhookd.intake.batch import Intake
    from webhookd.intake.own_events.own_events import OwnEvents
    from webhookd.process.assembly.engine_assembly import Fleet, Storage
    from webhookd.transport import Transport


def build_sources(  # noqa: PLR0913 - the parts that sources are joined to
    settings: Settings,
    storage: Storage,
    fleet: Fleet,
    delivery: DeliveryEngine,
    *,
    intake: Intake,
    transport: Transport,
    in_force: InForce,
    keyring: Keyring,
    events: OwnEvents,
) -> RunningSources:
    """Return the runner of sources: it reads those of the configuration that comes into force."""
    writer = storage.writer
    dependencies = SourceDependencies(
        ingest=intake.ingest,
        files=lambda source: ToldFiles(
            ExclusiveWriter(writer, reading(source)),
            events,
            for_all=writer,
            claims=delivery.dispatcher.claims,
            offer=delivery.dispatcher.offer,
        ),
        polls=Polls(writer),
        report=telemetry.report,
        used=lambda source: usage.of_source(in_force.current(), source),
        transport=transport,
        egress=lambda: in_force.current().egress,
        schedule=delivery.scheduler.at_once_and_every,
        clock=storage.clock,
        budgets=Budgets(clock=storage.clock),
        has_others=fleet.peers is not None,
        credentials_of=keyring.of,
    )
    return RunningSources(
        lambda definition: kinds.build(definition, dependencies),
        host=settings.host,
        exclusive_work=NeverContested() if fleet.peers is None else fleet.exclusive_work,
        has_others=lambda: fleet.members.has_others,
        is_read=kinds.is_read,
    )
