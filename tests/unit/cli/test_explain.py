"""The story of a delivery: what of a deletion is known stands in its first line."""

from datetime import UTC, datetime

import pytest

from webhookd.cli.explain import story

SHOWN = {
    "id": "0198",
    "webhook": "tell",
    "source": "crm",
    "object": "contacts",
    "record_id": "7",
    "change": "deleted",
    "method": "POST",
    "created_at": "2026-03-01T08:30:00Z",
    "attempts": 0,
    "attempt_log": [],
    "state": "delivered",
    "settled_at": "2026-03-01T08:30:01Z",
    "next_attempt_at": None,
    "is_behind": False,
    "superseded_by": None,
}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "contacts/7 was deleted (source crm)"),
        ({"deletion": "archived"}, "contacts/7 was deleted: it was archived (source crm)"),
        (
            {"deletion": "merged", "merged_into": "9"},
            "contacts/7 was deleted: it was merged into 9 (source crm)",
        ),
        ({"deletion": "gone"}, "contacts/7 was deleted: it is not there any more (source crm)"),
    ],
)
def test_a_deletion_says_how_it_came_about(told, words):
    first, *_ = story(SHOWN | told, datetime(2026, 3, 2, tzinfo=UTC))

    assert first.text.startswith(words)


def test_what_the_receiver_said_is_a_remark_on_its_attempt_and_its_text_is_not_indented():
    attempt = {
        "number": 1,
        "seconds": 0.25,
        "config_hash": "5f4dcc",
        "error": None,
        "status": 200,
        "answer": "thanks",
        "started_at": "2026-03-01T08:30:01Z",
    }

    lines = [*story(SHOWN | {"attempt_log": [attempt]}, datetime(2026, 3, 2, tzinfo=UTC))]

    assert [line.text for line in lines if line.is_remark] == ['the receiver said: "thanks"']
    assert [line.text for line in lines if line.text != line.text.strip()] == []
