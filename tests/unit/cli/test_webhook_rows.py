"""The webhooks of `webhookd status`, as a person reads them: nothing that helps is cut."""

from datetime import timedelta

import pytest

from tests.making import NOW
from webhookd.cli.webhook_rows import print_webhooks

AGO = (NOW - timedelta(minutes=4)).isoformat()
REMEDY = (
    "the receiver answered 301, which is not retried; it points to https://erp.example.com/new/hooks,"
    " which is not followed: put that address into 'url'"
)


def webhook(state, **changes):
    return {
        "webhook": "mirror",
        "state": state,
        "pending": 1,
        "due": 0,
        "failed": 2,
        "hold": None,
        "probed_reason": None,
        "last_delivered_at": None,
        "notes": (),
        "last_error": None,
        "last_error_at": AGO,
        "failing_since": AGO,
        "failing_attempts": 0,
        "method": "POST",
        "url": "https://erp.example.com/hooks/customer/of/a/long/path",
    } | changes


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"state": "failing", "last_error": REMEDY, "failing_attempts": 1},
            f"1 attempt failed, and none was delivered, since 4m ago last error 4m ago: {REMEDY}",
        ),
        ({"state": "active", "last_error": REMEDY}, f"last error 4m ago: {REMEDY}"),
        (
            {"state": "gone", "hold": "the receiver answered 410: it is gone"},
            "held: the receiver answered 410: it is gone; webhookd resume mirror lets it go on",
        ),
        ({"state": "probed", "probed_reason": "the last 20 " + REMEDY}, "the last 20 " + REMEDY),
    ],
)
def test_a_remedy_wraps_beneath_its_row_and_is_never_cut(
    capsys, monkeypatch, columns, told, sentence
):
    monkeypatch.setenv("COLUMNS", str(columns))

    print_webhooks([webhook(**told)], NOW)

    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= columns for line in lines)
    said = " ".join(" ".join(lines).split())
    assert sentence in said
    assert "POST https://erp.example.com/hooks/customer/of/a/long/path" in said
