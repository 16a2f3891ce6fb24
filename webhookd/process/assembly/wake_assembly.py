"""The listener of wakes, joined to the sources that it wakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.inbound.refused_wakes import RefusedWakes
from webhookd.inbound.wake_application import WakeApplication
from webhookd.inbound.wake_calls import WakeCalls
from webhookd.process import parts
from webhookd.telemetry.events import InboundMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.definitions.in_force import InForce
    from webhookd.delivery.engine import DeliveryEngine
    from webhookd.inbound.inbound_settings import InboundSettings
    from webhookd.process.assembly.engine_assembly import Part, Storage
    from webhookd.sources.runner import RunningSources


def build_inbound(
    settings: InboundSettings | None,
    storage: Storage,
    delivery: DeliveryEngine,
    sources: RunningSources,
    in_force: InForce,
) -> Part:
    """Return the part that serves wakes, of nothing where *settings* are None."""
    calls = WakeCalls(sources.hint, delivery.dispatcher.peers.notify)
    refused = RefusedWakes(storage.clock)
    url = None if settings is None else settings.url
    application = WakeApplication(in_force.current, calls.call, refused, storage.clock, url)
    return parts.inbound(settings, application, refused)


class UnheardWakes:
    """Tells of sources that somebody may wake while nothing listens here: of each once."""

    def __init__(self, in_force: InForce, *, is_listening: bool) -> None:
        self._in_force = in_force
        self._is_listening = is_listening
        self._told: tuple[str, ...] = ()

    def look(self) -> None:
        """Look whether the configuration in force has such sources."""
        if self._is_listening:
            return
        sources = self._in_force.current().sources.values()
        found = tuple(one.name for one in sources if one.wake is not None)
        if found and found != self._told:
            telemetry.report(InboundMissing(found))
        self._told = found


def both(one: Callable[[], None], other: Callable[[], None]) -> Callable[[], None]:
    """Return what does *one*, and then the *other*."""

    def does_both() -> None:
        one()
        other()

    return does_both
