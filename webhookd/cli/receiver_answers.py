"""What `webhookd listen` answers: what it was told to, or what the desk behind it says."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from webhookd.cli.desk import NOT_PASSED_ON, NoAnswer
from webhookd.cli.receiver import Answer, Answering, plain
from webhookd.rules.resigning import ReceivedRequest, resigned

if TYPE_CHECKING:
    from datetime import timedelta

    from webhookd.cli.desk import Desk
    from webhookd.cli.receiver import Arrival
    from webhookd.cli.receiver_secrets import Known

BAD_GATEWAY = 502
_OF_THE_CONNECTION = NOT_PASSED_ON | {"keep-alive", "date"}
_STATUS = re.compile(r"([2-5][0-9]{2})(?::(.*))?", re.DOTALL)


def told(text: str) -> Answer:
    """Return the answer that `STATUS[:BODY]` stands for; ValueError where it stands for none."""
    found = _STATUS.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not STATUS or STATUS:BODY, as in 418:teapot")
    status, body = int(found[1]), found[2]
    if body is None:
        return plain(status)
    kind = "application/json" if _is_json(body) else "text/plain; charset=utf-8"
    return Answer(status, body.encode("utf-8", "surrogateescape"), (("content-type", kind),))


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list))
    except (ValueError, RecursionError):
        return False


class Answers:
    """Answers each request: the first ones with *failing*'s status, then as *desk* or *fixed* does.

    Each answer waits for *delay* first.
    """

    def __init__(
        self,
        failing: Answering,
        fixed: Answer,
        *,
        known: Known,
        delay: timedelta | None = None,
        desk: Desk | None = None,
    ) -> None:
        self._failing = failing
        self._fixed = fixed
        self._delay = delay
        self._desk = desk
        self._known = known
        self._closed = asyncio.Event()

    async def close(self) -> None:
        """Answer at once whatever still waits, and close the desk's connections."""
        self._closed.set()
        if self._desk is not None:
            await self._desk.close()

    async def answer(self, arrival: Arrival) -> Answer:
        """Return what one more request is answered, when it is time to."""
        failure = self._failing.failure()
        if self._delay is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), self._delay.total_seconds())
        if failure is not None:
            return plain(failure)
        return self._fixed if self._desk is None else await self._passed_on(self._desk, arrival)

    async def _passed_on(self, desk: Desk, arrival: Arrival) -> Answer:
        """Return what the desk answers: 502 where it does not."""
        url = desk.address(arrival.target)
        received = ReceivedRequest(arrival.method, arrival.url, arrival.headers, arrival.body)
        signed = resigned(received, url, self._known.signing, self._known.forms)
        passed = await desk.pass_on(arrival.method, url, signed.headers, arrival.body)
        answer = passed.answer
        if isinstance(answer, NoAnswer):
            body = f"no answer from the desk: {answer.why}\n".encode()
            return Answer(BAD_GATEWAY, body, passed_on=passed, signed=signed)
        headers = tuple(
            pair for pair in answer.headers if pair[0].lower() not in _OF_THE_CONNECTION
        )
        return Answer(answer.status, answer.body, headers, passed, signed)
