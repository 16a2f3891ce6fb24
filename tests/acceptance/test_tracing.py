"""Traces with the installed command: what a collector gets, over retries, restarts and failures."""

import importlib.util
import signal
import subprocess
import sys
from itertools import pairwise

import httpx
import pytest
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tests.collector import Collector
from tests.daemon import until
from tests.receiver import Answer, Receiver

SOON = {"delivery": {"retry": {"first_after": "1s", "factor": 1}}}
CANARY = "canary-of-a-secret-value"


def hook(receiver, **more):
    return {
        "source": "export",
        "object": "contacts",
        "request": {"url": f"{receiver.url}/hook", "allow_http": True, **more.pop("request", {})},
    } | more


@pytest.fixture
def collector():
    with Collector() as one:
        yield one


def trace(daemon, collector, **variables):
    daemon.environment |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_TRACES_SAMPLER": "always_on",
        # Whoever sends through a proxy by accident sends nothing.
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
        "WEBHOOKD_PROXY": "",
    } | {f"OTEL_{name}": text for name, text in variables.items()}


def context(request):
    """Return the trace context that OpenTelemetry reads in a request."""
    read = TraceContextTextMapPropagator().extract({"traceparent": request.headers["traceparent"]})
    return get_current_span(read).get_span_context()


def test_a_delivery_is_one_trace_over_retries_and_a_restart(daemon, collector):
    answers = iter([503, 503])
    with Receiver(lambda _: Answer(next(answers, 200))) as receiver:
        daemon.configure({"mirror": hook(receiver, **SOON)})
        trace(daemon, collector)
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": CANARY, "email": CANARY})
        until(lambda: len(receiver.received) == 1, "the first attempt")
        until(lambda: daemon.named("delivery.attempted"), "its settlement")
        assert daemon.stop() == 0
        daemon.start()
        until(lambda: len(receiver.received) == 3, "the third attempt")
        until(lambda: daemon.tally("delivered") == 1, "delivered")
        assert daemon.stop() == 0

    (delivery,) = daemon.deliveries()
    (producer,), attempts = collector.spans("producer"), collector.spans("client")
    assert (producer.name, producer.trace_id) == ("deliver mirror", delivery["id"])
    assert [span.trace_id for span in attempts] == [delivery["id"]] * 3
    assert {span.parent_id for span in attempts} == {producer.span_id}
    assert [span.attributes["http.request.resend_count"] for span in attempts] == [0, 1, 2]
    assert [span.attributes["http.response.status_code"] for span in attempts] == [503, 503, 200]
    assert [span.is_error for span in attempts] == [True, True, False]
    assert {span.attributes["server.port"] for span in attempts} == {receiver.port}
    assert producer.end <= attempts[0].start
    assert all(first.end <= second.start for first, second in pairwise(attempts))
    # What each request carried is the attempt's own span.
    sent = [context(request) for request in receiver.received]
    assert [f"{one.span_id:016x}" for one in sent] == [span.span_id for span in attempts]
    assert {f"{one.trace_id:032x}" for one in sent} == {receiver.received[0].id}
    assert all(one.trace_flags.sampled for one in sent)
    assert producer.resource["service.name"] == "webhookd"
    assert all(CANARY.encode() not in request.body for request in collector.received)


def test_what_is_not_sampled_carries_its_trace_all_the_same(daemon, collector):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        trace(daemon, collector, TRACES_SAMPLER="traceidratio", TRACES_SAMPLER_ARG="0")
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.tally("delivered") == 1, "delivered")
        assert daemon.stop() == 0

    (request,) = receiver.received
    assert f"{context(request).trace_id:032x}" == request.id
    assert not context(request).trace_flags.sampled
    assert collector.received == []


def test_without_an_endpoint_no_header_is_sent(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: receiver.received, "the request")

    assert "traceparent" not in receiver.received[0].headers


def test_a_definitions_own_header_wins(daemon, collector):
    with Receiver() as receiver:
        own = {"headers": {"Traceparent": "own"}}
        daemon.configure({"mirror": hook(receiver, request=own)})
        trace(daemon, collector)
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: receiver.received, "the request")

    assert receiver.received[0].headers["traceparent"] == "own"


def test_own_settings_of_the_exporter_are_used_and_secrets_stay_out_of_spans(daemon, collector):
    with Receiver(lambda _: Answer(401, body=CANARY.encode())) as receiver:
        authentication = {"type": "bearer", "token": {"env": "CANARY"}}
        daemon.environment["CANARY"] = CANARY
        daemon.configure({"mirror": hook(receiver, request={"authentication": authentication})})
        trace(
            daemon,
            collector,
            EXPORTER_OTLP_HEADERS="api-key=for-the-collector",
            EXPORTER_OTLP_COMPRESSION="gzip",
            SERVICE_NAME="crm-hooks",
            RESOURCE_ATTRIBUTES="deployment.environment=test",
        )
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1, "email": CANARY})
        until(lambda: collector.spans("client"), "spans")
        assert daemon.stop() == 0

    (span,) = collector.spans("client")
    assert (span.attributes["error.type"], span.is_error) == ("401", True)
    assert span.resource["service.name"] == "crm-hooks"
    assert span.resource["deployment.environment"] == "test"
    assert {request.headers["api-key"] for request in collector.received} == {"for-the-collector"}
    assert CANARY not in repr(collector.spans())
    assert "for-the-collector" not in daemon.log


@pytest.mark.parametrize("trouble", ["down", "refusing", "silent"])
def test_a_collector_in_trouble_costs_spans_and_a_line(daemon, trouble):
    answer = Answer(is_silent=True) if trouble == "silent" else Answer(403)
    with Receiver() as receiver, Collector(lambda _: answer) as collector:
        daemon.configure({"mirror": hook(receiver)})
        trace(daemon, collector, EXPORTER_OTLP_TIMEOUT="1")
        if trouble == "down":
            daemon.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
        daemon.start()
        rows = [{"id": number} for number in range(300)]
        daemon.drop_rows("1.ndjson", *rows)
        until(lambda: daemon.tally("delivered") == 300, "all delivered")
        until(lambda: daemon.named("tracing.failed"), "the line")
        daemon.drop_rows("2.ndjson", *({"id": number} for number in range(300, 400)))
        until(lambda: daemon.tally("delivered") == 400, "all delivered")
        assert daemon.stop() == 0

    lines = daemon.named("tracing.failed")
    # One while it ran, one at the end for what that left out.
    assert 1 <= len(lines) <= 2
    assert sum(line["spans"] for line in lines) == 800
    assert {line["level"] for line in lines} == {"warning"}
    assert len(receiver.received) == 400


def test_a_collector_that_hangs_does_not_keep_the_daemon_from_stopping(daemon):
    with Receiver() as receiver, Collector(lambda _: Answer(is_silent=True)) as collector:
        daemon.configure({"mirror": hook(receiver)})
        trace(daemon, collector)
        daemon.start("--shutdown-timeout", "1s")
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.tally("delivered") == 1, "delivered")
        until(lambda: collector.received, "an export that hangs")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0

    (line,) = daemon.named("tracing.failed")
    assert line["spans"] == 2


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_TRACES_SAMPLER_ARG", "1%"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ],
)
def test_a_wrong_value_is_exit_78_before_anything_is_touched(daemon, collector, variable, text):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
    trace(daemon, collector)
    del daemon.environment["OTEL_TRACES_SAMPLER"]
    daemon.environment[variable] = text
    done = daemon.command("run", "--config", str(daemon.config), "--state-directory", "state")

    assert done.returncode == 78
    assert variable in done.stderr
    assert f"'{text}'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not daemon.state.exists()


def test_without_the_extra_it_is_exit_78_with_the_way_out(daemon, collector, tmp_path):
    assert importlib.util.find_spec("opentelemetry.sdk") is not None
    # A package of that name that is empty: as where none is installed.
    hidden = tmp_path / "hidden" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("")
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
    trace(daemon, collector)
    daemon.environment["PYTHONPATH"] = str(hidden.parent)
    done = subprocess.run(
        [sys.executable, "-m", "webhookd", "run", "--config", str(daemon.config)],
        env=daemon.environment,
        cwd=daemon.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 78
    assert "the extra `otel`" in done.stderr
    assert "pip install 'webhookd[otel]'" in done.stderr


def test_what_was_counted_is_in_the_metrics(daemon, collector):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        trace(daemon, collector)
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: len(collector.spans()) == 2, "both spans")
        (line,) = daemon.named("tracing.began")
        assert line["endpoint"] == f"{collector.url}/v1/traces"
        assert line["ratio"] == 1
        count = 'webhookd_trace_spans_total{outcome="exported"} 2.0'
        transport = httpx.HTTPTransport(uds=str(daemon.state / "admin.sock"))
        with httpx.Client(transport=transport) as client:
            until(lambda: count in client.get("http://webhookd/metrics").text, "they are counted")
        assert daemon.stop() == 0
