"""What is printed of deliveries as they come and change."""

from __future__ import annotations

import json

from webhookd.cli import followed
from webhookd.cli.followed import Followed


def delivery(number, state="pending", attempts=0, error=None):
    return {
        "id": f"{number:032x}",
        "state": state,
        "attempts": attempts,
        "last_error": error,
        "last_status": None,
        "superseded_by": None,
        "webhook": "w",
        "object": "contacts",
        "record_id": str(number),
        "change": "created",
    }


def shown(capsys):
    return [json.loads(line)["record_id"] for line in capsys.readouterr().out.splitlines()]


def test_what_is_new_or_changed_is_printed_once_the_oldest_first(capsys):
    now = [delivery(3), delivery(2), delivery(1)]
    follows = Followed(lambda _: list(now), 2, as_json=True)

    follows.show()
    assert shown(capsys) == ["2", "3"]
    follows.show()
    assert shown(capsys) == []
    now[2] = delivery(1, "pending", 1, "timeout")
    now.insert(0, delivery(4))
    follows.show()
    assert shown(capsys) == ["1", "4"]
    now[0] = delivery(4, "delivered", 1)
    follows.show()
    assert shown(capsys) == ["4"]


def test_a_delivery_is_a_line(capsys):
    follows = Followed(lambda _: [delivery(1, "failed", 3, "answered 500")], 1, as_json=False)

    follows.show()

    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert "failed      w  contacts/1 created  …000001  3 attempts  answered 500" in line


def test_what_was_seen_long_ago_is_forgotten(monkeypatch):
    monkeypatch.setattr(followed, "_REMEMBERED", 2)
    now = [delivery(1)]
    follows = Followed(lambda _: list(now), 10, as_json=True)
    for number in range(2, 8):
        now[0] = delivery(number)
        follows.show()

    assert len(follows._seen) == 2
