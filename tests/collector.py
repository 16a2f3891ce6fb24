"""A collector of OpenTelemetry's on loopback: decodes what it is sent, with their library."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

PATH = "/v1/traces"


@dataclass(frozen=True)
class Span:
    """A span as the collector has it: ids as hexadecimal texts, times as nanoseconds."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    is_error: bool


class Collector(Receiver):
    """A receiver of OTLP over HTTP. Give another *answer* for one that refuses or is silent."""

    def spans(self, kind: str | None = None) -> list[Span]:
        """Return the spans that came, in the order of their starts; of a *kind* only, if given."""
        found = [
            _span(span, _values(of_resource.resource.attributes))
            for request in self.received
            for of_resource in _decoded(request).resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]
        wanted = [span for span in found if kind is None or span.kind == kind]
        return sorted(wanted, key=lambda span: span.start)


def _decoded(request: Any) -> ExportTraceServiceRequest:
    assert (request.method, request.target) == ("POST", PATH)
    assert request.headers["content-type"] == "application/x-protobuf"
    is_packed = request.headers.get("content-encoding") == "gzip"
    body = gzip.decompress(request.body) if is_packed else request.body
    return ExportTraceServiceRequest.FromString(body)


def _span(span: Any, resource: dict[str, Any]) -> Span:
    return Span(
        span.name,
        trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _values(span.attributes),
        resource,
        span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
    )


def _values(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
