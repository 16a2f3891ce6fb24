"""Answers are what they were: each key, its place, and how its value is written.

`tests/data/answers` holds the answers of the version before there were views, one a file.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.making import a_webhook
from webhookd.admin.description import description
from webhookd.intake.backfill import Backfilled
from webhookd.intake.backfill_run import Running
from webhookd.model import Asked, Attempt, DeliveryState, PollOutcome, ReloadResult
from webhookd.operations import view_builders
from webhookd.operations.deliveries import delivery_views
from webhookd.operations.view_builders import as_written
from webhookd.storage.deliveries.listed_sources import ListedSource
from webhookd.storage.deliveries.query import ListedDelivery, ShownDelivery
from webhookd.storage.fleet.members import Daemon
from webhookd.storage.records.journal_pages import KeptChange, LeftOut, Page
from webhookd.storage.records.last_files import LastFile
from webhookd.telemetry.figures import PollFigures
from webhookd.views.backfills import RunningBackfillView
from webhookd.views.deliveries import CancelledView, DeliveriesView, RetriedView
from webhookd.views.json_reader import read
from webhookd.views.json_writer import written
from webhookd.views.refusals import RefusalView
from webhookd.views.sources import CursorView, SourcesView
from webhookd.views.status import StatusView
from webhookd.views.webhooks import HoldView, RotatedView, WebhookView

ROOT = Path(__file__).parents[3]

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
DELIVERY = ListedDelivery(
    id="01a20c505b3a42023791ea2c64881e8d",
    webhook="new-customer",
    source="crm",
    object="contacts",
    record_id="101",
    change="created",
    state=DeliveryState.PENDING,
    attempts=2,
    next_attempt_at=NOW,
    is_behind=False,
    last_status=503,
    last_error="answered 503 \u2013 \x7f",
    created_at=EARLIER,
    settled_at=None,
)
ATTEMPT = Attempt(
    *(1, EARLIER, 0.25, None, "timeout: no answer in 10 s", "", "0a1b"),
    sent="https://e.example/hook\nhost: e.example\nX-Own: a: b\nx-own: c",
)
SHOWN = ShownDelivery(
    DELIVERY, "POST", "application/json", "a=b%20c", b'{"a":"\xc3\xa9"}', (ATTEMPT,)
)
BINARY = ShownDelivery(DELIVERY, "GET", None, "", b"\xff\xfe", ())
FILES = ListedSource(
    name="crm",
    identity='{"path":"/srv/crm","object":"contacts","id_property":"id"}',
    records=3,
    pending=2,
    file="contacts.csv",
    rows_taken=10,
    bad_rows=1,
    phase="taking",
    deletions=0,
    rows_per_second=5000,
    ends_at=NOW,
)
API = ListedSource("hubspot", '{"base_url":"https://api.hubapi.com"}', 0, 0, None, 0, 0)
READ_TO = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
FIGURES = PollFigures(
    source="hubspot",
    object="deals",
    records=7,
    changes=3,
    requests=Counter({"200": 5, "429": 1}),
    failures=1,
    lag_seconds=1.23456,
    lag_at=NOW,
    budget_left=4,
    last_success_at=NOW,
    last_error="HubSpot answered 429",
    last_error_at=EARLIER,
    parts={
        "lists/vip": PollOutcome(last_error="the API answered 403", last_error_at=NOW),
        "owners": PollOutcome(NOW),
    },
)
UNREAD = PollFigures("hubspot", "contacts")
MEMBER = Daemon(7, "host-a", 4711, "1.0.0", "0a1b", EARLIER, NOW, is_late=False)
REJECTED = ReloadResult("rejected", NOW, "0a1b", ("config.yaml:1:1: version: it is missing",))
ASKED = Asked(frozenset({"b", "a"}), frozenset({"a"}))
PAGE = Page(
    changes=(
        KeptChange(
            5,
            NOW,
            EARLIER,
            *("crm", "contacts", "101", "updated"),
            asked=ASKED,
            before=b'{"a":null}',
            properties=b'{"a":"1.10", "b":"\\"x\\""}',
            enrolled=("new-customer",),
        ),
        KeptChange(
            6,
            NOW,
            EARLIER,
            *("crm", "contacts", "102", "created"),
            asked=None,
            before=None,
            properties=b"{}",
            enrolled=(),
        ),
    ),
    next=6,
    last=9,
    left_out=(LeftOut("crm", "rate", 12, NOW),),
)
DOCUMENT = {"webhooks": {"new-customer": {"when": 123456789012345678901234567890, "rate": 0.5}}}
WEBHOOK = {
    "webhook": "new-customer",
    "description": "To the ERP",
    "state": "paused",
    "hold": "paused by hand",
    "quiet_until": NOW,
    "probed_since": None,
    "probed_reason": None,
    "pending": 2,
    "due": 1,
    "failed": 0,
    "in_flight": 1,
    "oldest_pending_at": EARLIER,
    "last_delivered_at": None,
    "last_error": "answered 503",
    "last_error_at": NOW,
}
LAST = LastFile("contacts-1.csv", NOW, "contacts-0.csv: 1 of 2 rows is bad", EARLIER)
STORED = view_builders.stored_source(FILES, (), LAST)
POLLED = view_builders.stored_source(API, (CursorView("deals", READ_TO, first_read=True),))
SOURCES = (
    view_builders.running_source(STORED, "host-a", ()),
    view_builders.running_source(
        POLLED,
        None,
        (
            view_builders.polled(FIGURES, NOW + timedelta(seconds=1)),
            view_builders.polled(UNREAD, NOW),
        ),
    ),
)
RELOADED = view_builders.reload_result(REJECTED)
STATUS = StatusView(
    version="1.0.0",
    host="host-a",
    process_id=4711,
    started_at=EARLIER,
    config_hash="0a1b",
    config_path="/etc/webhookd/config.yaml",
    last_reload=RELOADED,
    pending=2,
    failed=0,
    in_flight=1,
    fleet=(view_builders.member(MEMBER, 7),),
    webhooks=(WebhookView(**WEBHOOK),),
    sources=SOURCES,
    backfills=(RunningBackfillView("new-customer", 2.5, 10, 3),),
    document=as_written(DOCUMENT),
)
ANSWERS = {
    "status": STATUS,
    "sources": SourcesView(SOURCES),
    "source-stored": STORED,
    "deliveries": DeliveriesView((delivery_views.listed_delivery(DELIVERY),), 41),
    "delivery": delivery_views.shown_delivery(SHOWN),
    "delivery-binary": delivery_views.shown_delivery(BINARY),
    "changes": view_builders.journal_page(PAGE),
    "backfill": view_builders.backfilled(
        Running(a_webhook(), 2.5, error="it was ended"), Backfilled(10, 3), is_over=True
    ),
    "reload": RELOADED,
    "retried": RetriedView(3, 1, dry_run=False, held=2, holds={"new-customer": "paused by hand"}),
    "cancelled": CancelledView(3, dry_run=True, left=1),
    "hold": HoldView("new-customer", None),
    "rotated": RotatedView(
        {"new-customer": ("request.signature",)}, {"new-customer": {"properties.region": 3}}
    ),
    "refusal": RefusalView("no delivery has this id"),
    "refusal-problems": RefusalView("the configuration is wrong", ()),
}


def told(name):
    return (ROOT / "tests" / "data" / "answers" / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_written_as_ever(name):
    assert written(ANSWERS[name]) == told(name)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_written_is_read_as_the_same(name):
    view = ANSWERS[name]

    again = read(type(view), json.loads(told(name)))
    if isinstance(again, StatusView):
        again = replace(again, document=as_written(again.document))

    assert json.loads(written(again)) == json.loads(told(name))


@pytest.mark.parametrize("name", sorted(ANSWERS.keys() - {"source-stored"}))
def test_an_answer_is_as_the_description_says(name):
    schemas = description()["components"]["schemas"]
    kind = type(ANSWERS[name]).__name__

    Draft202012Validator(
        {"$ref": f"#/components/schemas/{kind}", "components": {"schemas": schemas}}
    ).validate(json.loads(told(name)))


def test_every_field_of_every_answer_is_described():
    schemas = description()["components"]["schemas"]
    views = {name: one for name, one in schemas.items() if name.endswith("View")}

    assert len(views) > 20
    assert [
        f"{view}.{name}"
        for view, schema in views.items()
        for name, one in schema["properties"].items()
        if "description" not in one
    ] == []
