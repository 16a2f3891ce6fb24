"""One attempt: authorize, sign, send, judge. It always ends in a settlement, whatever happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from webhookd import telemetry
from webhookd.delivery.exchange_heads import ExchangeHeads
from webhookd.errors import TokenError
from webhookd.model import (
    DELIVERED,
    Attempt,
    Delivered,
    GivenUp,
    Held,
    Outcome,
    Reply,
    Response,
    RetryAt,
    Settlement,
    Unreachable,
)
from webhookd.rules import retry
from webhookd.rules.templating.unfilled import UnfilledError
from webhookd.telemetry import logs
from webhookd.telemetry.events import BugFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.authentication.credentials import Renewal
    from webhookd.authentication.known_secrets import KnownSecrets
    from webhookd.clock import Clock
    from webhookd.delivery.prepared_webhook import AttemptContext
    from webhookd.delivery.sender import Sender
    from webhookd.delivery.signed_request import SignedRequest
    from webhookd.model import Delivery
    from webhookd.rules.redaction import Redactor

    ContextAt: TypeAlias = Callable[[datetime], AttemptContext]

ANSWER_KEPT = 2048
"""Bytes of an answer that stay with the attempt."""

_CLASSES: Final = tuple(f"{hundreds}xx" for hundreds in range(10))

_REFUSED = "the receiver does not take a token that it never took before"


class Courier:
    """Makes attempts; *sender* sends them, *secrets* are hidden in what is kept of them.

    No reply is judged while somebody holds *quiesce*.
    """

    def __init__(
        self,
        sender: Sender,
        secrets: KnownSecrets,
        *,
        clock: Clock,
    ) -> None:
        self._sender = sender
        self._secrets = secrets
        self._now = clock.now
        self._monotonic = clock.monotonic
        self._dice = clock.dice
        self._heads = ExchangeHeads()
        self.quiesce = asyncio.Lock()

    async def attempt(self, delivery: Delivery, context_at: ContextAt) -> Settlement:
        """Send *delivery* once, under the definition in force now, and judge the reply.

        *context_at* gives the lane's context at a moment. It is called twice: when the attempt
        starts, which decides what is sent, and when the reply is judged, since the lane may have
        been held, released or redefined in between.
        """
        started_at, began = self._now(), self._monotonic()
        context = context_at(started_at)
        is_first = delivery.first_attempt_at is None
        start = _Start(
            delivery,
            context,
            self._secrets.redactor,
            started_at,
            delivery.first_attempt_at or started_at,
            context.held_total if is_first else delivery.held_before,
            self._heads,
        )
        try:
            reply, renewal = await self._send(start)
            ended_at, seconds = self._now(), self._monotonic() - began
            if self.quiesce.locked():
                # Lanes are being changed: what this reply means for one is judged afterwards.
                async with self.quiesce:
                    pass
            context = context_at(ended_at)
            redactor = self._secrets.redactor_since(start.redactor)
            reply = _without_secrets(reply, redactor)
            outcome = self._judge(start, context, reply, ended_at, renewal)
            return _settlement(start, context, redactor, reply, outcome, ended_at, seconds)
        except Exception as error:  # noqa: BLE001 - a bug costs a retry, never a delivery
            telemetry.report(
                BugFound("delivery.attempt_broke", error, {"delivery_id": delivery.id})
            )
            ended_at, seconds = self._now(), self._monotonic() - began
            why = f"internal: a bug in webhookd ({type(error).__name__}); its log has the details"
            policy = start.context.definition.webhook.delivery.retry
            step = delivery.attempts_made + 1 - delivery.hints.made
            again = RetryAt(ended_at + retry.waiting_time(policy, step, 0.0), why)
            reply, context = Unreachable("internal", why), context_at(ended_at)
            return _settlement(start, context, start.redactor, reply, again, ended_at, seconds)

    def _judge(
        self,
        start: _Start,
        context: AttemptContext,
        reply: Reply,
        ended_at: datetime,
        renewal: Renewal,
    ) -> Outcome:
        policy = start.context.definition.webhook.delivery
        if isinstance(reply, Response) and retry.is_success(reply.status, policy):
            return DELIVERED
        held_for = timedelta(seconds=max(context.held_total - start.held_before, 0.0))
        judged = partial(
            retry.judge,
            policy=policy,
            attempts_made=start.delivery.attempts_made + 1,
            hints=start.delivery.hints,
            first_attempt_at=start.first_attempt_at,
            held_for=held_for,
            now=ended_at,
            dice=self._dice(),
        )
        outcome = judged(reply)
        if isinstance(outcome, Held) and not context.definition.has_same_request(
            start.context.definition
        ):
            # The definition that got the 410 is no longer in force: the new one is tried.
            return RetryAt(ended_at, f"{outcome.why}, under the definition before the reload")
        if isinstance(outcome, RetryAt | GivenUp):
            match renewal:
                case "at_once":
                    why = f"{outcome.why}; it is sent again with another authorization"
                    return RetryAt(ended_at, why)
                case "later":
                    # The next token may be right; by its status alone the delivery would be lost.
                    return judged(Unreachable("token", f"{_REFUSED}: {outcome.why}"))
                case None:
                    pass
        return outcome

    async def _send(self, start: _Start) -> tuple[Reply, Renewal]:
        """Send the request; return the reply, and whether the credentials have others to try.

        One attempt is one request: others are for the next attempt.
        """
        delivery, definition = start.delivery, start.context.definition
        credentials = definition.credentials
        try:
            authorization = await credentials.authorize(start.started_at)
            request = definition.template.fill(delivery, authorization, at=start.started_at)
        except TokenError as error:
            return Unreachable("token", str(error)), None
        except UnfilledError as error:
            return Unreachable(error.reason, str(error)), None
        start.sends(request)
        reply = await self._sender.send(request, definition.options)
        if not isinstance(reply, Response):
            return reply, None
        return reply, credentials.refused(authorization.serial, reply.status)


@dataclass(slots=True)
class _Start:
    """An attempt as it began: what is in force for it until it ends.

    *request* is what was sent, once anything was; *heads* makes what is kept of its headers.
    """

    delivery: Delivery
    context: AttemptContext
    redactor: Redactor
    started_at: datetime
    first_attempt_at: datetime
    held_before: float
    heads: ExchangeHeads
    request: SignedRequest | None = None

    def sends(self, request: SignedRequest) -> None:
        """Note what is sent."""
        self.request = request


def _settlement(
    start: _Start,
    context: AttemptContext,
    redactor: Redactor,
    reply: Reply,
    outcome: Outcome,
    ended_at: datetime,
    seconds: float,
) -> Settlement:
    status: int | None = None
    answer, answer_headers = "", None
    if isinstance(reply, Response):
        status, kind = reply.status, _CLASSES[reply.status // 100]
        answer = _kept(_answer, reply, redactor) if reply.answer else ""
        answer_headers = _kept(start.heads.answered, reply.headers, redactor)
    else:
        kind = reply.reason
    # By position: with names, a class takes three times as long to make a value.
    attempt = Attempt(
        start.delivery.attempts_made + 1,
        start.started_at,
        seconds,
        status,
        None if isinstance(outcome, Delivered) else _kept(redactor.text, outcome.why),
        answer,
        start.context.definition.config_hash,
        None if start.request is None else _kept(start.heads.sent, start.request, redactor),
        answer_headers,
    )
    return Settlement(
        start.delivery,
        context.lane,
        context.epoch,
        attempt,
        outcome,
        start.first_attempt_at,
        start.held_before,
        ended_at,
        context.is_paced,
        kind,
    )


def _kept(make: Callable[..., str], *parts: Any) -> str:
    """Return the text that *make* makes; a bug there costs it, not the outcome of the attempt."""
    try:
        return make(*parts)
    except Exception as error:  # noqa: BLE001 - what was delivered must not be sent again for it
        telemetry.report(BugFound("delivery.attempt_broke", error))
        return logs.UNSHOWN


def _without_secrets(reply: Reply, redactor: Redactor) -> Reply:
    """Return *reply* with none in the address that it points to.

    That is shortened later, and half a secret would be found by nobody.
    """
    if not isinstance(reply, Response) or reply.location is None:
        return reply
    return replace(reply, location=_kept(redactor.text, reply.location))


def _answer(response: Response, redactor: Redactor) -> str:
    return redactor.answer(response.answer, limit=ANSWER_KEPT, is_cut=response.is_cut)
