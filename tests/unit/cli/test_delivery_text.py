"""Deliveries as people read them: on a narrow terminal, on a wide one, and in a pipe."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webhookd.cli.delivery_text import print_followed, print_within
from webhookd.model import DeliveryState
from webhookd.operations.deliveries.delivery_views import listed_delivery
from webhookd.storage.deliveries.query import ListedDelivery
from webhookd.views.json_writer import written

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ERROR = "refused: 127.0.0.1:9 refuses connections: nothing listens there"
REMEDY = (
    "the receiver answered 301, which is not retried; it points to https://erp.example.com/new/hooks,"
    " which is not followed: put that address into 'url'"
)


def a_delivery(**different: Any) -> ListedDelivery:
    usual = {
        "id": "01a20c505b3a42023791ea2c64881e8d",
        "webhook": "new-customer",
        "source": "crm",
        "object": "contacts",
        "record_id": "101",
        "change": "created",
        "state": DeliveryState.PENDING,
        "attempts": 2,
        "next_attempt_at": NOW + timedelta(minutes=4),
        "is_behind": False,
        "last_status": None,
        "last_error": ERROR,
        "created_at": NOW - timedelta(hours=3),
        "settled_at": None,
    }
    return ListedDelivery(**usual | different)


@pytest.fixture
def shown(capsys, monkeypatch):
    """Return what gives the lines of deliveries on a terminal of so many columns."""

    def lines(*found: ListedDelivery, width: int | None) -> list[str]:
        if width is not None:
            monkeypatch.setenv("COLUMNS", str(width))
        print_within([json.loads(written(listed_delivery(one))) for one in found], NOW, width)
        return capsys.readouterr().out.splitlines()

    return lines


def test_a_narrow_terminal_gets_two_lines_for_each_delivery_and_all_that_identifies_it_fits(shown):
    done = {"state": DeliveryState.DELIVERED, "next_attempt_at": None, "attempts": 1}
    lines = shown(a_delivery(), a_delivery(**done, last_status=200, last_error=None), width=80)

    assert lines == [
        "01a20c505b3a42023791ea2c64881e8d  pending    new-customer",
        "    contacts/101 created, stored 3h ago, 2 attempts, next in 4m: refused:",
        "    127.0.0.1:9 refuses connections: nothing listens there",
        "01a20c505b3a42023791ea2c64881e8d  delivered  new-customer",
        "    contacts/101 created, stored 3h ago, 1 attempt: 200",
    ]


@pytest.mark.parametrize("width", [80, 140])
def test_what_came_last_is_never_cut(shown, width):
    lines = shown(a_delivery(last_error=REMEDY), width=width)

    assert all(len(line) <= width for line in lines)
    assert REMEDY in " ".join(" ".join(lines).split())


def test_a_superseded_one_names_its_successor(shown):
    gone = {"state": DeliveryState.SUPERSEDED, "next_attempt_at": None, "superseded_by": "01a2ffff"}
    lines = shown(a_delivery(**gone), width=None)

    assert lines[1].endswith("superseded by 01a2ffff")


@pytest.mark.parametrize("width", [None, 200])
def test_a_pipe_and_a_wide_terminal_get_one_line_for_each_delivery(shown, width):
    head, line = shown(a_delivery(), width=width)

    assert head.split()[:3] == ["ID", "STATE", "WEBHOOK"]
    assert line.endswith(ERROR)


@pytest.mark.parametrize("width", [None, 80])
def test_what_a_receiver_or_a_record_says_cannot_steer_a_terminal(shown, width):
    hostile = a_delivery(record_id="\x1b[2J", last_error="a\nb\x9b31m")

    assert all(line.isprintable() for line in shown(hostile, width=width))


def test_into_a_pipe_a_followed_delivery_is_one_line(capsys):
    print_followed(json.loads(written(listed_delivery(a_delivery(last_error=REMEDY)))), NOW)

    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(f"…881e8d  2 attempts  {REMEDY}")
