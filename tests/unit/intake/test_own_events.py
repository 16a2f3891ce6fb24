"""Own events, kind by kind: none is ever about the webhooks that tell of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.making import NOW, a_delivery, a_settlement, a_webhook, some_definitions
from webhookd import clock
from webhookd.definitions import DirectorySource, OwnEventsSource
from webhookd.definitions.event_kinds import COMMON, EVENT_KINDS
from webhookd.definitions.in_force import InForce
from webhookd.intake.own_events.heard_events import HEARD
from webhookd.intake.own_events.own_events import OwnEvents
from webhookd.model import Delivered, GivenUp, Held, OwnEvent, PutAway, RetryAt
from webhookd.telemetry.events import (
    ConfigRead,
    DaemonReady,
    FleetDaemonDied,
    WebhookProbed,
    WebhookProbingEnded,
)

REPORTED = {
    "config.reloaded": ConfigRead("reloaded", "c0ffee000000"),
    "config.rejected": ConfigRead("rejected", "c0ffee000000", ("a.yaml:1:1: no\nb.yaml: no",)),
    "daemon.ready": DaemonReady(1, 1, "c0ffee000000"),
    "fleet.daemon_died": FleetDaemonDied(2, "other", 4711),
    "webhook.probed": WebhookProbed("{webhook}", "nobody there"),
    "webhook.probing_ended": WebhookProbingEnded("{webhook}", "answered 200", 12.3),
}
HOLDS = {"webhook.paused": "it moves", "webhook.resumed": "by hand"}
TOLD = {
    "webhook.backlogged": {"pending": 5, "oldest_seconds": 3700},
    "webhook.caught_up": {"pending": 1, "oldest_seconds": 1700},
}
OF_SOURCES = ("source.failed", "source.recovered")
FILE = PutAway("export", "a\udcff.csv", NOW, "a.csv: 1 row is bad", 1)
OUTCOMES = {
    "delivery.failed": GivenUp("400"),
    "webhook.held": Held("410"),
}


class Events(OwnEvents):
    """Own events of `erp`, told to `tell`; what would be written is kept."""

    def __init__(self):
        in_force = InForce()
        tell = a_webhook("tell", source="self", object="events")
        some = some_definitions(a_webhook("erp", source="export"), tell)
        sources = {"export": DirectorySource("export", ".", "contacts")}
        sources["self"] = OwnEventsSource("self", timedelta(seconds=60))
        in_force.replace(type(some)(some.hash, some.egress, sources, some.webhooks))
        super().__init__(
            in_force, host="here", clock=clock.SYSTEM, new_id=clock.new_id, redact=str.upper
        )
        self.written = []

    def _write(self, announcement):
        self.written.append(announcement)

    async def told(self, name, webhook):
        """Return what is told when the event *name* happens to *webhook*."""
        if name in REPORTED:
            event = REPORTED[name]
            if isinstance(event, WebhookProbed | WebhookProbingEnded):
                facts = [getattr(event, one) for one in event.__slots__]
                event = type(event)(webhook, *facts[1:])
            async with self:
                self.hear(event)
                await asyncio.sleep(0)
            announcements = self.written
        elif name in TOLD:
            self.tell(OwnEvent(name, webhook, NOW, {"webhook": webhook} | TOLD[name]))
            announcements = self.written
        elif name in OF_SOURCES:
            self._tell_of_source(name, "export", "503")
            announcements = self.written
        elif name == "file.failed":
            announcements = self.of_file(FILE)
        elif name in HOLDS:
            announcements = self.of_webhook(name, webhook, HOLDS[name])
        else:
            source = {"erp": "export", "tell": "self"}[webhook]
            settlement = a_settlement(a_delivery(webhook, source=source), OUTCOMES[name])
            announcements = self.of_attempt(settlement, is_held=name == "webhook.held")
        return [
            (one.event, delivery)
            for one in announcements
            for delivery, _ in one.decision.deliveries
        ]


def happens(name, webhook):
    async def run():
        return await Events().told(name, webhook)

    return asyncio.run(run())


def test_every_kind_is_tried_here():
    all_of_them = {*REPORTED, *HOLDS, *OUTCOMES, *TOLD, *OF_SOURCES, "file.failed"}
    assert all_of_them == set(EVENT_KINDS)
    assert {type(one) for one in REPORTED.values()} == set(HEARD)


@pytest.mark.parametrize("name", EVENT_KINDS)
def test_each_is_told_with_the_properties_that_are_listed(name):
    [(event, delivery)] = happens(name, "erp")

    assert event.name == name
    assert event.facts.keys() == EVENT_KINDS[name].properties.keys()
    assert not event.facts.keys() & COMMON.keys()
    assert (delivery.source, delivery.object) == ("self", "events")


@pytest.mark.parametrize("name", EVENT_KINDS)
def test_none_is_told_of_the_webhooks_that_tell(name):
    about_webhooks = "webhook" in EVENT_KINDS[name].properties

    assert bool(happens(name, "tell")) is not about_webhooks


@pytest.mark.parametrize("outcome", [Delivered(), RetryAt(NOW, "500"), Held("410, once more")])
def test_what_goes_on_is_no_event(outcome):
    async def run():
        return Events().of_attempt(a_settlement(a_delivery("erp"), outcome))

    assert asyncio.run(run()) == ()


def test_secrets_are_taken_out_of_texts_and_not_of_names():
    [(_, delivery)] = happens("delivery.failed", "erp")

    assert b'"webhook":"erp"' in delivery.rendered.body
    assert b'"object":"CONTACTS"' in delivery.rendered.body


def test_a_source_that_is_configured_no_more_is_not_told():
    async def run():
        events = Events()
        events._tell_of_source("source.failed", "gone", "503")
        return events.written

    assert asyncio.run(run()) == []


def test_a_delivery_whose_webhook_and_source_are_gone_causes_nothing():
    async def run():
        gone = a_settlement(a_delivery("gone", source="gone"), GivenUp("400"))
        known = a_settlement(a_delivery("gone", source="export"), GivenUp("400"))
        return [Events().of_attempt(one) for one in (gone, known)]

    none, one = asyncio.run(run())
    assert none == ()
    assert len(one) == 1
