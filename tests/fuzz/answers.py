"""What must hold for whatever a receiver answers, and a fuzzer that looks for what breaks it.

Hypothesis asks the same in every run of the tests. To look for longer, with coverage as the guide:

    python -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris -e .
    /tmp/fuzz/bin/python -m tests.fuzz.answers -max_total_time=600 -max_len=4096
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from webhookd.transport.answer import BODY_LIMIT, HEAD_LIMIT, Answer


class Verdict(NamedTuple):
    """All that is made of an answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    is_broken: bool
    is_complete: bool
    is_cut: bool


def verdict(pieces: list[bytes], *, has_body: bool = True) -> Verdict:
    """Return what is made of *pieces*, after which the receiver closes."""
    answer = Answer(has_body=has_body)
    for piece in pieces:
        if answer.feed(piece):
            break
    else:
        answer.end()
    found = seen(answer)
    check(answer, found)
    # What comes after the end must change nothing that was decided.
    if found.status or found.is_broken:
        answer.feed(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno")
        answer.end()
        assert seen(answer)[:4] == found[:4]
    answer.close()
    return found


def seen(answer: Answer) -> Verdict:
    """Return what *answer* says of itself now."""
    return Verdict(
        answer.status,
        () if answer.broken else tuple(answer.headers),
        answer.body,
        bool(answer.broken),
        answer.is_complete,
        answer.is_cut,
    )


def check(answer: Answer, found: Verdict) -> None:
    """Assert what holds for every answer."""
    assert found.status == 0 or 200 <= found.status <= 999
    assert answer.is_decided == (found.status > 0 and not found.is_broken)
    assert len(found.body) <= BODY_LIMIT
    assert sum(len(name) + len(value) for name, value in found.headers) <= HEAD_LIMIT
    assert not found.body or found.status
    assert not (found.is_complete and found.is_cut)
    assert not answer.keeps_alive or found.is_complete


def try_out(data: bytes) -> None:
    """Assert that *data*, in whatever pieces it comes, means the same and breaks nothing."""
    if not data:
        return
    has_body, step, data = data[0] & 1 == 0, data[0] // 2 + 1, data[1:]
    whole = verdict([data], has_body=has_body)
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    assert verdict(pieces, has_body=has_body) == whole, (data, step)


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, try_out)
    atheris.Fuzz()
