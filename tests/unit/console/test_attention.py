"""What needs a person is said worst first, each thing once, with one next step."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from webhookd.console import attention
from webhookd.views import json_reader
from webhookd.views.sources import PollView, SourceView
from webhookd.views.status import MemberView, ReloadView, StatusView
from webhookd.views.webhooks import WebhookView

NOW = datetime(2026, 11, 27, 9, 14, tzinfo=UTC)
AGO = NOW - timedelta(minutes=40)
CALM = json_reader.read(
    StatusView,
    {"started_at": "2026-11-27T09:00:00Z"},
)


def webhook(name="w", state="active", **more):
    calm = json_reader.read(WebhookView, {"webhook": name, "state": state})
    return replace(calm, **more)


def source(name="s", **more):
    return replace(json_reader.read(SourceView, {"source": name}), **more)


def needs(*, webhooks=(), sources=(), **more):
    status = replace(CALM, webhooks=tuple(webhooks), sources=tuple(sources), **more)
    return attention.needs(status, NOW)


def test_a_calm_daemon_needs_nobody():
    assert needs(webhooks=[webhook(), webhook("b", "disabled")], sources=[source()]) == []


@pytest.mark.parametrize(
    ("state", "more", "told", "label"),
    [
        ("gone", {"pending": 3}, "410: it is gone. 3 deliveries wait.", "Resume…"),
        ("failing", {"failing_since": AGO, "failing_attempts": 7}, "for 40 m: 7 attempts", "Open"),
        ("failing", {"failed": 2}, "2 deliveries were given up", "Look at them"),
        ("probed", {"probed_reason": "refused: no", "probed_since": AGO}, "refused: no.", "Open"),
        ("active", {"failed": 1, "last_error": "422"}, "1 delivery was given up", "Look at them"),
        (
            "paused",
            {"hold": "moves house", "pending": 1},
            "moves house. 1 delivery waits.",
            "Resume…",
        ),
        (
            "active",
            {"oldest_pending_at": AGO, "pending": 2},
            "2 deliveries wait, the oldest for 40 m.",
            "Look at them",
        ),
        ("removed", {"pending": 2}, "Put it back, or cancel them", "Look at them"),
        ("elsewhere", {}, "Another daemon", "Open"),
        ("active", {"notes": ("no record has x",)}, "no record has x.", "Open"),
    ],
)
def test_a_webhook_in_trouble_is_one_sentence_with_one_step(state, more, told, label):
    (found,) = needs(webhooks=[webhook(state=state, **more)])

    assert told in found.sentence
    assert found.step.label == label
    assert "  " not in found.sentence


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"files_failed": 1, "last_error": "line 3"},
            "1 file was set aside in failed/. Latest: line 3.",
        ),
        ({"last_error": "503", "last_error_at": AGO}, "Reading it failed 40 m ago: 503."),
        ({"is_disk_low": True, "disk_free_bytes": 1 << 20}, "only 1.0 MiB free"),
        (
            {
                "objects": (
                    replace(json_reader.read(PollView, {"object": "deals"}), last_success_at=AGO),
                )
            },
            "deals were last read 40 m ago.",
        ),
    ],
)
def test_a_source_in_trouble_is_one_sentence(more, told):
    (found,) = needs(sources=[source(**more)])

    assert told in found.sentence
    assert found.path == "/sources/s"


def test_the_worst_stands_first():
    found = needs(
        last_reload=ReloadView(
            AGO, "rejected", "h", ("config.yaml:3:5: no", "config.yaml:4:1: no")
        ),
        webhooks=[
            webhook("a-paused", "paused"),
            webhook("b-failed", failed=3),
            webhook("c-probed", "probed"),
            webhook("d-gone", "gone"),
            webhook("e-old", oldest_pending_at=AGO, pending=1),
            webhook("f-failing", "failing"),
        ],
        sources=[source("g-source", last_error="403")],
    )

    assert [one.subject for one in found] == [
        *("configuration", "d-gone", "g-source", "f-failing", "c-probed", "b-failed"),
        *("a-paused", "e-old"),
    ]
    assert "config.yaml:3:5: no (1 more)" in found[0].sentence


def test_a_fleet_that_disagrees_is_told():
    one = MemberView(1, "a", 1, "0.1.0", "x", NOW, NOW, is_late=False, is_this=True)
    late = replace(one, number=2, host="b", config_hash="y", is_late=True, seen_at=AGO)

    assert [need.subject for need in needs(fleet=(one, late))] == ["b", "fleet"]
