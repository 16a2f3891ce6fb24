"""Answers of daemons of other versions, and of what is no webhookd."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from webhookd.model import DeliveryState
from webhookd.views.deliveries import DeliveryView
from webhookd.views.json_reader import UnreadableAnswerError, read
from webhookd.views.sources import PollView, SourceView
from webhookd.views.view import JsonObject, View
from webhookd.views.webhooks import WebhookView

OLD = {
    "id": "1",
    "webhook": "w",
    "source": "s",
    "object": "o",
    "record_id": "r",
    "change": "created",
    "state": "failed",
    "created_at": "2026-03-01T12:00:00.000Z",
}


@dataclass(frozen=True, slots=True)
class Later(View):
    """A view with a key that older daemons lack."""

    name: str
    shade: str = "grey"


def test_keys_of_a_newer_daemon_are_passed_over():
    assert read(Later, {"name": "x", "size": 3}) == Later("x")


def test_what_an_older_daemon_does_not_say_is_the_default_or_nothing():
    found = read(DeliveryView, OLD)

    assert (found.attempts, found.is_behind, found.last_error) == (0, False, None)
    assert read(WebhookView, {"webhook": "w", "pending": 3}).description == ""
    assert read(SourceView, {"source": "s"}).objects == ()
    assert read(PollView, {"object": "deals"}).requests == {}


def test_times_and_states_are_what_they_stand_for():
    found = read(DeliveryView, OLD)

    assert found.created_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert found.state is DeliveryState.FAILED


def test_a_state_that_only_a_newer_daemon_knows_stays_its_text():
    assert read(DeliveryView, OLD | {"state": "asleep"}).state == "asleep"


@pytest.mark.parametrize(
    "told", [{}, OLD | {"created_at": "yesterday"}, OLD | {"created_at": 5}, [], "text", None]
)
def test_what_no_webhookd_says_is_an_error(told):
    with pytest.raises(UnreadableAnswerError, match="makes no sense"):
        read(DeliveryView, told)


def test_an_object_kept_as_bytes_is_read_as_any_other():
    kept = JsonObject(b'{"a": 1, "b": null}')

    assert dict(kept) == {"a": 1, "b": None}
    assert (len(kept), kept["a"], list(kept)) == (2, 1, ["a", "b"])
    assert kept == {"a": 1, "b": None}
