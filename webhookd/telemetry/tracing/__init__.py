"""Spans of sampled deliveries for an OpenTelemetry collector, where somebody asked for them.

    reporter ── event ──► SpanListener ── Span, of those sampled ──► SpanQueue ══ thread ══► export

Only `otlp_export` knows OpenTelemetry's packages, which are an extra and are imported when tracing
is on. What is not sampled costs a comparison; what is sampled is a small value in a bounded queue.
A collector that is down, slow or wrong costs spans, which are counted and told of, nothing else.
"""
