"""Ids that nobody else has, whichever thread or process made them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from webhookd import clock
from webhookd.storage.database.times import from_micros, to_micros

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone stands beside them


def test_ids_of_many_threads_are_all_different():
    def make(_):
        return [clock.new_id(AT) for _ in range(500)]

    with ThreadPoolExecutor(8) as pool:
        ids = [one for made in pool.map(make, range(16)) for one in made]

    assert len(set(ids)) == len(ids) == 8_000
    assert {len(one) for one in ids} == {32}
    assert {one[:12] for one in ids} == {f"{int(AT.timestamp() * 1000):012x}"}
    assert int(max(ids), 16) > int(min(ids), 16)


def test_a_forked_process_makes_ids_of_its_own():
    clock.new_id(AT)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, clock.new_id(AT).encode())
        os._exit(0)
    os.wait()
    there = os.read(reading, 100).decode()

    assert len(there) == 32
    assert there not in [clock.new_id(AT) for _ in range(1_000)]


@given(TIMES)
def test_times_are_kept_to_the_microsecond(at):
    assert to_micros(at) == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert from_micros(to_micros(at)) == at
