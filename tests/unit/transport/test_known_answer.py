"""What is known by its head is what would have been parsed, whatever comes behind it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.transport.answers import MIXED
from webhookd.transport.answer import Answer
from webhookd.transport.known_answer import MISSES, Memory

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"
HEADS = st.sampled_from(
    [
        *(OK[:-2], b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
    ]
)
BODIES = st.sampled_from(
    [b"", b"ok", b"no", b"0\r\n\r\n", b"2\r\nok\r\n0\r\n\r\n", b"\r\n", b"ok!"]
)
WHOLE = st.tuples(HEADS, BODIES).map(b"".join) | MIXED


def fed(data, known=None, **options):
    """Return what is made of *data*, which comes in one piece."""
    answer = Answer(known=known, **options)
    is_over = answer.feed(data)
    if not is_over:
        answer.end()
    answer.close()
    return answer


def seen(answer):
    return (
        *(answer.status, list(answer.headers), answer.body, answer.broken),
        *(answer.is_complete, answer.is_cut, answer.keeps_alive, answer.has_begun),
    )


@settings(max_examples=400)
@given(WHOLE, st.data(), st.booleans(), st.sampled_from([0, 1, 2, 64]))
@example(OK, None, True, 64)
def test_an_answer_that_is_known_is_what_it_would_have_been(first, data, has_body, room):
    learned = fed(first).learned(first)
    if data is None:
        thens = [OK, OK[:-2] + b"no", OK[:-1], OK + b"!"]
    else:
        end = data.draw(st.integers(0, len(first)))
        tail = st.binary(min_size=len(first) - end, max_size=len(first) - end)
        thens = [first, first[:end] + data.draw(tail), data.draw(WHOLE)]

    for then in thens:
        options = {"has_body": has_body, "room": room}
        assert seen(fed(then, learned, **options)) == seen(fed(then, **options))


def test_what_receivers_usually_say_is_known_the_second_time():
    learned = fed(OK).learned(OK)

    again = fed(OK[:-2] + b"no", learned)

    assert again.is_known
    assert again.body == b"no"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no",
        OK + OK,
    ],
)
def test_what_another_body_might_make_another_answer_of_is_not_known(data):
    assert fed(data).learned(data) is None


def test_heads_that_are_always_new_are_hardly_remembered():
    memory = Memory()

    remembered = [memory.is_worthwhile() for _ in range(200)]

    assert all(remembered[:MISSES])
    assert sum(remembered[MISSES:]) <= 6
    memory.met()
    assert memory.is_worthwhile()
