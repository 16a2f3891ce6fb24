"""One attempt, with a sender that does as it is told."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.credentials import ScriptedCredentials
from tests.making import LOOPBACK, NOW, a_delivery, a_webhook
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.clock import Clock
from webhookd.definitions import Bearer, Request
from webhookd.delivery.courier import Courier
from webhookd.delivery.prepared_webhook import AttemptContext, prepare
from webhookd.errors import TokenError
from webhookd.model import Delivered, GivenUp, Held, Response, RetryAt, Secret, Unreachable
from webhookd.rules.redaction import Redactor

TOKEN = "learned-during-the-attempt"


class ScriptedSender:
    """Gives one reply, after *meanwhile* was called."""

    def __init__(self, reply, meanwhile=lambda: None):
        self._reply = reply
        self._meanwhile = meanwhile
        self.requests = []

    async def send(self, request, _options):
        self.requests.append(request)
        self._meanwhile()
        return self._reply


def context(webhook=None, *, config_hash="c0ffee", **changes):
    definition = prepare(webhook or a_webhook(), LOOPBACK, config_hash=config_hash)
    return replace(AttemptContext(definition, 7, 3, 0.0, is_paced=False), **changes)


def attempted(sender, *contexts, secrets=None, delivery=None):
    """Return the settlement of one attempt; *contexts* are those of its start and its end."""
    given = iter(contexts if len(contexts) > 1 else contexts * 2)
    courier = Courier(
        sender,
        secrets or KnownSecrets(),
        clock=Clock(now=lambda: NOW, monotonic=lambda: 0.0, dice=lambda: 0.0),
    )
    return asyncio.run(courier.attempt(delivery or a_delivery(), lambda _: next(given)))


def test_a_settlement_says_what_was_in_force_when_the_attempt_began():
    made = attempted(
        ScriptedSender(Response(204)), context(), context(config_hash="later", epoch=4)
    )

    assert (made.lane, made.epoch, made.attempt.config_hash) == (7, 4, "c0ffee")
    assert made.outcome == Delivered()


@pytest.mark.parametrize("form", [TOKEN, base64.b64encode(TOKEN.encode()).decode().rstrip("=")])
def test_a_secret_learned_during_an_attempt_is_hidden_in_what_is_kept_of_it(form):
    secrets = KnownSecrets()

    def learn():
        secrets.learn(Secret(TOKEN))

    answered = attempted(
        ScriptedSender(Response(500, answer=f"-{form}-".encode()), learn),
        context(),
        secrets=secrets,
    )
    failed = attempted(
        ScriptedSender(Unreachable("connect", f"-{form}-"), learn), context(), secrets=secrets
    )

    assert answered.attempt.answer == "-***-"
    assert failed.attempt.error == "connect: -***-"


def test_a_secret_that_a_reload_took_away_is_hidden_in_the_answer_to_it():
    secrets = KnownSecrets()
    secrets.adopt(Redactor([Secret("of-yesterday")]))

    made = attempted(
        ScriptedSender(
            Response(500, answer=b"of-yesterday of-today"),
            lambda: secrets.adopt(Redactor([Secret("of-today")])),
        ),
        context(),
        secrets=secrets,
    )

    assert made.attempt.answer == "*** ***"


def test_the_end_of_an_answer_that_was_cut_shows_no_half_secret():
    secrets = KnownSecrets()
    secrets.learn(Secret(TOKEN))
    reply = Response(500, answer=b"-learned-dur", is_cut=True)

    assert attempted(ScriptedSender(reply), context(), secrets=secrets).attempt.answer == "-***"


@pytest.mark.parametrize("before", range(170, 205, 3))
@pytest.mark.parametrize("status", [307, 410])
def test_no_part_of_a_secret_is_kept_of_where_an_answer_points(before, status):
    secrets = KnownSecrets()
    secrets.learn(Secret(TOKEN))
    reply = Response(status, location="/" + "x" * before + TOKEN)

    error = attempted(ScriptedSender(reply), context(), secrets=secrets).attempt.error

    assert "lea" not in error


def test_time_on_hold_is_no_time_of_trying():
    delivery = a_delivery(
        attempts_made=3, first_attempt_at=NOW - timedelta(days=30), held_before=60.0
    )
    held = timedelta(days=29).total_seconds() + 60.0

    made = attempted(ScriptedSender(Response(503)), context(held_total=held), delivery=delivery)

    assert isinstance(made.outcome, RetryAt)
    assert made.held_before == 60.0


def test_a_410_to_the_definition_before_a_reload_holds_nothing():
    other = a_webhook(request=Request("POST", "https://example.com/new", Bearer(Secret("new"))))

    unchanged = attempted(ScriptedSender(Response(410)), context())
    redefined = attempted(ScriptedSender(Response(410)), context(), context(other))

    assert isinstance(unchanged.outcome, Held)
    assert isinstance(redefined.outcome, RetryAt)
    assert redefined.outcome.when == NOW


def test_an_attempt_waits_for_its_credentials_and_tells_them_the_answer():
    credentials, sender = ScriptedCredentials(last=2), ScriptedSender(Response(401))
    definition = replace(context().definition, credentials=credentials)

    first, second = (attempted(sender, context(definition=definition)) for _ in range(2))

    sent = [dict(request.headers)["authorization"] for request in sender.requests]
    assert sent == ["Bearer 1", "Bearer 2"]
    assert credentials.heard == [(1, 401), (2, 401)]
    assert isinstance(first.outcome, RetryAt)
    assert first.outcome.when == NOW
    assert isinstance(second.outcome, GivenUp)


def test_a_delivery_is_delivered_whatever_its_credentials_think_of_the_answer():
    class Eager(ScriptedCredentials):
        def refused(self, _serial, _status):
            return "at_once"

    definition = replace(context().definition, credentials=Eager(last=1))

    made = attempted(ScriptedSender(Response(204)), context(definition=definition))

    assert made.outcome == Delivered()


def test_a_401_to_a_token_that_was_never_accepted_waits_and_is_not_the_end():
    credentials = ScriptedCredentials(last=2, renewal="later")
    definition = replace(context().definition, credentials=credentials)

    made = attempted(ScriptedSender(Response(401)), context(definition=definition))

    assert isinstance(made.outcome, RetryAt)
    assert made.outcome.when > NOW
    assert made.attempt.error.startswith("token: the receiver does not take a token")
    assert made.attempt.error.endswith("the receiver answered 401, which is not retried")
    assert (made.attempt.status, made.kind, made.made_request) == (401, "4xx", True)


def test_a_401_to_a_token_is_given_up_in_the_end():
    credentials = ScriptedCredentials(last=2, renewal="later")
    definition = replace(context().definition, credentials=credentials)
    delivery = a_delivery(attempts_made=9, first_attempt_at=NOW - timedelta(days=4))

    made = attempted(
        ScriptedSender(Response(401)), context(definition=definition), delivery=delivery
    )

    assert isinstance(made.outcome, GivenUp)


def test_without_a_token_nothing_is_sent():
    class Without(ScriptedCredentials):
        async def authorize(self, _at):
            raise TokenError("no token from login.example.com: it answered 500")

    sender = ScriptedSender(Response(204))
    definition = replace(context().definition, credentials=Without(last=1))

    made = attempted(sender, context(definition=definition))

    assert sender.requests == []
    assert isinstance(made.outcome, RetryAt)
    assert made.attempt.error == "token: no token from login.example.com: it answered 500"
    assert (made.kind, made.made_request) == ("token", False)
