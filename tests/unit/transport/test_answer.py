"""Whatever bytes come, in whatever pieces: the same is made of them, and nothing breaks."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.answers import try_out, verdict
from tests.unit.transport.answers import MIXED

STEPS = st.integers(0, 255).map(lambda number: bytes([number]))


@settings(max_examples=400)
@given(STEPS, MIXED)
@example(b"\0", b"\r\nRTSP/1.0 200 OK\r\n\r\n")
@example(b"\0", b"HTTP/1.1 000 : 0\r\n\r\nok")
def test_an_answer_is_the_same_in_whatever_pieces_it_comes_and_breaks_nothing(step, data):
    try_out(step + data)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_what_is_not_http_is_never_an_answer(data):
    found = verdict([b"x" + data])

    assert found.status == 0
    assert found.is_broken
