"""`metric_counts`: what each event counts. Names and labels are API."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from tests.making import NOW
from tests.reported_events import DELIVERY, POLL, WRONG, attempted
from webhookd.model import Delivered, GivenUp
from webhookd.rules.token_exchange import Failure
from webhookd.telemetry import events, metric_counts, metrics


def value(name, **labels):
    """Return what a metric shows, None while it has no such series."""
    return metrics.REGISTRY.get_sample_value(name, labels)


@pytest.mark.parametrize(
    ("event", "name", "labels", "step"),
    [
        (
            attempted(Delivered()),
            "webhookd_attempts_total",
            {"webhook": "crm-mirror", "outcome": "delivered", "reason": "2xx"},
            1,
        ),
        (attempted(GivenUp("")), "webhookd_attempt_seconds_sum", {"webhook": "crm-mirror"}, 1),
        (
            events.DeliverySuperseded(DELIVERY),
            "webhookd_deliveries_superseded_total",
            {"webhook": "crm-mirror"},
            2,
        ),
        (
            events.MomentsFired("crm-mirror", {"fired": 2}, (0.5, 1.5)),
            "webhookd_moments_total",
            {"webhook": "crm-mirror", "outcome": "fired"},
            2,
        ),
        (
            events.MomentsFired("crm-mirror", {"fired": 2}, (0.5, 1.5)),
            "webhookd_moment_lag_seconds_sum",
            {},
            2.0,
        ),
        (events.StorageRefused("due", 3, "wrong"), "webhookd_storage_refusals_total", {}, 1),
        (
            events.TokenReceived("h", 1.0, None),
            "webhookd_token_requests_total",
            {"outcome": "granted"},
            1,
        ),
        (
            events.TokenFailed("h", "refused", "", 1.0),
            "webhookd_token_requests_total",
            {"outcome": "refused"},
            1,
        ),
        (
            events.TokenFailed("h", "limited", "", 1.0),
            "webhookd_token_failures_total",
            {"reason": "limited"},
            1,
        ),
        (events.BatchTaken("s", 3, 2, 1), "webhookd_source_rows_total", {"source": "s"}, 3),
        (events.BatchTaken("s", 3, 2, 1), "webhookd_source_changes_total", {"source": "s"}, 2),
        (
            events.FileFailed("s", "a", "why", 2, 4, "e"),
            "webhookd_source_bad_rows_total",
            {"source": "s"},
            4,
        ),
        *(
            (event, "webhookd_source_errors_total", {"source": "hub"}, 1)
            for event in (
                events.SourceFailed("hub", "wrong", 1.0),
                events.SourceUnreadable("hub", "why"),
                events.PollFailed(POLL, "wrong", 1.0),
                events.PollBroke("hub", "contacts", WRONG),
            )
        ),
    ],
)
def test_events_are_counted(event, name, labels, step):
    before = value(name, **labels) or 0

    metric_counts.count(event)

    assert value(name, **labels) == before + step


def test_the_metrics_of_a_source_that_went_elsewhere_are_gone():
    metric_counts.count(events.BatchTaken("leaves", 3, 2, 1))
    assert value("webhookd_source_rows_total", source="leaves") == 3

    metric_counts.count(events.SourceElsewhere("leaves", "beta", "alpha"))

    assert value("webhookd_source_rows_total", source="leaves") is None


def test_an_attempt_tells_when_it_began_and_how_long_it_took():
    """A span can be made of the event afterwards."""
    settlement = attempted(Delivered()).settlement

    assert settlement.attempt.started_at == NOW
    assert settlement.ended_at - settlement.attempt.started_at == timedelta(seconds=1)
    assert settlement.delivery.id == "new"


def test_every_reason_for_having_no_token_is_counted_from_the_start():
    counted = {
        sample.labels["reason"]
        for sample in next(iter(metrics.TOKEN_FAILURES.collect())).samples
        if sample.name.endswith("_total")
    }

    assert counted >= set(get_args(Failure))
