"""One attempt: sign, send, judge. It always ends in a settlement, whatever happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.delivery.sender import send
from webhookd.model import (
    Attempt,
    Delivered,
    Held,
    Outcome,
    Reply,
    Response,
    RetryAt,
    Settlement,
    Unreachable,
)
from webhookd.rules import retry

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import httpx

    from webhookd.delivery.lane import Lane
    from webhookd.delivery.prepared_webhook import PreparedWebhook
    from webhookd.model import Delivery
    from webhookd.rules.redaction import Redactor

ANSWER_KEPT = 2048
"""Bytes of an answer that stay with the attempt."""


class Courier:
    """Makes attempts over one transport.

    *now* is the wall clock, *monotonic* measures lengths, *dice* gives jitter. No reply is judged
    while somebody holds *stillness*.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        dice: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._now = now
        self._monotonic = monotonic
        self._dice = dice
        self.stillness = asyncio.Lock()
        self.redactor: Redactor
        self.config_hash = ""

    async def attempt(self, lane: Lane, delivery: Delivery) -> Settlement:
        """Send *delivery* once, under the definition in force now, and judge the reply."""
        started_at, began = self._now(), self._monotonic()
        is_first = delivery.first_attempt_at is None
        start = _Start(
            delivery,
            lane.definition,
            self.config_hash,
            self.redactor,
            started_at,
            first_attempt_at=delivery.first_attempt_at or started_at,
            held_before=lane.held_total(started_at) if is_first else delivery.held_before,
        )
        try:
            reply, is_cut = await self._send(start)
            ended_at, seconds = self._now(), self._monotonic() - began
            if self.stillness.locked():
                # Lanes are being changed: what this reply means for one is judged afterwards.
                async with self.stillness:
                    pass
            outcome = self._judge(start, lane, reply, ended_at)
            return _settlement(start, lane, reply, outcome, ended_at, seconds, is_cut=is_cut)
        except Exception as error:  # noqa: BLE001 - a bug costs a retry, never a delivery
            telemetry.bug("delivery.attempt_broke", error, delivery_id=delivery.id)
            ended_at, seconds = self._now(), self._monotonic() - began
            why = f"internal: a bug in webhookd ({type(error).__name__}); its log has the details"
            policy = start.definition.webhook.delivery.retry
            again = RetryAt(
                ended_at + retry.waiting_time(policy, delivery.attempts_made + 1, 0.0), why
            )
            reply = Unreachable("internal", why)
            return _settlement(start, lane, reply, again, ended_at, seconds, is_cut=False)

    def _judge(self, start: _Start, lane: Lane, reply: Reply, ended_at: datetime) -> Outcome:
        outcome = retry.judge(
            reply,
            policy=start.definition.webhook.delivery.retry,
            attempts_made=start.delivery.attempts_made + 1,
            first_attempt_at=start.first_attempt_at,
            held_for=lane.held_since_first(start.held_before, ended_at),
            now=ended_at,
            dice=self._dice(),
        )
        if isinstance(outcome, Held) and not lane.definition.has_same_request(start.definition):
            # The definition that got the 410 is no longer in force: the new one is tried.
            return RetryAt(ended_at, f"{outcome.why}, under the definition before the reload")
        return outcome

    async def _send(self, start: _Start) -> tuple[Reply, bool]:
        delivery, definition = start.delivery, start.definition
        request = definition.template.fill(
            delivery.rendered, delivery_id=delivery.id, at=start.started_at
        )
        return await send(self._transport, request, definition.options)


@dataclass(frozen=True, slots=True)
class _Start:
    """An attempt as it began: what is in force for it until it ends."""

    delivery: Delivery
    definition: PreparedWebhook
    config_hash: str
    redactor: Redactor
    started_at: datetime
    first_attempt_at: datetime
    held_before: float


def _settlement(
    start: _Start,
    lane: Lane,
    reply: Reply,
    outcome: Outcome,
    ended_at: datetime,
    seconds: float,
    *,
    is_cut: bool,
) -> Settlement:
    answer = reply.answer if isinstance(reply, Response) else b""
    redactor = start.redactor
    attempt = Attempt(
        number=start.delivery.attempts_made + 1,
        started_at=start.started_at,
        seconds=seconds,
        status=reply.status if isinstance(reply, Response) else None,
        error=None if isinstance(outcome, Delivered) else redactor.text(outcome.why),
        answer=redactor.answer(answer, limit=ANSWER_KEPT, is_cut=is_cut) if answer else "",
        config_hash=start.config_hash,
    )
    return Settlement(
        delivery=start.delivery,
        lane=lane.row.number,
        epoch=lane.row.epoch,
        attempt=attempt,
        outcome=outcome,
        first_attempt_at=start.first_attempt_at,
        held_before=start.held_before,
        ended_at=ended_at,
        is_paced=lane.window is not None,
        kind=f"{reply.status // 100}xx" if isinstance(reply, Response) else reply.reason,
    )
