"""The door to OpenTelemetry's packages: sends spans as OTLP over HTTP.

They are imported when an `OtlpExport` is built, and read the remaining `OTEL_…` variables (headers,
certificates, compression, timeout, resource attributes) themselves.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, Any, Final

from webhookd import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhookd.telemetry.tracing.spans import Span

LONGEST_REASON: Final = 200

_SERVICE = "service.name"
_UNNAMED = "unknown_service"


def is_installed() -> bool:
    """Return whether the extra is there."""
    try:
        return all(
            importlib.util.find_spec(name) is not None
            for name in ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
        )
    except ModuleNotFoundError:
        return False


class OtlpExport:
    """Sends spans to *endpoint*, the whole URL, as *service*. An `Export` of `span_queue`.

    Directly: neither a proxy of the environment nor one of webhookd's settings is used, and egress
    is for requests of webhooks.
    """

    def __init__(self, endpoint: str, service: str) -> None:
        import requests  # noqa: PLC0415 - only where tracing is on, as all of the extra
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

        self.endpoint = endpoint
        self._said = _LastWords()
        session = requests.Session()
        # Rule: no HTTP_PROXY, no .netrc, no REQUESTS_CA_BUNDLE of somebody else's.
        session.trust_env = False
        self._exporter = OTLPSpanExporter(endpoint, session=session)
        named = {_SERVICE: service, "service.version": __version__}
        found = Resource.create()
        if not str(found.attributes.get(_SERVICE, _UNNAMED)).startswith(_UNNAMED):
            # OTEL_SERVICE_NAME, or a name among OTEL_RESOURCE_ATTRIBUTES.
            del named[_SERVICE]
        self._resource = found.merge(Resource(named))
        self._scope = InstrumentationScope("webhookd", __version__)

    def send(self, spans: Sequence[Span]) -> str | None:
        """Send *spans*; return why the collector has not got them, None when it has."""
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415

        self._said.clear()
        result = self._exporter.export([self._made(span) for span in spans])
        if result is SpanExportResult.SUCCESS:
            return None
        return self._said.text[:LONGEST_REASON] or "the collector did not take them"

    def stop(self) -> None:
        """Let a `send` that waits on another thread end soon."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the library forgot one
        self._said.close()

    def _made(self, span: Span) -> Any:
        from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415
        from opentelemetry.trace import (  # noqa: PLC0415
            SpanContext,
            SpanKind,
            Status,
            StatusCode,
            TraceFlags,
        )

        sampled = TraceFlags(TraceFlags.SAMPLED)
        parent = span.parent_id
        return ReadableSpan(
            span.name,
            SpanContext(span.trace_id, span.span_id, is_remote=False, trace_flags=sampled),
            None
            if parent is None
            else SpanContext(span.trace_id, parent, is_remote=False, trace_flags=sampled),
            self._resource,
            span.attributes,
            kind=SpanKind.PRODUCER if span.kind == "producer" else SpanKind.CLIENT,
            status=Status(StatusCode.ERROR if span.is_error else StatusCode.UNSET),
            start_time=span.start,
            end_time=span.end,
            instrumentation_scope=self._scope,
        )


class _LastWords(logging.Handler):
    """Keeps what OpenTelemetry's packages last complained about, and everything else of theirs.

    They log each failure, which would fill the log; the queue tells of it, once a minute.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""
        self._logger = logging.getLogger("opentelemetry")
        self._logger.propagate = False
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of *record*, on the thread that logs."""
        self.text = record.getMessage()

    def clear(self) -> None:
        """Forget what was said."""
        self.text = ""

    def close(self) -> None:
        """Hear no more."""
        self._logger.removeHandler(self)
        super().close()
