"""Makes announcements of own events: matched and rendered for each webhook that listens to them.

Any thread may ask for an announcement, and for who listens. Windows are opened, and announcements
made of what they counted, on the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.intake.decision import decide
from webhookd.intake.own_events.announcements import (
    Announcement,
    is_of_events,
    is_own,
    told,
    who_listens,
)
from webhookd.rules import event_changes, trigger
from webhookd.telemetry.events import BugFound

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import Definitions
    from webhookd.definitions.in_force import InForce
    from webhookd.intake.own_events.announcements import Listening
    from webhookd.intake.own_events.event_windows import EventWindows, Gathered, Key
    from webhookd.model import Change, Delivery, OwnEvent


class Announcer:
    """Makes announcements under the definitions in force; an open window counts what it takes in.

    *host* is the name of this host, *clock* tells the fleet's time.
    """

    def __init__(
        self,
        in_force: InForce,
        windows: EventWindows,
        *,
        host: str,
        clock: Clock,
        new_id: Callable[[datetime], str],
        redact: Callable[[str], str],
    ) -> None:
        self._in_force = in_force
        self._windows = windows
        self._host = host
        self._now = clock.now
        self._new_id = new_id
        self._redact = redact
        self._heard: Listening | None = None

    def is_about_own(self, event: OwnEvent, definitions: Definitions | None = None) -> bool:
        """Return whether *event* is about a webhook of own events (rule A)."""
        webhook, listening = event.facts.get("webhook"), self.who_listens(definitions)
        if webhook is None or listening is None:
            return False
        return is_of_events(str(webhook), listening.definitions)

    def who_listens(self, definitions: Definitions | None = None) -> Listening | None:
        """Return who is told under *definitions*, those in force by default; None where nobody."""
        if definitions is not None:
            listening = who_listens(definitions)
            return listening if listening.webhooks else None
        if self._in_force.is_empty:
            return None
        definitions, heard = self._in_force.current(), self._heard
        if heard is None or heard.definitions is not definitions:
            # Two threads may both do this; they do the same.
            heard = self._heard = who_listens(definitions)
        return heard if heard.webhooks else None

    def announcement_about(
        self, delivery: Delivery, event: OwnEvent, opened: Collection[Key] = ()
    ) -> Announcement | None:
        """Return what announces an event about *delivery*, None where no webhook receives it."""
        listening = self.who_listens()
        if listening is None or is_own(delivery, listening.definitions):
            return None
        return self.announcement(event, opened)

    def announcement(
        self,
        event: OwnEvent,
        opened: Collection[Key] = (),
        definitions: Definitions | None = None,
    ) -> Announcement | None:
        """Match and render *event*; None where no webhook listens. Windows in *opened* are open."""
        listening = self.who_listens(definitions)
        if listening is None:
            return None
        try:
            announcement, now = Announcement(event, listening), self._now()
            change = self._change(event, listening)
            for webhook in listening.webhooks:
                key = (webhook.name, event.name, event.subject)
                if key in opened or self._windows.is_open(key):
                    if trigger.fires(webhook.trigger, change, now, []):
                        announcement.counted.append(key)
                    continue
                decide(webhook, change, self._new_id(now), now, announcement.decision)
                if webhook.name in told(announcement.decision):
                    announcement.opened.append(key)
        except Exception as error:  # noqa: BLE001 - what happened matters more than its telling
            telemetry.report(BugFound("daemon.event_broke", error, {"event": event.name}))
            return None
        return announcement if announcement.opened or announcement.counted else None

    def open_windows(self, announcement: Announcement) -> None:
        """Open the windows that *announcement* begins: what comes before its commit is alike."""
        for key in announcement.opened:
            self._windows.open(key, announcement.listening.source.every)

    def announcement_of_window(self, key: Key, gathered: Gathered) -> Announcement | None:
        """Return what a window has counted, as one; None where its webhook no longer listens."""
        listening = self.who_listens()
        webhooks = () if listening is None else listening.webhooks
        webhook = next((one for one in webhooks if one.name == key[0]), None)
        if listening is None or webhook is None:
            return None
        now, announcement = self._now(), Announcement(gathered.latest, listening)
        try:
            change = self._change(gathered.latest, listening, gathered)
            decide(webhook, change, self._new_id(now), now, announcement.decision)
        except Exception as error:  # noqa: BLE001 - as in `announcement`
            telemetry.report(BugFound("daemon.event_broke", error, {"event": gathered.latest.name}))
            return None
        return announcement

    def _change(
        self, event: OwnEvent, listening: Listening, gathered: Gathered | None = None
    ) -> Change:
        return event_changes.change_of(
            event,
            source=listening.source.name,
            record_id=self._new_id(self._now()),
            host=self._host,
            redact=self._redact,
            count=1 if gathered is None else gathered.count,
            first_at=None if gathered is None else gathered.first_at,
        )
