"""Signatures of other dialects, verified by the libraries that receivers use."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier
from stripe import SignatureVerificationError, WebhookSignature

from webhookd.definitions import Hmac, Scheme, Signature
from webhookd.model import Secret
from webhookd.rules import hmac_signing, signing
from webhookd.rules.signers import signer

AT = datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=UTC)
SECONDS = int(AT.timestamp())
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
# The libraries refuse secrets of blanks alone.
SECRETS = st.text(st.characters(codec="utf-8"), max_size=40).map("k".__add__)
SHOPIFY = Hmac("X-Shopify-Hmac-Sha256", encoding="base64")
SLACK = Hmac("X-Slack-Signature", signs="v0:{{ timestamp }}:{{ body }}", value="v0={{ signature }}")


def sign(scheme, secret, body, *previous, form=None, at=AT):
    signature = Signature("1", scheme, Secret(secret), tuple(map(Secret, previous)), form)
    sign_request = signer(signature)("POST", "https://example.com/a?b=c")
    lines = sign_request(body.encode(), "d-1", *map(str, signing.since_epoch(at)))
    return dict(line.split(": ", 1) for line in lines)


@given(SECRETS, TEXTS, SECRETS)
def test_stripes_library_accepts_it_with_each_secret_and_no_other(secret, body, previous):
    now = datetime.now(UTC)
    header = sign(Scheme.STRIPE, secret, body, previous, at=now)["Stripe-Signature"]

    for one in (secret, previous):
        assert WebhookSignature.verify_header(body, header, one, tolerance=300)
    with pytest.raises(SignatureVerificationError):
        WebhookSignature.verify_header(body, header, f"{secret}{previous}x", tolerance=300)


@given(SECRETS, TEXTS)
def test_slacks_library_accepts_the_form_that_is_described_so(secret, body):
    class Then(Clock):
        def now(self):
            return AT.timestamp()

    header = sign(Scheme.HMAC, secret, body, form=SLACK)["X-Slack-Signature"]
    verifier = SignatureVerifier(secret, Then())

    assert verifier.is_valid(body, str(SECONDS), header)
    assert not verifier.is_valid(body + "x", str(SECONDS), header)


@given(SECRETS, TEXTS)
def test_githubs_and_shopifys_are_what_their_pages_say(secret, body):
    made = hmac.new(secret.encode(), body.encode(), hashlib.sha256)

    assert sign(Scheme.GITHUB, secret, body) == {
        "X-Hub-Signature-256": f"sha256={made.hexdigest()}"
    }
    assert sign(Scheme.HMAC, secret, body, form=SHOPIFY) == {
        "X-Shopify-Hmac-Sha256": base64.b64encode(made.digest()).decode()
    }


def test_githubs_example_is_its_page_s():
    """The secret, the payload and the signature of "Testing the webhook payload validation"."""
    assert sign(Scheme.GITHUB, "It's a Secret to Everybody", "Hello, World!") == {
        "X-Hub-Signature-256": "sha256="
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    }


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_every_name_has_its_value(algorithm):
    signs = "{{body}}|{{ timestamp }}|{{timestamp_ms }}|{{ id }}|{{ method }}|{{ url }}|{ x }"
    form = Hmac("X-S", algorithm, "hex", signs, "{{ id }}:{{ timestamp_ms }}:{{ signature }}")
    signed = f"hällo|{SECONDS}|{SECONDS}123|d-1|POST|https://example.com/a?b=c|{{ x }}"
    expected = hmac.new(b"s", signed.encode(), algorithm).hexdigest()

    assert sign(Scheme.HMAC, "s", "hällo", form=form) == {"X-S": f"d-1:{SECONDS}123:{expected}"}


def test_a_name_in_the_body_is_no_hole():
    first, second = (
        sign(Scheme.HMAC, "s", body, form=SLACK)
        for body in ("{{ url }}", "https://example.com/a?b=c")
    )

    assert first != second


@pytest.mark.parametrize(
    "text", ["{{ body", "body }}", "{{ bo dy }}", "{{}}", "{{ a.b }}", "{{{{ a }}"]
)
def test_braces_that_are_no_hole_are_refused(text):
    with pytest.raises(ValueError, match="a hole is written"):
        hmac_signing.holes(text)


@given(st.text(), st.text(max_size=300))
def test_no_value_of_a_header_breaks_what_reads_it(value, literal):
    form = hmac_signing.Form(Hmac("X", value=literal.replace("{{", "") + "{{ signature }}"))
    for one in (form, *hmac_signing.PRESETS.values()):
        found = hmac_signing.pattern(one).fullmatch(value)
        assert found is None or isinstance(hmac_signing.further(one, found["again"]), list)


def test_a_pattern_takes_time_in_proportion():
    form = hmac_signing.PRESETS[Scheme.STRIPE]
    hostile = "t=1,v1=" + ",v1=" * 20_000 + " "

    found = hmac_signing.pattern(form).fullmatch(hostile)
    assert len(hmac_signing.further(form, found["again"])) == 20_000
