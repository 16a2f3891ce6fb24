"""Secrets that the daemon learns while it runs."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from io import StringIO
from urllib.parse import quote

import pytest

from webhookd.authentication import known_secrets
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor
from webhookd.telemetry import logs

TOKEN = 'a+token/of "today"'

FORMS = {
    "as it is": TOKEN,
    "percent": quote(TOKEN, safe=""),
    "json": json.dumps(TOKEN)[1:-1],
    "base64": base64.b64encode(TOKEN.encode()).decode(),
    "hex": TOKEN.encode().hex(),
}


def logged(text):
    """Return *text* as a log line shows it."""
    with redirect_stderr(StringIO()) as stderr:
        logs.log.error("daemon.ready", text=text, texts=[text])
    line = json.loads(stderr.getvalue())
    assert line["texts"] == [line["text"]]
    return line["text"]


@pytest.fixture
def _as_json():
    logs.configure("json", "ERROR")


@pytest.mark.usefixtures("_as_json")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_learned_secret_is_hidden_in_log_lines_that_showed_it_before(form):
    secrets = KnownSecrets()
    secrets.adopt(Redactor([Secret("of-the-configuration")]))
    before = [logged(f"-{form}-") for _ in range(2)]

    secrets.learn(Secret(TOKEN))

    assert before == [f"-{form}-"] * 2
    assert logged(f"-{form}-").replace("=", "") == "-***-"
    assert logged("of-the-configuration") == "***"


@pytest.mark.usefixtures("_as_json")
def test_a_learned_secret_outlives_a_reload():
    secrets = KnownSecrets()
    secrets.adopt(Redactor([Secret("of-yesterday")]))
    secrets.learn(Secret(TOKEN))

    secrets.adopt(Redactor([Secret("of-today")]))

    assert logged(f"of-yesterday of-today {TOKEN}") == "of-yesterday *** ***"


def test_what_began_earlier_hides_the_secrets_of_then_and_of_now():
    secrets = KnownSecrets()
    secrets.adopt(Redactor([Secret("of-yesterday")]))
    began = secrets.redactor

    assert secrets.redactor_since(began) is began
    secrets.adopt(Redactor([Secret("of-today")]))
    secrets.learn(Secret(TOKEN))

    assert secrets.redactor_since(began).text(f"of-yesterday of-today {TOKEN}") == "*** *** ***"


def test_secrets_that_threads_learn_at_once_are_all_hidden():
    secrets = KnownSecrets()
    tokens = [f"token-number-{number:03}" for number in range(200)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda token: secrets.learn(Secret(token)), tokens))

    assert secrets.redactor.text(" ".join(tokens)) == " ".join(["***"] * len(tokens))


def test_of_very_many_learned_secrets_the_newest_are_hidden(monkeypatch):
    monkeypatch.setattr(known_secrets, "LEARNED_KEPT", 4)
    secrets = KnownSecrets()
    secrets.adopt(Redactor([Secret("of-the-configuration")]))
    for number in range(5):
        secrets.learn(Secret(f"a-token-{number}"))

    shown = secrets.redactor.text("of-the-configuration a-token-0 a-token-3 a-token-4")

    assert shown == "*** a-token-0 *** ***"


def test_a_token_takes_the_place_of_older_ones_of_its_client(monkeypatch):
    monkeypatch.setattr(known_secrets, "_CLEARED_AT", 20)
    secrets = KnownSecrets()
    secrets.adopt(Redactor([Secret("of-the-configuration")]))
    secrets.learn(Secret("of-nobody-1"))
    secrets.learn(Secret("of-another-1"), of="another")
    for number in range(100, 200):
        secrets.learn(Secret(f"a-token-{number}"), of="one")

    told = "of-nobody-1 of-another-1 of-the-configuration a-token-100 a-token-198 a-token-199"
    assert secrets.redactor.text(told) == "*** *** *** a-token-100 *** ***"


def test_a_token_that_is_met_again_is_not_forgotten_under_an_attempt(monkeypatch):
    monkeypatch.setattr(known_secrets, "_CLEARED_AT", 2)
    secrets = KnownSecrets()
    secrets.learn(Secret("a-token-100"), of="one")
    began = secrets.redactor
    for number in range(101, 120):
        secrets.learn(Secret(f"a-token-{number}"), of="one")

    assert secrets.redactor.text("a-token-100") == "a-token-100"
    assert secrets.redactor_since(began).text("a-token-100 a-token-119") == "*** ***"
