"""A record that holds bytes which are not UTF-8 costs itself; the page and the poll go on."""

import pytest
import structlog

from tests.polls import LEAD
from webhookd.telemetry import logs

STRAY = [b'"caf\xe9"', b'"\xff"', b'"cut\xc3"', b'["a", "\xed\xa0\x80"]', b'{"\xff": 1}']


@pytest.mark.parametrize("stray", STRAY)
def test_a_record_with_stray_bytes_is_named_and_left_out(poll, stray):
    logs.configure("console", "WARNING")

    async def scenario(polls):
        await polls.poll()
        ids = [polls.account.create("contacts", LEAD) for _ in range(20)]
        odd = polls.account.create("contacts", {"email": "STRAY"})
        ids += [polls.account.create("contacts", LEAD) for _ in range(20)]
        polls.fake.spoil = lambda _kind, _object, body: body.replace(b'"STRAY"', stray)
        with structlog.testing.capture_logs() as logged:
            await polls.poll(times=2)
        told, failures = polls.news(), polls.figures().failures
        polls.account.change("contacts", odd, LEAD)
        await polls.poll(times=2)
        lines = [one for one in logged if one["event"] == "source.records_left_out"]
        return ids, told, failures, polls.news(), odd, lines

    ids, told, failures, healed, odd, lines = poll(scenario)

    assert sorted(one[0] for one in told) == sorted(ids)
    assert failures == 0
    assert healed == [(odd, "created", LEAD)]
    ((ids, reason),) = [(list(one["record_ids"]), one["reason"]) for one in lines]
    assert ids == [odd]
    assert "UTF-8" in reason or "'properties'" in reason


def test_the_first_read_goes_on_behind_one(poll):
    async def scenario(polls):
        for number in range(150):
            polls.account.create("contacts", {"email": "STRAY"} if number == 70 else LEAD)
        polls.time.seconds += 7200
        polls.fake.spoil = lambda _kind, _object, body: body.replace(b'"STRAY"', b'"\xe9"')
        await polls.poll()
        return await polls.query("SELECT count(*) FROM known_records"), polls.figures()

    ((count,),), figures = poll(scenario)

    assert count == 149
    assert (figures.failures, figures.left_out) == (0, 1)
