"""The daemon's own events, as the source of the type `webhookd` tells them.

An event whose cause is a transaction is stored in that transaction, or not at all:

    event loop        `Announcer`: matched, rendered for each webhook that has no window for it
    any thread        together: the announcements of one transaction
    writer's thread   `Caused.store`, behind what caused them
    event loop        `Caused.committed`: windows are opened or count; deliveries are offered

All others, and what a window has counted, are a transaction of their own.

Rules that hold here:

A. No loops: a webhook that receives own events never causes one (`is_own`).
B. No storms: of what is alike, the first is told at once, the rest of its window as one.
C. What a window counts has happened: a delivery that was given up is counted when that is
   committed, and not where it was cancelled meanwhile or is another daemon's by now.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.delivery.caused_events import NOTHING_CAUSED
from webhookd.intake.claimed_write import ClaimedWriter
from webhookd.intake.own_events.announcements import failed, file_failed
from webhookd.intake.own_events.announcer import Announcer
from webhookd.intake.own_events.event_windows import EventWindows
from webhookd.intake.own_events.heard_events import HEARD
from webhookd.intake.own_events.source_troubles import REPORTED, SourceTroubles
from webhookd.intake.own_events.stored_events import Stored, StoredEvents
from webhookd.model import GivenUp, Held, OwnEvent
from webhookd.storage.refused_writes import keep_trying
from webhookd.telemetry import logs
from webhookd.telemetry.unhandled import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime, timedelta

    from webhookd.clock import Clock
    from webhookd.definitions import Definitions
    from webhookd.definitions.in_force import InForce
    from webhookd.delivery.caused_events import Caused
    from webhookd.delivery.claims import ClaimTable
    from webhookd.intake.own_events.announcements import Announcement
    from webhookd.intake.own_events.event_windows import Gathered, Key
    from webhookd.model import Delivery, PutAway, Settlement
    from webhookd.storage.database.writer import Writer
    from webhookd.telemetry.events import Event

ENDING_SECONDS: Final = 5.0
"""Seconds that the end of the daemon waits for the last events to be stored."""


class OwnEvents:
    """Tells webhooks what happens to the daemon. An async context manager, within the writer's.

    *host* is the name of this host, *clock* tells the fleet's time.
    """

    def __init__(
        self,
        in_force: InForce,
        *,
        host: str,
        clock: Clock,
        new_id: Callable[[datetime], str],
        redact: Callable[[str], str] = logs.redacted,
    ) -> None:
        self._in_force = in_force
        self._now = clock.now
        self._windows = EventWindows(self._window_ended)
        self._announcer = Announcer(
            in_force, self._windows, host=host, clock=clock, new_id=new_id, redact=redact
        )
        self._troubles = SourceTroubles(
            partial(self._tell_of_source, "source.failed"),
            partial(self._tell_of_source, "source.recovered"),
        )
        self._writing: set[asyncio.Task[None]] = set()
        self._writer: ClaimedWriter
        self._loop: asyncio.AbstractEventLoop
        self._unlisten: Callable[[], None]

    def attach(
        self, writer: Writer, *, claims: ClaimTable, offer: Callable[[Iterable[Delivery]], None]
    ) -> None:
        """Store events that are a transaction of their own through *writer*; called once."""
        self._writer = ClaimedWriter(writer, claims=claims, offer=offer)

    async def __aenter__(self) -> None:
        """Begin to listen to what the daemon reports."""
        self._loop = asyncio.get_running_loop()
        self._unlisten = telemetry.reporter().listen(self.hear)

    async def __aexit__(self, *_: object) -> None:
        """Tell what windows have counted, and wait a little until that is stored."""
        self._unlisten()
        self._troubles.stop()
        # What was heard by now has its turn of the event loop.
        await asyncio.sleep(0)
        self._windows.end_all()
        if self._writing:
            await asyncio.wait(self._writing, timeout=ENDING_SECONDS)
        for task in self._writing:
            task.cancel()

    def listening(self, definitions: Definitions | None = None) -> Collection[str]:
        """See `CausedEvents`."""
        listening = self._announcer.who_listens(definitions)
        return () if listening is None else [webhook.name for webhook in listening.webhooks]

    def hear(self, event: Event) -> None:
        """Tell of what is reported, if it is one to tell; any thread. A listener of `Reporter`."""
        if type(event) in HEARD:
            # What is reported within a transaction must not be stored before that has ended.
            self._loop.call_soon_threadsafe(self._heard_of, event, self._now())
        elif isinstance(event, REPORTED):
            self._loop.call_soon_threadsafe(self._troubles.note, event)

    def _heard_of(self, event: Event, at: datetime) -> None:
        happened = HEARD[type(event)](event, at)
        if happened is not None:
            self.tell(happened)

    def tell(self, event: OwnEvent) -> None:
        """Tell of *event*, whose cause is no transaction; the event loop. Never raises."""
        if self._announcer.is_about_own(event):
            return
        announcement = self._announcer.announcement(event)
        if announcement is not None:
            self._announcer.open_windows(announcement)
            self._write(announcement)

    def _tell_of_source(self, name: str, source: str, reason: str) -> None:
        if source in self._in_force.current().sources:
            self.tell(OwnEvent(name, source, self._now(), {"source": source, "reason": reason}))

    @property
    def backlog_after(self) -> timedelta | None:
        """Return how old the oldest that waits may be; None where no webhook listens."""
        listening = self._announcer.who_listens()
        return None if listening is None else listening.source.backlog_after

    def of_file(self, put_away: PutAway) -> Sequence[Announcement]:
        """Return the event of a file that failed, as one that a transaction causes; any thread."""
        announcement = self._announcer.announcement(file_failed(put_away))
        return () if announcement is None else (announcement,)

    def of_attempt(
        self, settlement: Settlement, *, is_held: bool = False
    ) -> Sequence[Announcement]:
        """See `CausedEvents`."""
        delivery, at = settlement.delivery, settlement.ended_at
        match settlement.outcome:
            case GivenUp(why=why):
                number, status = settlement.attempt.number, settlement.attempt.status
                event = failed(delivery, at, why, number, status)
            case Held(why=why) if is_held:
                facts = {"webhook": delivery.webhook, "reason": why}
                event = OwnEvent("webhook.held", delivery.webhook, at, facts)
            case _:
                return ()
        announcement = self._announcer.announcement_about(delivery, event)
        if announcement is None:
            return ()
        if isinstance(settlement.outcome, GivenUp):
            announcement.only_if_given_up(settlement)
        self._announcer.open_windows(announcement)
        return (announcement,)

    def of_webhook(
        self, name: str, webhook: str, reason: str | None, definitions: Definitions | None = None
    ) -> Sequence[Announcement]:
        """See `CausedEvents`; windows are opened when it is committed."""
        event = OwnEvent(name, webhook, self._now(), {"webhook": webhook, "reason": reason})
        if self._announcer.is_about_own(event, definitions):
            return ()
        announcement = self._announcer.announcement(event, definitions=definitions)
        return () if announcement is None else (announcement,)

    def of_unattempted(self, broken: Sequence[tuple[Delivery, str]]) -> Sequence[Announcement]:
        """See `CausedEvents`; windows are opened when that is committed."""
        announcements: list[Announcement] = []
        opened: set[Key] = set()
        for delivery, why in broken:
            event = failed(delivery, delivery.created_at, why, 0, None)
            announcement = self._announcer.announcement_about(delivery, event, opened)
            if announcement is not None:
                opened.update(announcement.opened)
                announcements.append(announcement)
        return announcements

    def together(self, announcements: Sequence[Announcement]) -> Caused:
        """Return *announcements* as one transaction stores them; any thread."""
        return StoredEvents(announcements, self._windows) if announcements else NOTHING_CAUSED

    def _window_ended(self, key: Key, gathered: Gathered) -> None:
        """Tell as one what a window has counted, if there is still somebody to tell."""
        announcement = self._announcer.announcement_of_window(key, gathered)
        if announcement is not None:
            self._write(announcement)

    def _write(self, announcement: Announcement) -> None:
        """Store *announcement* in a transaction of its own, however often the database refuses."""
        caused = self.together([announcement])
        if not caused.webhooks:
            caused.committed(Stored([announcement], ()))
            return
        task = watched(asyncio.create_task(self._keep_writing(caused)), "own events")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _keep_writing(self, caused: Caused) -> None:
        # Asked for room and locks anew at each try: a reload may be between two.
        write = partial(self._writer.write, caused.webhooks, caused.store, caused.committed)
        await keep_trying(lambda: asyncio.shield(write()), what="own events")
