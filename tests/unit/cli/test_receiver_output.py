"""What `listen` shows of the requests that came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from webhookd.cli.receiver import Arrival, Receipt, plain
from webhookd.cli.receiver_output import SHOWN_BODY, as_object, verdict, whole
from webhookd.cli.receiver_secrets import Known
from webhookd.definitions import Scheme
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor
from webhookd.rules.verification import Unsigned, Unverified, Verified

SECRET = "s3cr3t-t0k3n-5f2c8e7a"
NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def arrival(path="/", method="POST", verification=None, body=b""):
    url = f"http://127.0.0.1{path}"
    return Arrival(NOW, url, path, path, method, (), body, verification or Unsigned())


@pytest.mark.parametrize("before", range(SHOWN_BODY - len(SECRET) - 2, SHOWN_BODY + 2))
def test_no_part_of_a_secret_is_shown_of_a_long_body(before):
    body = b"x" * before + SECRET.encode() + b"x" * 100
    known = Known((), Redactor([Secret(SECRET)]))

    shown = whole(Receipt(arrival(body=body), plain(200)), known).plain

    assert "s3c" not in shown
    assert f"… ({len(body):,} characters)" in shown


@pytest.mark.parametrize(
    ("verification", "path", "says", "style"),
    [
        (Unsigned(), "/open", "not signed", "dim"),
        (Unsigned(), "/unknown", "not signed", "dim"),
        (Unsigned(), "/signs", "signature NOT verified: it is NOT signed", "bold red"),
        (Verified(Scheme.STRIPE), "/signs", "signature verified (stripe)", "green"),
        (Unverified("it is false"), "/open", "signature NOT verified: it is false", "bold red"),
    ],
)
def test_only_what_should_be_signed_is_called_unverified(verification, path, says, style):
    signs = {("POST", "/open"): False, ("POST", "/signs"): True}
    known = Known((Secret(SECRET),), Redactor([]), signs=signs)
    came = arrival(path, verification=verification)

    told = verdict(verification, known, came)

    assert told.plain.startswith(says)
    assert told.style == style


@pytest.mark.parametrize("verification", [Unverified("it is false"), Unsigned()])
def test_without_a_secret_nothing_is_called_false(verification):
    known = Known((), Redactor([]))

    assert "red" not in str(verdict(verification, known, arrival()).style)
    found = as_object(Receipt(arrival(verification=verification), plain(200)), known)
    assert found["signature"]["verified"] is None


def test_a_body_that_is_no_text_is_told_in_base64():
    found = as_object(Receipt(arrival(body=b"\xff\x00"), plain(200)), Known((), Redactor([])))

    assert found["body_base64"] == "/wA="
    assert "body" not in found
