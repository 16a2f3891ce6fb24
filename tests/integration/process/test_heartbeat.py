"""The heartbeat: only while it is true, and always the whole truth."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from tests.engine import until
from tests.supervisor import Supervisor
from webhookd.errors import StorageError
from webhookd.process import heartbeat as heartbeat_module
from webhookd.process.heartbeat import Heartbeat

WATCHDOG = {"WATCHDOG_USEC": "20000"}


@pytest.fixture
def supervisor(tmp_path):
    with Supervisor(tmp_path / "notify") as listening:
        yield listening


@asynccontextmanager
async def beating(environment, *, prove=None, look=None, patience=timedelta(minutes=1)):
    async def nothing():
        return "nothing to do"

    heartbeat = Heartbeat(environment, patience=patience)
    heartbeat.ready(prove or nothing, look or nothing)
    yield heartbeat
    await heartbeat.end()


def test_ready_is_said_first_and_again_with_every_beat(supervisor):
    async def work():
        async with beating(supervisor.environment | WATCHDOG):
            await until(lambda: supervisor.states.count("WATCHDOG=1") > 3)

    asyncio.run(work())
    assert supervisor.messages[0] == ["READY=1"]
    beats = [message for message in supervisor.messages if "WATCHDOG=1" in message]
    assert all(beat == ["READY=1", "WATCHDOG=1"] for beat in beats)


def test_the_status_is_what_was_seen(supervisor):
    async def look():
        return "2 webhooks, 1 failing; 7 deliveries pending"

    async def work():
        async with beating(supervisor.environment, look=look):
            await until(lambda: len(supervisor.messages) > 2)

    asyncio.run(work())
    assert "STATUS=2 webhooks, 1 failing; 7 deliveries pending" in supervisor.states
    assert "WATCHDOG=1" not in supervisor.states


def test_no_beat_while_the_writer_does_not_answer(supervisor):
    asked = 0

    async def prove():
        nonlocal asked
        asked += 1
        if asked > 3:
            await asyncio.Event().wait()

    async def work():
        async with beating(supervisor.environment | WATCHDOG, prove=prove):
            await until(lambda: asked == 4)

    asyncio.run(work())
    assert supervisor.states.count("WATCHDOG=1") == 3


def test_a_slow_look_does_not_delay_a_beat(supervisor):
    async def look():
        await asyncio.Event().wait()

    async def work():
        async with beating(supervisor.environment | WATCHDOG, look=look):
            await until(lambda: supervisor.states.count("WATCHDOG=1") > 3)

    asyncio.run(work())


def test_a_writer_that_refuses_ends_the_beats_and_nothing_else(supervisor):
    async def prove():
        raise StorageError("the database is closed")

    async def work():
        async with beating(supervisor.environment | WATCHDOG, prove=prove) as heartbeat:
            await asyncio.sleep(0)
            heartbeat.stopping()

    asyncio.run(work())
    assert "WATCHDOG=1" not in supervisor.states
    assert "STOPPING=1" in supervisor.states


def test_stopping_asks_for_time_with_every_beat(supervisor):
    async def work():
        async with beating(supervisor.environment | WATCHDOG) as heartbeat:
            heartbeat.stopping()
            await until(lambda: supervisor.states.count("EXTEND_TIMEOUT_USEC=15000000") > 3)

    asyncio.run(work())
    stopping = ["STOPPING=1" in message for message in supervisor.messages]
    after = supervisor.messages[stopping.index(True) :]
    assert not any("READY=1" in message for message in after)


def test_once_it_stops_no_other_status_is_given(supervisor):
    seen = asyncio.Event()

    async def look():
        await seen.wait()
        return "7 deliveries pending"

    async def work():
        async with beating(supervisor.environment | WATCHDOG, look=look) as heartbeat:
            await asyncio.sleep(0)
            heartbeat.stopping()
            seen.set()
            await until(lambda: supervisor.states.count("WATCHDOG=1") > 3)

    asyncio.run(work())
    assert "STATUS=7 deliveries pending" not in supervisor.states


def test_time_to_stop_is_not_asked_for_for_ever(supervisor):
    async def work():
        over = timedelta()
        async with beating(supervisor.environment | WATCHDOG, patience=over) as heartbeat:
            heartbeat.stopping()
            await until(lambda: supervisor.states.count("WATCHDOG=1") > 3)

    asyncio.run(work())
    assert "STOPPING=1" in supervisor.states
    assert not any(state.startswith("EXTEND") for state in supervisor.states)


def test_without_a_supervisor_nothing_runs():
    async def prove():
        pytest.fail("nobody wants to know")

    async def work():
        async with beating(WATCHDOG, prove=prove) as heartbeat:
            await asyncio.sleep(0)
            heartbeat.stopping()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(work())


def test_a_proof_that_fails_costs_beats_and_the_next_one_is_tried(supervisor):
    is_working = False

    async def prove():
        if not is_working:
            raise StorageError("not now")

    async def work():
        nonlocal is_working
        async with beating(supervisor.environment | WATCHDOG, prove=prove):
            await asyncio.sleep(0.1)
            assert "WATCHDOG=1" not in supervisor.states
            is_working = True
            await until(lambda: supervisor.states.count("WATCHDOG=1") > 1)

    asyncio.run(work())


def test_a_look_that_fails_is_another_one_later(supervisor, monkeypatch):
    monkeypatch.setattr(heartbeat_module, "BEAT_EVERY", timedelta(milliseconds=10))
    looks = 0

    async def look():
        nonlocal looks
        looks += 1
        if looks == 1:
            raise RuntimeError("not today")
        return "well"

    async def work():
        async with beating(supervisor.environment, look=look):
            await until(lambda: "STATUS=well" in supervisor.states)

    asyncio.run(work())
