"""`trace_context` against OpenTelemetry's own libraries."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from webhookd import clock
from webhookd.model.trace_context import Sampling

ids = st.integers(1, 2**128 - 1).map(lambda number: f"{number:032x}")
numbers = st.integers(1, 1000)


@given(ids, st.floats(0, 1))
def test_what_is_sampled_is_what_opentelemetry_samples_by_that_ratio(delivery_id, ratio):
    theirs = TraceIdRatioBased(ratio).should_sample(None, int(delivery_id, 16), "deliver")

    assert (Sampling.of(ratio).sampled(delivery_id) is not None) == theirs.decision.is_sampled()


@given(ids, numbers, st.floats(0, 1))
def test_the_header_is_one_that_opentelemetry_reads(delivery_id, number, ratio):
    sampling = Sampling.of(ratio)
    context = sampling.sampled(delivery_id)

    name, _, value = sampling.header(delivery_id, number).partition(": ")
    read = TraceContextTextMapPropagator().extract({name: value})
    found = trace.get_current_span(read).get_span_context()
    assert found.is_valid
    assert f"{found.trace_id:032x}" == delivery_id
    assert found.trace_flags.sampled == (context is not None)
    if context is not None:
        assert (context.trace_id, context.attempt(number)) == (found.trace_id, found.span_id)


@given(ids)
def test_no_two_spans_of_a_delivery_have_the_same_id(delivery_id):
    context = Sampling.of(1).sampled(delivery_id)

    found = {context.span_id, *(context.attempt(number) for number in range(1, 200))}
    # Where the last 64 bits are zero the delivery's own span takes the place of one, which is rare.
    assert len(found) == 200
    assert 0 not in found


@given(ids)
def test_all_or_none_may_be_sampled(delivery_id):
    assert Sampling.of(1).sampled(delivery_id) is not None
    assert Sampling.of(0).sampled(delivery_id) is None


def test_about_as_many_are_sampled_as_was_asked_for():
    sampling, now = Sampling.of(0.1), datetime.now(UTC)

    count = sum(sampling.sampled(clock.new_id(now)) is not None for _ in range(20_000))
    assert 1_700 < count < 2_300


@pytest.mark.parametrize(
    "wrong", ["", "new", "0" * 32, "+" + "1" * 31, "1_" * 16, "f" * 31, "g" * 32]
)
def test_what_is_no_trace_id_is_left_alone(wrong):
    sampling = Sampling.of(1)

    assert sampling.header(wrong, 1) is None
    assert sampling.sampled(wrong) is None
