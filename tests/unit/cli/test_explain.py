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
    (_, first), *_ = story(SHOWN | told, datetime(2026, 3, 2, tzinfo=UTC))

    assert first.startswith(words)
