"""`spans`: what a span says, and what it never does."""

from dataclasses import replace
from datetime import timedelta

from tests.making import NOW, a_delivery, a_settlement
from webhookd.model import Delivered, GivenUp, Held, Rendered, RetryAt
from webhookd.model.trace_context import Sampling
from webhookd.telemetry.events import DeliveriesStored, DeliveryAttempted
from webhookd.telemetry.tracing.span_listener import SpanListener

ID = f"{0x0193_0000_0000_1234_5678_9ABC_DEF0_1111:032x}"
DELIVERY = a_delivery(
    id=ID, record_id="CANARY-ID", rendered=Rendered("PUT", b"CANARY", None, "q=CANARY")
)
SENT = "https://erp.example.com/CANARY?q=CANARY\nx-key: CANARY"
ABOUT = {
    "webhookd.webhook": "crm-mirror",
    "webhookd.source": "export",
    "webhookd.object": "contacts",
    "webhookd.change": "updated",
}


def made(*events, ratio=1.0, now=NOW):
    put = []
    listener = SpanListener(Sampling.of(ratio), put.append, lambda: now)
    for event in events:
        listener.heard(event)
    return put


def attempted(outcome, *, number=1, status=200, sent=SENT, kind="2xx"):
    settlement = a_settlement(replace(DELIVERY, attempts_made=number - 1), outcome, kind=kind)
    attempt = replace(settlement.attempt, status=status, sent=sent, seconds=0.25)
    return DeliveryAttempted(replace(settlement, attempt=attempt))


def test_a_delivery_is_a_producer_span_until_it_is_stored():
    (span,) = made(DeliveriesStored((DELIVERY,)), now=NOW + timedelta(milliseconds=3))

    assert (span.name, span.kind, span.parent_id) == ("deliver crm-mirror", "producer", None)
    assert (span.trace_id, span.span_id) == (int(ID, 16), int(ID[16:], 16))
    assert span.end - span.start == 3_000_000
    assert (span.attributes, span.is_error) == (ABOUT, False)


def test_a_span_never_ends_before_it_begins():
    (span,) = made(DeliveriesStored((DELIVERY,)), now=NOW - timedelta(seconds=1))

    assert span.start == span.end == int(NOW.timestamp()) * 10**9


def test_attempts_are_siblings_below_it():
    first, second = made(
        attempted(RetryAt(NOW, "why"), status=503, kind="5xx"), attempted(Delivered(), number=2)
    )

    assert first.parent_id == second.parent_id == int(ID[16:], 16)
    assert len({first.span_id, second.span_id, first.parent_id}) == 3
    assert (first.name, first.kind, first.end - first.start) == ("PUT", "client", 250_000_000)
    assert first.attributes == ABOUT | {
        "http.request.method": "PUT",
        "http.request.resend_count": 0,
        "http.response.status_code": 503,
        "server.address": "erp.example.com",
        "server.port": 443,
        "error.type": "503",
        "webhookd.outcome": "retry",
    }
    assert first.is_error
    assert second.attributes["http.request.resend_count"] == 1
    assert "error.type" not in second.attributes
    assert not second.is_error


def test_what_got_no_answer_says_why():
    (span,) = made(attempted(RetryAt(NOW, "CANARY"), status=None, kind="timeout"))
    assert span.attributes["error.type"] == "timeout"
    assert "http.response.status_code" not in span.attributes

    (span,) = made(attempted(RetryAt(NOW, "CANARY"), status=None, kind="token", sent=None))
    assert span.attributes["error.type"] == "token"
    assert "server.address" not in span.attributes


def test_nothing_of_a_record_a_url_a_header_or_an_error_is_in_a_span():
    outcomes = [Delivered(), RetryAt(NOW, "CANARY"), GivenUp("CANARY"), Held("CANARY")]
    spans = made(DeliveriesStored((DELIVERY,)), *map(attempted, outcomes))

    assert len(spans) == 5
    assert "CANARY" not in repr(spans)


def test_hosts_that_are_no_host_are_left_out():
    for url in ("https://***", "https://***/x", "https://[::1", "https://h:***/", "***", ""):
        (span,) = made(attempted(Delivered(), sent=f"{url}\nx: y"))
        assert span.attributes.get("server.port") in {None, 443}


def test_what_is_not_sampled_makes_none():
    assert made(DeliveriesStored((DELIVERY,)), attempted(Delivered()), ratio=0) == []
